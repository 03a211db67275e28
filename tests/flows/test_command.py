"""The command as a user types it: exit codes, one clear line, the demo."""

import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from tests.integration.inbox.test_private import open_to_others
from tests.levels import long
from tests.waiting import busy

COMMAND = str(Path(sys.executable).with_name("scorekeeper"))
CLOSED = "postgresql://owner:canary-7f3a@127.0.0.1:1/x"


def scorekeeper(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    ours = {name.upper() for name in Settings.model_fields} | {"PREFECT_API_URL", "PREFECT_HOME"}
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    return subprocess.run(
        [COMMAND, *words], cwd=folder, env={**kept, **environment}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "words",
    [["no-such-command"], *long(["close"], ["void", "x"], ["track", "--as-of", "yesterday"], ["metrics", "--no-such"])],
)
def test_wrong_usage_exits_with_2(tmp_path: Path, words: list[str]) -> None:
    assert scorekeeper(tmp_path, *words).returncode == 2


def test_ingest_and_status_name_open_files_torn_lines_and_files_not_read(database_url: str, tmp_path: Path) -> None:
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "e.log").write_text("x")
    decision = json.dumps({"symbol": "BTC/USDT", "type": "HOLD", "timestamp": "2025-05-01T00:00:00Z"})
    with (tmp_path / "inbox" / "bot.jsonl").open("a") as bot:
        bot.write(decision + "\n" + decision[:20])
        bot.flush()
        os.utime(tmp_path / "inbox" / "bot.jsonl", (time.time() - 600, time.time() - 600))
        done = scorekeeper(tmp_path, "ingest", DATABASE_URL=database_url)
        assert done.stdout.splitlines()[0] == "0 files: 1 decisions, 0 duplicates, 0 rejected"
        assert "followed, and moved once that is done: bot.jsonl" in done.stdout
        assert "not read: e.log (of another ending): name it .jsonl" in done.stdout
        status = scorekeeper(tmp_path, "status", DATABASE_URL=database_url).stdout
        assert re.search(r"the end of the last line is missing: bot.jsonl for 1\d minutes", status)
        assert "of another ending: e.log" in status
        assert "files waiting: 0" in status


def test_every_command_explains_itself(tmp_path: Path) -> None:
    listed = scorekeeper(tmp_path, "--help").stdout
    for name in (
        "demo",
        "ingest",
        "track",
        "analyze",
        "learn",
        "metrics",
        "report",
        "publish",
        "close",
        "void",
        "import",
        "status",
        "verify",
        "prune",
    ):
        assert name in listed
        shown = scorekeeper(tmp_path, name, "--help")
        assert (shown.returncode, "--home" in shown.stdout) == (0, True)


@pytest.mark.parametrize(
    "words", [["status"], *long(["metrics"], ["report"], ["verify"], ["publish"], ["void", "x", "--why", "y"])]
)
def test_a_database_that_is_away_is_one_clear_line_and_exit_code_1(tmp_path: Path, words: list[str]) -> None:
    done = scorekeeper(tmp_path, *words, DATABASE_URL=CLOSED)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: cannot reach the database at 127.0.0.1:1/x")
    assert done.stderr.count("\n") == 1
    assert "canary" not in done.stderr


def test_the_report_of_an_empty_database_is_a_file_that_says_so(database_url: str, tmp_path: Path) -> None:
    done = scorekeeper(tmp_path, "report", "--database-url", database_url)
    assert (done.returncode, done.stdout) == (0, f"{tmp_path / 'reports' / 'report.html'}\n")
    assert "No trade has closed yet" in (tmp_path / "reports" / "report.html").read_text(encoding="utf-8")
    done = scorekeeper(tmp_path, "report", "--output", "mine.html", "--database-url", database_url)
    assert (done.returncode, done.stdout) == (0, f"{tmp_path / 'mine.html'}\n")
    done = scorekeeper(tmp_path, "report", "--version", "v9", "--database-url", database_url)
    assert (done.returncode, done.stdout) == (2, "")
    assert "nothing was scored of it; versions: none yet" in done.stderr


def test_an_empty_database_has_undefined_metrics_and_unknown_trades_are_named(
    database_url: str, tmp_path: Path
) -> None:
    done = scorekeeper(tmp_path, "metrics", "--json", "--database-url", database_url)
    answer = json.loads(done.stdout)
    assert (answer["completed_trades"], answer["win_rate"], answer["net"]["sqn"]) == (0, None, None)
    done = scorekeeper(tmp_path, "void", "nothing", "--why", "test", "--database-url", database_url)
    assert (done.returncode, "unknown" in done.stderr) == (1, True)


def test_the_demo_does_the_whole_job_in_an_empty_folder_and_again_adds_nothing(tmp_path: Path) -> None:
    first = scorekeeper(tmp_path, "demo", "--home", "here/demo")
    assert first.returncode == 0, first.stderr
    assert first.stderr == ""
    assert "420 decisions" in first.stdout
    assert "TechnicalAnalystAgent" in first.stdout
    assert "of them independent, the win rate of 54.0 % cannot be told from a coin's" in first.stdout
    assert "If the learned vote had been followed: 420 decisions" in first.stdout
    assert re.search(r"the learned vote +420 +0\.298 +0\.007 to 0\.590 ", first.stdout)
    assert "The learned weights were in use for 0 of these decisions." in first.stdout
    home = tmp_path / "here" / "demo"
    assert open_to_others(tmp_path / "here") == []
    lines = (home / "datasets" / "performance_dataset.jsonl").read_bytes()
    verified = scorekeeper(tmp_path, "verify", "--home", str(home))
    assert (verified.returncode, verified.stderr) == (0, "")
    again = scorekeeper(tmp_path, "demo", "--home", "here/demo")
    assert again.returncode == 0, again.stderr
    assert (home / "datasets" / "performance_dataset.jsonl").read_bytes() == lines


def test_the_first_command_in_an_empty_folder_works_from_file_to_metrics(database_url: str, tmp_path: Path) -> None:
    (tmp_path / "inbox").mkdir()
    decision = {"symbol": "BTCUSDT", "type": "BUY", "price": 100.0, "timestamp": "2025-05-01T12:00:00Z"}
    (tmp_path / "inbox" / "a.json").write_text(json.dumps(decision))
    (tmp_path / "inbox" / "b.json").write_text(json.dumps({**decision, "max_hold_minutes": 0}))
    done = scorekeeper(tmp_path, "ingest", DATABASE_URL=database_url)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "2 files: 1 decisions, 0 duplicates, 1 rejected"
    assert "b.json, line 1, max_hold_minutes: 0.0 is not above 0" in done.stdout
    done = scorekeeper(tmp_path, "track", DATABASE_URL=database_url, MARKET="replay:nowhere")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "there is no such folder" in done.stderr


def test_a_command_keeps_prefect_where_the_setting_says_so_and_tells_of_a_server_that_is_away(
    database_url: str, db: Database, tmp_path: Path
) -> None:
    (tmp_path / "inbox").mkdir()
    good = {"symbol": "BTCUSDT", "type": "BUY", "price": 100.0, "timestamp": "2025-05-01T12:00:00Z"}
    for name, price in (("a", 100.0), ("b", -1.0)):
        (tmp_path / "inbox" / f"{name}.json").write_text(json.dumps({**good, "price": price}))
    given = {"DATABASE_URL": database_url, "SCOREKEEPER_HOME": str(tmp_path / "home")}
    away = scorekeeper(tmp_path, "ingest", **given, PREFECT_API_URL="http://127.0.0.1:1/api")
    assert (away.returncode, away.stdout.splitlines()[0]) == (0, "2 files: 1 decisions, 0 duplicates, 1 rejected")
    assert away.stderr.startswith("no Prefect server at http://127.0.0.1:1/api: the work is done without it")
    assert away.stderr.count("\n") == 1
    assert not (tmp_path / "home" / "prefect").exists()
    assert reported(db) == [False]  # the refusal is stored, and its event waits for a run that has a server
    kept = scorekeeper(tmp_path, "ingest", **given, FLOW_RUNS="always")
    assert (kept.returncode, kept.stdout.splitlines()[0]) == (0, "0 files: 0 decisions, 0 duplicates, 0 rejected")
    with closing(sqlite3.connect(tmp_path / "home" / "prefect" / "prefect.db")) as prefect:
        names = [name for (name,) in prefect.execute("SELECT name FROM flow_run")]
    assert names == ["ingest 0 decisions from 0 files"]
    assert reported(db) == [True]


def reported(db: Database) -> list[bool]:
    """Of each condition that holds: whether its event was emitted."""
    with db.begin() as connection:
        told = "SELECT told_at IS NOT NULL FROM scorekeeper.alert WHERE name LIKE '%quarantined'"
        rows = connection.execute(text(told))
        return list(rows.scalars())


def test_a_demo_leaves_a_home_that_is_not_its_own_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / ".env").write_text("FEE_BPS=1\n")
    for words in (["demo", "--home", "mine"], ["--home", "mine", "demo"], ["up", "--demo", "--home", "mine"]):
        done = scorekeeper(tmp_path, *words)
        assert (done.returncode, "not the home of a demo" in done.stderr) == (1, True)
    assert (tmp_path / "mine" / ".env").read_text() == "FEE_BPS=1\n"
    assert not (tmp_path / ".scorekeeper").exists()


def test_a_password_behind_the_question_mark_is_not_shown(tmp_path: Path) -> None:
    done = scorekeeper(tmp_path, "status", "--database-url", "postgresql://127.0.0.1:1/x?user=u&password=canary-9c1d")
    assert done.returncode == 1
    assert "canary" not in done.stdout + done.stderr


@pytest.mark.parametrize("words", [["ingest"], *long(["track"], ["close", "x"])])
def test_a_server_that_never_answers_is_said_within_fifteen_seconds(tmp_path: Path, words: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"postgresql://u:canary-9c1d@127.0.0.1:{silent.getsockname()[1]}/x"
        began = time.monotonic()
        done = scorekeeper(tmp_path, *words, DATABASE_URL=address)
    assert (done.returncode, done.stderr.count("\n"), "canary" in done.stderr) == (1, 1, False)
    assert time.monotonic() - began < 15 * busy()


@pytest.mark.parametrize(
    "words",
    [["close", "x", "--as-of", "2099-01-01T00:00Z"], *long(["void", "x", "--why", " "], ["track", "--as-of", "soon"])],
)
def test_words_that_make_no_sense_are_wrong_usage(tmp_path: Path, words: list[str]) -> None:
    assert scorekeeper(tmp_path, *words).returncode == 2
