"""`scorekeeper up` whose parts are killed one by one, that is killed whole, and whose runs are cancelled."""

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil
import pytest

from scorekeeper.store import embedded
from tests.faults.up import Up, is_old, needs_linux, running
from tests.waiting import wait_until

pytestmark = [needs_linux, pytest.mark.long]


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with running(tmp_path_factory.mktemp("up"), "MARKET=replay:market\n") as up:
        yield up


def test_lines_of_a_file_that_stays_open_become_rows_as_they_are_written(up: Up) -> None:
    path, at = up.home / "inbox" / "bot.jsonl", datetime.now(UTC) - timedelta(minutes=1)
    with path.open("a") as bot:
        for _ in range(2):
            for number in range(10):
                up.dropped += 1
                decision = {"symbol": "BTC/USDT", "type": "HOLD", "price": 96_000, "timestamp": at.isoformat()}
                bot.write(json.dumps(decision | {"reason": f"line {up.dropped}"}) + "\n")
                bot.flush()
                time.sleep(number / 50)
            assert wait_until(up.has_all, 40), up.tell()
            assert path.exists()
    assert wait_until(lambda: not path.exists(), 60), up.tell()


@pytest.mark.parametrize("part", ["watcher", "server", "postgres server"])
def test_after_a_kill_within_a_run_none_stays_at_work_and_the_next_file_is_taken(up: Up, part: str) -> None:
    """The watcher executes the run; without the others it cannot say how the run has ended."""
    up.drop(3_000)
    assert wait_until(lambda: len(list((up.home / "inbox").glob("*.json"))) < 2_900, 60)
    pid_file = embedded.Cluster(up.home, {}).data / "postmaster.pid"
    killed = datetime.now(UTC)
    for pid in [int(pid_file.read_text().split()[0])] if part == "postgres server" else up.pids_of(part):
        os.kill(pid, signal.SIGKILL)
    assert wait_until(up.has_all, 120)
    assert wait_until(lambda: up.has_ended_what_began_before(killed), 90)
    up.drop()
    assert wait_until(up.has_all, 30)


def test_a_postgres_server_that_is_killed_is_started_again_and_the_worker_with_it(up: Up) -> None:
    """The runs that died with it are to free their deployments' slots, which the worker sees to at its start."""
    before = up.pids_of("worker")
    pid_file = embedded.Cluster(up.home, {}).data / "postmaster.pid"
    os.kill(int(pid_file.read_text().split()[0]), signal.SIGKILL)
    up.drop()
    assert wait_until(lambda: bool(up.pids_of("worker")) and not set(up.pids_of("worker")) & set(before), 60)
    assert wait_until(up.has_all, 120)


def test_a_worker_whose_part_is_killed_ends_too(up: Up) -> None:
    *inner, part = up.pids_of("worker")
    os.kill(part, signal.SIGKILL)
    assert wait_until(lambda: not any(map(psutil.pid_exists, inner)), 30)
    assert wait_until(lambda: len(up.pids_of("worker")) > 1, 30)


def test_a_run_started_by_hand_survives_the_death_of_the_worker(up: Up) -> None:
    close = next(one for one in up.api("/deployments/filter", {}) if one["name"] == "close-trade")
    for pid in up.pids_of("worker"):
        os.kill(pid, signal.SIGKILL)
    made = up.api(
        f"/deployments/{close['id']}/create_flow_run",
        {"parameters": {"trade_id": "no-such-trade"}, "state": {"type": "SCHEDULED"}},
    )
    assert wait_until(lambda: made["id"] in {run["id"] for run in up.runs("COMPLETED")}, 60)


def test_a_cancelled_run_stops_between_two_transactions_and_the_next_goes_on(up: Up) -> None:
    ingest = next(one for one in up.api("/deployments/filter", {}) if one["name"] == "ingest")
    up.drop(30_000)
    inbox = up.home / "inbox"

    def at_work() -> list[dict[str, Any]]:
        """The run that has moved some of the files, if it is still at it."""
        some_moved = sum(1 for _ in inbox.glob("*.json")) < 29_900
        return [run for run in up.runs("RUNNING") if some_moved and run["deployment_id"] == ingest["id"]]

    assert wait_until(lambda: bool(at_work()), 120), up.tell()
    (run,) = at_work()
    up.api(f"/flow_runs/{run['id']}/set_state", {"state": {"type": "CANCELLING"}})
    assert wait_until(lambda: run["id"] in {run["id"] for run in up.runs("CANCELLED")}, 60)
    assert list(inbox.glob("*.json"))  # it had not come to its end
    assert wait_until(up.has_all, 180)  # of the next run: by its event, or the sweep


def test_closing_the_terminal_ends_it_and_a_socket_is_as_good_as_one(up: Up) -> None:
    """As a service's output is: a socket cannot be opened by a name."""
    ours, theirs = socket.socketpair()
    up.process.send_signal(signal.SIGHUP)
    assert up.process.wait(600) == 128 + signal.SIGHUP
    assert "Traceback" not in up.output.read_text()
    assert up.processes() == []
    with ours, theirs:
        up.start(theirs.fileno())
        said = b""
        while b"Ready." not in said:
            said += ours.recv(1 << 16)
        up.process.send_signal(signal.SIGTERM)
        assert up.process.wait(600) == 128 + signal.SIGTERM
    up.start()


def test_killed_whole_while_a_run_is_at_work_it_starts_again_and_loses_nothing(up: Up) -> None:
    up.drop(15_000)  # of several batches: after the first the run is at work yet
    assert wait_until(lambda: len(list((up.home / "inbox").glob("*.json"))) < 14_900, 60)
    for process in (psutil.Process(up.process.pid), *up.processes()):
        process.kill()
    up.process.wait(600)
    up.start()
    assert "marked Crashed" in up.output.read_text()
    assert wait_until(up.has_all, 120)
    assert wait_until(lambda: not [r for r in up.runs("RUNNING") if is_old(r)], 30)
    assert up.runs("CRASHED")
