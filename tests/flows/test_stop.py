"""A command that is told to stop ends between two transactions, says so, and the next one goes on."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
from prefect.settings import PREFECT_API_URL
from sqlalchemy import text

from scorekeeper.locks import Lock
from scorekeeper.operations.sample import write_sample
from scorekeeper.settings import Settings, load_settings
from scorekeeper.store.database import Database
from scorekeeper.store.postmaster import find_postmaster
from scorekeeper.verify.run import verify
from tests.flows.test_command import COMMAND
from tests.waiting import busy, wait_until

ROOT = Path(__file__).resolve().parents[2]
FILES = 10_000
OLD = (datetime.now(UTC) - timedelta(minutes=1)).timestamp()


def start(home: Path, *words: str, told: bool = True) -> subprocess.Popen[str]:
    """The command, on the session's Prefect server; not `told`: without one, so without Prefect's engine."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PREFECT_API_URL", "PREFECT_HOME")}
    environment |= {"PREFECT_API_URL": str(PREFECT_API_URL.value())} if told else {}
    return subprocess.Popen(
        [COMMAND, *words], cwd=home, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        # As at a terminal: what a shell has put into the background is given an interrupt that is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


def drop(home: Path, files: int) -> None:
    for number in range(files):
        path = home / "inbox" / f"{number:05}.json"
        decision = {"symbol": "BTC/USDT", "type": "HOLD", "price": 96_000 + number, "timestamp": "2025-05-05T10:00:00Z"}
        path.write_text(json.dumps(decision))
        os.utime(path, (OLD, OLD))


def count(db: Database, what: str) -> int:
    with db.begin() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM scorekeeper.{what}")).scalar_one())


def archived(settings: Settings) -> int:
    return sum(path.is_file() for path in settings.archive_dir.rglob("*"))


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (signal.SIGTERM, True),
        (signal.SIGINT, False),
        pytest.param(signal.SIGINT, True, marks=pytest.mark.long),
        pytest.param(signal.SIGTERM, False, marks=pytest.mark.long),
    ],
)
def test_an_ingest_stops_between_two_transactions_and_the_next_one_goes_on(
    home: Path, db: Database, number: signal.Signals, told: bool
) -> None:
    drop(home, FILES)
    settings = load_settings()
    stopped = start(home, "ingest", told=told)
    assert wait_until(lambda: count(db, "decision") > 0, 120)
    stopped.send_signal(number)
    _, said = stopped.communicate(timeout=600)
    assert stopped.returncode == 128 + number, said
    assert said == f"stopped by {number.name}: what was done by then is kept, and the next run goes on from there\n"
    came_in = count(db, "decision")
    assert 0 < came_in < FILES
    assert archived(settings) == came_in == FILES - len(list(settings.inbox_dir.iterdir()))
    assert count(db, "file_arrival WHERE moved_at IS NULL") == 0
    again = start(home, "ingest", told=told)
    out, said = again.communicate(timeout=600)
    assert again.returncode == 0, said
    assert f"{FILES - came_in} decisions, 0 duplicates, 0 rejected" in out
    assert count(db, "decision") == archived(settings) == FILES
    assert verify(db, settings) == []


@pytest.mark.parametrize("told", [False, pytest.param(True, marks=pytest.mark.long)])
def test_a_track_ends_the_transaction_that_it_is_in_and_the_next_one_goes_on(
    home: Path, db: Database, told: bool
) -> None:
    as_of = write_sample(home / "inbox", home / "market")
    settings = load_settings()
    words = ("track", "--as-of", as_of.isoformat())
    assert start(home, "ingest", told=False).wait(600) == 0
    stopped = None
    with db.begin() as obstacle:
        obstacle.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": Lock.SETTLE})
        stopped = start(home, *words, told=told)
        assert wait_until(lambda: waits(db), 120)
        stopped.send_signal(signal.SIGTERM)
        time.sleep(2)
        assert stopped.poll() is None  # it waits for its transaction, which waits for ours
    _, said = stopped.communicate(timeout=600)
    assert (stopped.returncode, said.splitlines()[-1].partition(":")[0]) == (143, "stopped by SIGTERM")
    assert count(db, "trade WHERE exit_time IS NOT NULL") > 0
    assert count(db, "market WHERE last_as_of IS NOT NULL") == 0
    again = start(home, *words, told=told)
    _, said = again.communicate(timeout=600)
    assert again.returncode == 0, said
    assert count(db, "market WHERE last_as_of IS NOT NULL") == 1
    assert verify(db, settings) == []


def waits(db: Database) -> bool:
    """Whether somebody waits to settle."""
    wanted = f"NOT granted AND locktype = 'advisory' AND objid = {Lock.SETTLE}"
    return count(db, f"market CROSS JOIN pg_locks WHERE {wanted}") > 0


# (words, seconds that it takes on an idle machine): the embedded Postgres is made and started within all of them.
COMMANDS = ((("status",), 3.0), (("doctor",), 2.0), (("ingest",), 3.5), (("demo",), 8.0), (("publish",), 3.0))
HEARD_SECONDS = 0.15  # until then it is the interpreter that starts, and not yet the command


@pytest.mark.drawn
def test_a_signal_at_any_moment_ends_a_command_with_one_line_and_leaves_nothing(
    tmp_path: Path, pytestconfig: pytest.Config, seed: int
) -> None:
    chance = random.Random(seed)
    ours = {name.upper() for name in Settings.model_fields} | {"PREFECT_API_URL", "PREFECT_HOME"}
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    for turn in range(pytestconfig.getoption("stops")):
        words, seconds = chance.choice(COMMANDS)
        number = chance.choice((signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
        after = HEARD_SECONDS + chance.random() * seconds
        home = tmp_path / f"home-{turn}"
        case = f"seed {seed}, turn {turn}: {' '.join(words)} after {after:.2f} s, {number.name}"
        command = subprocess.Popen(
            [COMMAND, *words, "--home", home],
            cwd=tmp_path, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        with suppress(subprocess.TimeoutExpired):
            command.communicate(timeout=after)
            continue  # it was faster
        children = psutil.Process(command.pid).children(recursive=True)
        told = time.monotonic()
        command.send_signal(number)
        if chance.random() < 0.3:
            command.send_signal(number)
        _, said = command.communicate(timeout=600)
        took = time.monotonic() - told
        if command.returncode in (0, 1) and took < busy():
            continue  # it had done and said all when the signal came
        assert command.returncode == 128 + number, f"{case}: {said}"
        assert said.startswith(f"stopped by {number.name}: "), f"{case}: {said}"
        assert said.count("\n") == 1, f"{case}: {said}"
        assert took < 20 * busy(), f"{case}: {took:.1f} s"
        assert find_postmaster(home / "postgres" / "data") is None, case
        assert [child for child in children if is_at_work(child)] == [], case


def is_at_work(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def test_a_signal_before_anything_was_begun_says_so(tmp_path: Path) -> None:
    script = "import cli.entry, os, signal, time; os.kill(os.getpid(), signal.SIGHUP); time.sleep(9)"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # also where the tests run under nohup
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (129, "stopped by SIGHUP: nothing was begun\n")


@pytest.mark.parametrize("begins", ["import cli.entry", "from cli import stopping; stopping.guard(print)"])
def test_under_nohup_a_hangup_is_nothing(begins: str) -> None:
    script = f"{begins}; import os, signal; os.kill(os.getpid(), signal.SIGHUP)"
    done = subprocess.run(["nohup", sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, "stopped" in done.stderr, done.stdout) == (0, False, "")


@pytest.mark.long
def test_what_does_not_end_by_itself_is_ended_in_time_and_undone(home: Path, db: Database) -> None:
    """Its transaction waits for one of somebody else's, who does not end it."""
    as_of = write_sample(home / "inbox", home / "market")
    assert start(home, "ingest").wait(600) == 0
    with db.begin() as obstacle:
        obstacle.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": Lock.SETTLE})
        stopped = start(home, "track", "--as-of", as_of.isoformat())
        assert wait_until(lambda: waits(db), 120)
        told = time.monotonic()
        stopped.send_signal(signal.SIGHUP)
        _, said = stopped.communicate(timeout=600)
        assert time.monotonic() - told < 20 * busy()
    assert (stopped.returncode, said.splitlines()[-1].partition(":")[0]) == (129, "stopped by SIGHUP")
    again = start(home, "track", "--as-of", as_of.isoformat())
    assert again.wait(600) == 0
    assert verify(db, load_settings()) == []
