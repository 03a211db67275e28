"""A tracker in a host that forks: each process has connections of its own, and what returned an id is stored."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from scorekeeper.store import embedded
from tests.levels import long

ROOT = Path(__file__).resolve().parents[3]
HEAD = """
import asyncio, json, multiprocessing, os, sys, threading, time
from scorekeeper import PerformanceTracker

def decision(name):
    return {"symbol": "BTC/USDT", "type": "BUY", "price": 100.0, "trade_id": name}

def record(tracker, name, count, told):
    for number in range(count):
        line = tracker.record_decision(decision(f"{name}-{number}")) + "\\n"
        os.write(told, line.encode())
"""


def run(folder: Path, program: str, **more: str) -> list[str]:
    """What a host program says on its standard output, a line each; on the other that a history begins, and no more."""
    host = folder / "host.py"
    host.write_text(HEAD + program)
    done = subprocess.run(
        [sys.executable, host], cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT), **more},
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    said = [line for line in done.stderr.splitlines() if not line.startswith("a new history begins in the home ")]
    assert (done.returncode, said) == (0, [])
    return done.stdout.splitlines()


def stored(url: str) -> list[str]:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        return [name for (name,) in connection.execute("SELECT trade_id FROM scorekeeper.decision ORDER BY 1")]


def test_children_that_are_forked_amid_the_calls_of_eight_threads_lose_nothing(
    database_url: str, tmp_path: Path
) -> None:
    """Three rounds of children, each forked while threads are anywhere in a call: with its locks, in its connection."""
    program = """
tracker = PerformanceTracker(log_dir="l", datasets_dir="d")
tracker.record_decision(decision("first"))
os.write(1, b"first\\n")
threads = [threading.Thread(target=record, args=(tracker, f"thread-{n}", 12, 1)) for n in range(8)]
for thread in threads:
    thread.start()
children = []
for turn in range(3):
    for n in range(2):
        if (child := os.fork()) == 0:
            record(tracker, f"child-{turn}{n}", 5, 1)
            assert tracker.get_system_metrics()["active_trades"] > 5
            os._exit(0)
        children.append(child)
    time.sleep(0.05)
for thread in threads:
    thread.join()
assert [os.waitpid(child, 0)[1] for child in children] == [0] * 6
record(tracker, "parent", 3, 1)
async def aside():
    await asyncio.gather(*(asyncio.to_thread(record, tracker, f"aside-{n}", 2, 1) for n in range(8)))
asyncio.run(aside())
tracker.close()
"""
    said = run(tmp_path, program, DATABASE_URL=database_url)
    assert len(said) == 1 + 8 * 12 + 6 * 5 + 3 + 16
    assert sorted(said) == stored(database_url)
    lines = [json.loads(line) for line in (tmp_path / "d/performance_dataset.jsonl").read_text().splitlines()]
    assert sorted(line["trade_id"] for line in lines) == sorted(said)


@pytest.mark.parametrize("method", ["fork", *long("spawn", "forkserver")])
def test_a_tracker_that_is_handed_to_another_process_records_there(
    database_url: str, tmp_path: Path, method: str
) -> None:
    program = f"""
if __name__ == "__main__":
    context = multiprocessing.get_context({method!r})
    with PerformanceTracker(log_dir="l", datasets_dir="d") as tracker:
        record(tracker, "parent", 2, 1)
        children = [context.Process(target=record, args=(tracker, f"child-{{n}}", 3, 1)) for n in range(2)]
        for child in children:
            child.start()
        record(tracker, "beside", 2, 1)
        for child in children:
            child.join()
        assert [child.exitcode for child in children] == [0, 0]
"""
    said = run(tmp_path, program, DATABASE_URL=database_url)
    assert len(said) == 2 + 6 + 2
    assert sorted(said) == stored(database_url)


def test_an_embedded_server_is_neither_stopped_by_a_childs_end_nor_by_its_parents(tmp_path: Path) -> None:
    """Children end first, one by exit, one by multiprocessing; the last outlives its parent, and stops the server."""
    program = """
def work(tracker, name):
    record(tracker, name, 2, 1)

tracker = PerformanceTracker(log_dir="l", datasets_dir="d")
record(tracker, "parent", 1, 1)
if (child := os.fork()) == 0:
    record(tracker, "exits", 1, 1)
    sys.exit(0)                          # with all that the interpreter does at its end
os.waitpid(child, 0)
record(tracker, "parent-again", 1, 1)
ends = multiprocessing.get_context("fork").Process(target=work, args=(tracker, "ends"))
ends.start()
ends.join()
record(tracker, "parent-yet-again", 1, 1)
if (child := os.fork()) == 0:
    record(tracker, "joins", 1, 1)       # from here on it is one of the server's users
    while os.getppid() == PARENT:
        time.sleep(0.05)
    record(tracker, "outlives", 2, 1)
    tracker.close()
    os.write(1, b"done\\n")
    os._exit(0)
time.sleep(1)
tracker.close()
"""
    program = "PARENT = os.getpid()\n" + program
    home = tmp_path / "home"
    said = run(tmp_path, program, SCOREKEEPER_HOME=str(home), DATABASE_URL="")
    names = ["parent-0", "exits-0", "parent-again-0", "ends-0", "ends-1", "parent-yet-again-0", "joins-0"]
    assert [one for one in said if "outlives" not in one and one != "done"] == names
    assert said[-3:] == ["outlives-0", "outlives-1", "done"]
    assert not (embedded.Cluster(home, {}).data / "postmaster.pid").exists()
    lease = embedded.acquire(home)
    try:
        assert stored(lease.url("scorekeeper")) == sorted(said[:-1])
    finally:
        lease.release()


def test_a_child_says_nothing_on_its_parents_connection(database_url: str, tmp_path: Path) -> None:
    """Not even at its end, with all that is collected then: what the parent holds is still one session."""
    program = """
import gc
tracker = PerformanceTracker(log_dir="l", datasets_dir="d")
tracker.record_decision(decision("first"))
with tracker._db.engine.connect() as connection:
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(77)")
    before = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
    if (child := os.fork()) == 0:
        gc.collect()
        tracker.record_decision(decision("second"))
        tracker.close()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    held = connection.exec_driver_sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 77")
    print(held.scalar(), connection.exec_driver_sql("SELECT pg_backend_pid()").scalar() == before)
tracker.record_decision(decision("third"))
tracker.close()
"""
    said: list[Any] = run(tmp_path, program, DATABASE_URL=database_url)
    assert said == ["1 True"]
    assert stored(database_url) == ["first", "second", "third"]
