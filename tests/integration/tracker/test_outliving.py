"""A tracker that lives for weeks outlives its server, and says clearly what it cannot do."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from scorekeeper import PerformanceTracker
from scorekeeper.errors import AwayError, ScorekeeperError
from scorekeeper.operations.fast_record import Recorded
from scorekeeper.store import database, embedded
from tests.conftest import fresh_database
from tests.faults.proxy import open_proxy
from tests.faults.test_network import socket_of
from tests.integration.tracker.test_tracker import DECISION, Quotes
from tests.waiting import busy


def kill_server(home: Path) -> None:
    cluster = embedded.Cluster(home, {})
    os.kill(int((cluster.data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)


def test_an_embedded_server_that_was_killed_is_started_again_and_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCOREKEEPER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DATABASE_URL", "")
    monkeypatch.chdir(tmp_path)
    with PerformanceTracker() as tracker:
        names = [tracker.record_decision({**DECISION, "trade_id": "before"})]
        for number in range(2):
            kill_server(tmp_path / "home")
            names.append(tracker.record_decision({**DECISION, "trade_id": f"after-{number}"}))
        kill_server(tmp_path / "home")
        tracker.update_performance(Quotes(45450.0), max_hold_time=0)
        kill_server(tmp_path / "home")
        assert tracker.get_system_metrics()["completed_trades"] == len(names) == 3
    assert not (embedded.Cluster(tmp_path / "home", {}).data / "postmaster.pid").exists()
    dataset = (tmp_path / "datasets/performance_dataset.jsonl").read_text()
    assert dataset.count('"active"') == dataset.count('"completed"') == 3


@pytest.fixture
def cut_off(cluster: embedded.Lease, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[object, str]]:
    """A proxy to a fresh database that DATABASE_URL names, and the way past it."""
    monkeypatch.chdir(tmp_path)
    with fresh_database(cluster) as url, open_proxy(socket_of(cluster)) as proxy:
        name = url.partition("@/")[2].partition("?")[0]
        far = f"postgresql://{embedded.ROLE}@127.0.0.1:{proxy.port}/{name}?gssencmode=disable"
        monkeypatch.setenv("DATABASE_URL", far)
        yield proxy, url


def count(url: str) -> int:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        row = connection.execute("SELECT count(*) FROM scorekeeper.decision").fetchone()
        assert row is not None
        return int(row[0])


@pytest.mark.parametrize(
    "point", ["before commit", "answer to commit", "to the server", "to the client", "broken answer to commit"]
)
@pytest.mark.parametrize("short", [True, False])
def test_a_decision_is_recorded_once_wherever_the_connection_is_cut(
    cut_off: tuple[object, str], point: str, short: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the one statement of a recorder, and, `short` not set, by the long way, whose COMMIT may lose its answer."""
    proxy, url = cut_off
    with PerformanceTracker() as tracker:
        tracker.record_decision({**DECISION, "trade_id": "first"})
        if not short:
            monkeypatch.setattr(tracker._recorder, "record", lambda *_, **__: Recorded.NOTHING)
        proxy.cut_at(point)  # type: ignore[attr-defined]
        assert tracker.record_decision({**DECISION, "trade_id": "second"}) == "second"
        assert count(url) == 2
        proxy.cut_at(None)  # type: ignore[attr-defined]


def stop(cluster: embedded.Cluster) -> None:
    cluster._run("pg_ctl", "stop", *cluster._at, "-m", "immediate", "-w")


def test_a_server_that_returns_is_waited_for_and_one_that_does_not_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user's own Postgres, by DATABASE_URL: nobody but the user starts that one."""
    lease = embedded.acquire(tmp_path / "theirs")
    cluster = lease._cluster
    monkeypatch.setenv("DATABASE_URL", lease.url("scorekeeper"))
    monkeypatch.chdir(tmp_path)
    tracker = PerformanceTracker()
    tracker.record_decision({**DECISION, "trade_id": "before"})
    stop(cluster)
    monkeypatch.setattr(database, "RETURN_SECONDS", 600)  # a busy machine may take long to start it
    starter = threading.Timer(1, cluster.restart)
    starter.start()
    assert tracker.record_decision({**DECISION, "trade_id": "waits"}) == "waits"
    starter.join()
    stop(cluster)
    monkeypatch.setattr(database, "RETURN_SECONDS", 0.5)
    began = time.monotonic()
    for call in (
        lambda: tracker.record_decision({**DECISION, "trade_id": "lost"}),
        lambda: tracker.update_performance(Quotes(45450.0)),
        tracker.get_system_metrics,
    ):
        with pytest.raises(AwayError, match=r"there is no socket of a Postgres at .*: start Postgres there"):
            call()
    assert time.monotonic() - began < 30 * busy()
    cluster.restart()
    tracker.record_decision({**DECISION, "trade_id": "after"})
    tracker.update_performance(Quotes(45450.0), max_hold_time=0)
    assert tracker.get_system_metrics()["completed_trades"] == 3
    tracker.close()
    lease.release()
    shutil.rmtree(cluster.folder, ignore_errors=True)


def test_after_close_each_call_says_so(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.chdir(tmp_path)
    tracker = PerformanceTracker()
    tracker.record_decision(DECISION)
    tracker.close()
    tracker.close()  # again: nothing
    for call in (
        lambda: tracker.record_decision(DECISION),
        lambda: tracker.update_performance(Quotes(1.0)),
        lambda: tracker.manually_close_trade("x", Quotes(1.0)),
        lambda: tracker.void_decision("x", "why"),
        tracker.get_system_metrics,
        tracker.log_system_metrics,
    ):
        with pytest.raises(ScorekeeperError, match="was closed: make a new one"):
            call()


@pytest.mark.parametrize("hold", [-1, -0.001, float("nan"), float("-inf"), float("inf")])
def test_a_hold_time_that_is_no_time_is_refused(
    hold: float, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.chdir(tmp_path)
    with PerformanceTracker() as tracker:
        tracker.record_decision(DECISION)
        with pytest.raises(ValueError, match="max_hold_time"):
            tracker.update_performance(Quotes(1.0), max_hold_time=hold)
        assert tracker.get_system_metrics()["active_trades"] == 1


def test_processes_that_use_one_embedded_server_start_it_once_after_a_kill(tmp_path: Path) -> None:
    """Whoever needs it first; the others find it there."""
    program = (
        "import sys, time; from scorekeeper import PerformanceTracker\n"
        "with PerformanceTracker() as tracker:\n"
        "    for line in sys.stdin:\n"
        "        decision = {'symbol': 'A/B', 'type': 'BUY', 'price': 1.0, 'trade_id': line.strip()}\n"
        "        print(tracker.record_decision(decision), flush=True)\n"
    )
    home = tmp_path / "home"
    first = embedded.acquire(home)
    environment = {**os.environ, "SCOREKEEPER_HOME": str(home), "DATABASE_URL": ""}
    hosts = [
        subprocess.Popen(
            [sys.executable, "-c", program],
            cwd=tmp_path,
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for _ in range(3)
    ]

    def ask(words: str) -> list[str]:
        for number, host in enumerate(hosts):
            assert host.stdin is not None
            host.stdin.write(f"{words}-{number}\n")
            host.stdin.flush()
        return [host.stdout.readline().strip() for host in hosts if host.stdout is not None]

    assert ask("before") == ["before-0", "before-1", "before-2"]
    first.release()
    kill_server(home)
    assert ask("after") == ["after-0", "after-1", "after-2"]
    for host in hosts:
        host.communicate()
    assert [host.returncode for host in hosts] == [0, 0, 0]
    assert not (embedded.Cluster(home, {}).data / "postmaster.pid").exists()
