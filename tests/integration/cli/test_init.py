"""`scorekeeper init` as a new user meets it: an empty folder, with and without a terminal."""

import os
import pty
import select
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from dotenv import dotenv_values
from typer.testing import CliRunner

from cli.main import app
from scorekeeper.operations.sample import write_sample
from scorekeeper.settings import Settings, load_settings
from scorekeeper.store.database import open_database
from tests.flows.test_command import COMMAND, scorekeeper
from tests.integration.trades.test_pipeline import NOW, track


def make_data(folder: Path) -> None:
    """A folder of candles, and a file of decisions, as a newcomer may have them."""
    write_sample(folder / "sample", folder / "candles of mine")
    with (folder / "mine.jsonl").open("w") as file:
        for path in sorted((folder / "sample").glob("*.jsonl")):
            file.write(path.read_text())
    shutil.rmtree(folder / "sample")


def test_a_new_user_without_a_terminal_comes_to_a_first_score(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_data(tmp_path)
    done = scorekeeper(
        tmp_path, "init", "--market", "replay:candles of mine", "--fee-bps", "7.5", "--timezone", "Europe/Berlin",
        "--set", "SYSTEM_VERSION=v9", "--set", 'WORDS={"MOON": "up"}', "--first", "mine.jsonl",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    env = tmp_path / ".env"
    assert env.stat().st_mode & 0o777 == 0o600
    values = dotenv_values(env)
    assert (values["MARKET"], values["FEE_BPS"]) == ("replay:candles of mine", "7.5")
    assert (values["SYSTEM_VERSION"], values["WORDS"]) == ("v9", '{"MOON": "up"}')
    assert (tmp_path / "inbox").stat().st_mode & 0o777 == 0o700
    assert "ok      database" in done.stdout
    assert "0 rejected" in done.stdout
    steps = [line.split("#")[0].split() for line in done.stdout.partition("\nNext:\n")[2].splitlines()]
    assert steps == [["scorekeeper", name] for name in ("track", "metrics", "analyze", "up")]
    monkeypatch.chdir(tmp_path)
    settings = load_settings()  # as every command reads them
    with open_database(settings.database_url, settings.scorekeeper_home) as db:
        track(db, settings, tmp_path / "candles of mine", NOW)  # the command needs Prefect's engine, which takes long
    score = scorekeeper(tmp_path, "metrics")
    assert score.returncode == 0
    assert "TechnicalAnalystAgent" in score.stdout

    # Again: what is there stays, unless one says so.
    before = env.read_bytes()
    again = scorekeeper(tmp_path, "init")
    assert again.returncode == 0, again.stderr
    assert f"{env}: as it was" in again.stdout
    other = scorekeeper(tmp_path, "init", "--fee-bps", "3")
    assert other.returncode == 1
    assert ".env says FEE_BPS=7.5: leave the option out, or change it with --overwrite" in other.stderr
    assert env.read_bytes() == before
    assert scorekeeper(tmp_path, "init", "--fee-bps", "3", "--overwrite").returncode == 0
    assert dict(dotenv_values(env)) == {**values, "FEE_BPS": "3"}


def test_what_cannot_be_is_refused_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for words, told in (
        (["--market", "replay:nowhere"], "MARKET: there is no folder nowhere"),
        (["--market", "ccxt:binanec"], "did you mean binance"),
        (["--market", "nasdaq"], "write ccxt:EXCHANGE"),
        (["--fee-bps", "-1"], "FEE_BPS: Input should be greater than or equal to 0"),
        (["--timezone", "Mars"], "'Mars' is no time zone"),
        (["--set", "FEES=1"], "'FEES' is no setting"),
        (["--set", "SIGNALS=maybe"], "SIGNALS: Input should be"),
        (["--set", "CALENDAR=XNYX"], "CALENDAR=XNYX: no such calendar"),
        (["--first", "none.jsonl"], "there is no file none.jsonl"),
        (["--inbox", "a\nb"], "INBOX_DIR: write it on one line"),
    ):
        done = CliRunner().invoke(app, ["init", *words])
        assert done.exit_code in (1, 2), words
        said = f"{done.output} {done.exception}"
        assert told in " ".join(said.replace("│", " ").split()), (words, said)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / ".env").write_text("MARKET=replay:gone\n")
    assert "there is no folder gone" in str(CliRunner().invoke(app, ["init"]).exception)
    assert (tmp_path / ".env").read_text() == "MARKET=replay:gone\n"


def test_a_host_programs_env_keeps_its_own_lines(tmp_path: Path, database_url: str) -> None:
    (tmp_path / "m").mkdir()
    own = "# mine\nexport API_KEY='of \"mine\" # and more'\nMARKET=replay:m\nLINES=\"a\nFEE_BPS=1\n\"\n"
    (tmp_path / ".env").write_text(own)
    (tmp_path / ".env").chmod(0o644)
    done = scorekeeper(tmp_path, "init", "--inbox", "in box's", "--database-url", database_url)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / ".env").read_text()
    assert text.startswith(own.rstrip("\n"))
    values = dotenv_values(tmp_path / ".env")
    assert (values["API_KEY"], values["LINES"]) == ('of "mine" # and more', "a\nFEE_BPS=1\n")
    assert values["MARKET"] == "replay:m"
    assert (values["INBOX_DIR"], values["FEE_BPS"]) == ("in box's", "10")
    assert (tmp_path / "in box's").is_dir()
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    assert database_url not in done.stdout


class Terminal:
    """A person at a terminal, who answers what is asked."""

    def __init__(self, folder: Path, *words: str) -> None:
        ours = {name.upper() for name in Settings.model_fields}
        kept = {name: value for name, value in os.environ.items() if name not in ours} | {"COLUMNS": "200"}
        self.ours, theirs = pty.openpty()
        self.said = ""
        self.process = subprocess.Popen(
            [COMMAND, "init", *words], cwd=folder, env=kept, stdin=theirs, stdout=theirs, stderr=theirs,
            start_new_session=True,
        )  # fmt: skip
        os.close(theirs)

    def answer(self, question: str, word: str) -> None:
        self._read_until(question)
        os.write(self.ours, f"{word}\n".encode())

    def end(self) -> int:
        self._read_until(None)
        os.close(self.ours)
        return self.process.wait(10)

    def _read_until(self, words: str | None) -> None:
        ends, new = time.monotonic() + 120, ""
        while words is None or words not in new:
            assert select.select([self.ours], [], [], ends - time.monotonic())[0], f"{words!r} is not asked: {new}"
            try:
                part = os.read(self.ours, 65_536).decode()
            except OSError:  # it has ended
                part = ""
            if not part:
                assert words is None, f"{words!r} is not asked: {new}"
                break
            new, self.said = new + part, self.said + part


def test_on_a_terminal_it_asks_and_asks_again_for_what_cannot_be(tmp_path: Path, database_url: str) -> None:
    make_data(tmp_path)
    person = Terminal(tmp_path, "--database-url", database_url)
    person.answer("Folder in which decision files arrive [inbox]:", "")
    person.answer("replay:FOLDER with files of candles [ccxt:binance]:", "replay:candels")
    person.answer("there is no folder candels", "replay:candles of mine")
    person.answer("Layout of the files: scorekeeper, yahoo, stooq or binance [scorekeeper]:", "")
    person.answer("30m, 1h, 4h or 1d [1m]:", "")
    person.answer("empty: the market never closes []:", "")
    person.answer("Fee of one side, in basis points (10 is 0.1 %) [10]:", "free")
    person.answer("FEE_BPS: Input should be a valid number", "5")
    person.answer("Time zone of times that name none, such as Europe/Berlin [UTC]:", "")
    person.answer("Minutes until a trade expires whose decision does not say [60]:", "90")
    person.answer("A decision file to take in now; empty: none:", "mine.jsonl")
    assert person.end() == 0, person.said
    values = dotenv_values(tmp_path / ".env")
    assert values["MARKET"] == "replay:candles of mine"
    assert (values["FEE_BPS"], values["MAX_HOLD_TIME_MINUTES"]) == ("5", "90")
    count = (tmp_path / "mine.jsonl").read_text().count("\n")
    assert f"{count} decisions, 0 duplicates, 0 rejected" in person.said

    before = (tmp_path / ".env").read_bytes()
    person = Terminal(tmp_path, "--fee-bps", "6")
    for question in (
        "arrive [inbox]:", "[replay:candles of mine]:", "[scorekeeper]:", "[1m]:", "never closes []:", "[UTC]:",
        "[90]:", "empty: none:",
    ):  # fmt: skip
        person.answer(question, "")
    person.answer(".env says FEE_BPS=5. Change that? [y/N]:", "n")
    assert person.end() == 1
    assert (tmp_path / ".env").read_bytes() == before


def test_a_folder_of_bars_is_recognised_and_its_calendar_asked_for(tmp_path: Path, database_url: str) -> None:
    bars = tmp_path / "bars"
    bars.mkdir()
    rows = "2026-03-19,56,58,55,57,57,1\n2026-03-20,56,57,55,56,56,1\n2026-03-23,57,58,56,57,57,1\n"
    (bars / "SPY.csv").write_text("Date,Open,High,Low,Close,Adj Close,Volume\n" + rows)
    person = Terminal(tmp_path, "--database-url", database_url, "--market", "replay:bars")
    for question, word in (
        ("arrive [inbox]:", ""), ("binance [yahoo]:", ""), ("4h or 1d [1d]:", ""), ("closes []:", "NYSE or so"),
        ("no such calendar", "XNYS"), ("[10]:", ""), ("[UTC]:", "America/New_York"), ("[60]:", ""), ("none:", ""),
    ):  # fmt: skip
        person.answer(question, word)
    assert person.end() == 0, person.said
    values = dotenv_values(tmp_path / ".env")
    wanted = ("yahoo", "1d", "XNYS")
    assert (values["REPLAY_LAYOUT"], values["CANDLE_LENGTH"], values["CALENDAR"]) == wanted
    (tmp_path / ".env").unlink()
    assert scorekeeper(tmp_path, "init", "--database-url", database_url, "--market", "replay:bars").returncode == 0
    values = dotenv_values(tmp_path / ".env")
    assert (values["REPLAY_LAYOUT"], values["CANDLE_LENGTH"], values.get("CALENDAR")) == ("yahoo", "1d", None)
