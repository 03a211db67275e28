"""`scorekeeper backtest` as a user types it: no Prefect, exit codes, what goes where."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from scorekeeper.operations.sample import write_sample
from scorekeeper.settings import Settings
from scorekeeper.store.database import open_database
from scorekeeper.store.sql import statement

COMMAND = str(Path(sys.executable).with_name("scorekeeper"))
DAYS = ("--from", "2025-05-05", "--to", "2025-05-08T00:00:59+00:00", "--market", "replay:market")


def scorekeeper(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    ours = {name.upper() for name in Settings.model_fields}
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    # Whoever asks a Prefect server here fails at once, and leaves a folder.
    nowhere = {"PREFECT_API_URL": "http://127.0.0.1:1/api", "PREFECT_HOME": str(folder / "prefect")}
    return subprocess.run(
        [COMMAND, *words], cwd=folder, env={**kept, **nowhere, **environment}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--to", "2025-05-08"], "--from"),
        (["--from", "2025-05-08T00:00+00:00", "--to", "2025-05-08T00:30+01:00"], "does not lie before"),
        *(
            pytest.param(*case, marks=pytest.mark.long)
            for case in (
                (["--from", "2025-05-08"], "--to"),
                (["--from", "2025-05-08", "--to", "2025-05-08T00:00:59"], "does not lie before"),
                (["--from", "2025-05-08", "--to", "2099-01-01"], "in the future"),
                (["--from", "last year", "--to", "2025-05-08"], "no ISO 8601 time"),
                (["--from", "0001-01-01T00:00+14:00", "--to", "2025-05-08"], "no ISO 8601 time"),
            )
        ),
    ],
)
def test_wrong_usage_exits_with_2_and_says_what_is_wrong(tmp_path: Path, words: list[str], said: str) -> None:
    done = scorekeeper(tmp_path, "backtest", *words, COLUMNS="200")
    assert (done.returncode, done.stdout, said in done.stderr) == (2, "", True), done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_sample_in_words_then_as_json_and_then_with_a_symbol_that_has_no_prices(tmp_path: Path) -> None:
    write_sample(tmp_path / "log", tmp_path / "market")
    done = scorekeeper(tmp_path, "backtest", "log", *DAYS)
    assert (done.returncode, done.stderr) == (0, "")
    assert "TechnicalAnalystAgent" in done.stdout
    assert "learned vote" not in done.stdout
    lines = done.stdout.splitlines()
    assert "420 taken, 0 outside, 0 duplicates, 0 rejected" in lines
    assert "0 trades still open at 2025-05-08 00:00 UTC" in lines
    for line in lines[-2:]:
        assert Path(line.partition(":")[2].strip()).is_file()
    assert not (tmp_path / "prefect").exists()

    unknown = {"symbol": "XRP/USDT", "type": "BUY", "price": 1.0, "timestamp": "2025-05-06T00:00:00Z"}
    wrong = [unknown | {"price": -number} for number in range(1, 26)]
    (tmp_path / "log" / "more.json").write_text(json.dumps([unknown, *wrong]))
    done = scorekeeper(tmp_path, "backtest", "log", *DAYS, "--json", "--with-weights")
    answer = json.loads(done.stdout)
    assert answer["with_weights"]["policies"]["learned_vote"]["net_pct"]["independent"] > 50
    assert (done.returncode, answer["late_decisions"], answer["active_trades"]) == (1, 0, 1)
    notes = done.stderr.splitlines()
    assert "421 taken, 0 outside, 0 duplicates, 25 rejected" in notes
    assert sum(line.startswith("  rejected: more.json, line ") for line in notes) == 20
    assert "  … and 5 more" in notes
    assert "1 trades still open at 2025-05-08 00:00 UTC, 1 of them due, and without a price" in notes
    assert "  XRP/USDT: the market does not know it" in notes
    assert notes[-1] == "error: the report is not whole: 1 symbols without prices"


def test_without_paths_the_installation_is_read_and_its_database_stays_as_it_is(
    database_url: str, tmp_path: Path
) -> None:
    write_sample(tmp_path / "inbox", tmp_path / "market")
    done = scorekeeper(tmp_path, "backtest", *DAYS, "--with-weights", DATABASE_URL=database_url)
    assert (done.returncode, done.stderr) == (0, "")
    assert "If the learned vote had been followed: 0 decisions" in done.stdout
    assert "0 taken, 0 outside, 0 duplicates, 0 rejected" in done.stdout  # the inbox has not been ingested
    assert "Scored in a database of its own" in done.stdout
    with open_database(database_url, tmp_path) as db, db.begin() as connection:
        status = connection.execute(statement("operations/select_status")).mappings().one()
    assert (status["market"], status["decisions"], status["last_as_of"]) == (None, 0, None)


def test_a_path_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "market").mkdir()
    done = scorekeeper(tmp_path, "backtest", "nowhere", *DAYS)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: nowhere: there is no such file or folder\n"
