"""Killed at random and started again, the pipeline leaves the rows and the bytes of a run that nobody disturbed."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from scorekeeper.sample import write_sample
from scorekeeper.settings import load_settings
from scorekeeper.store import embedded
from scorekeeper.store.database import Database, open_database
from scorekeeper.verify import verify

ROOT = Path(__file__).resolve().parents[2]
KILLS = 10
TABLES = {
    "decision": "*",
    "agent_signal": "*",
    "trade": "*",
    "candle": "*",
    "candle_coverage": "*",
    "equity": "*",
    "daily_score": "*",
    "agent_daily_score": "*",
    "stale_day": "*",
    "decision_file": "*",
    "file_arrival": "name, sha256, outcome, decisions, duplicates, rejected, moved_at IS NULL",
    "rejection": "sha256, line, reason",
    "event": "kind, trade_id, log_line, line_no",
}


class Place:
    """A folder with an inbox, and a database of its own."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self.folder.mkdir()
        end = write_sample(folder / "inbox", folder / "market")
        (folder / "inbox" / "torn.jsonl").write_text('{"symbol": "BTC/USDT", "type": "HOLD", "timestamp"')
        os.utime(folder / "inbox" / "torn.jsonl", (1_700_000_000, 1_700_000_000))
        self.moments = [(end - timedelta(hours=hours)).isoformat() for hours in (40, 20, 0)]

    def start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.faults.pipeline", "market", *self.moments]
        environment = {**os.environ, "DATABASE_URL": self.url, "PYTHONPATH": str(ROOT)}
        return subprocess.Popen(command, cwd=self.folder, env=environment)

    def rows(self) -> dict[str, list[str]]:
        with open_database(self.url, self.folder) as db, db.begin() as connection:
            return {
                table: sorted(
                    str(tuple(row)) for row in connection.exec_driver_sql(f"SELECT {columns} FROM scorekeeper.{table}")
                )
                for table, columns in TABLES.items()
            }

    def files(self) -> dict[str, bytes]:
        folders = ("logs", "datasets", "archive", "quarantine", "inbox")
        paths = [p for f in folders for p in sorted((self.folder / f).rglob("*")) if p.is_file()]
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in paths}


@pytest.fixture
def urls(cluster: embedded.Lease) -> Iterator[list[str]]:
    names = ["undisturbed", "killed"]
    with psycopg.connect(
        host=str(cluster.socket_folder), user=embedded.ROLE, dbname="postgres", autocommit=True
    ) as admin:
        for name in names:
            admin.execute(f"CREATE DATABASE {name} TEMPLATE template_scorekeeper")
        yield [f"postgresql://{embedded.ROLE}@/{name}?host={cluster.socket_folder}" for name in names]
        for name in names:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_killed_at_random_it_leaves_what_an_undisturbed_run_leaves(
    urls: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed, killed = Place(tmp_path / "a", urls[0]), Place(tmp_path / "b", urls[1])
    started = time.monotonic()
    assert undisturbed.start().wait() == 0
    duration = time.monotonic() - started
    seed = random.randrange(10**9)
    chance = random.Random(seed)
    kills = 0
    while kills < KILLS:
        process = killed.start()
        try:
            process.wait(duration * chance.uniform(0.3, 0.7))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
        else:
            break  # done before it could be killed once more
    assert killed.start().wait() == 0
    expected, found = undisturbed.rows(), killed.rows()
    for table in TABLES:
        assert found[table] == expected[table], f"{table}, seed {seed}"
    assert killed.files() == undisturbed.files(), f"seed {seed}"
    assert kills > 0
    monkeypatch.chdir(killed.folder)
    with open_database(killed.url, tmp_path) as db:
        assert verify(db, load_settings()) == []


def test_two_processes_at_once_leave_what_one_leaves(urls: list[str], tmp_path: Path, db: Database) -> None:
    one, two = Place(tmp_path / "a", urls[0]), Place(tmp_path / "b", urls[1])
    assert one.start().wait() == 0
    both = [two.start(), two.start()]
    assert [process.wait() for process in both] == [0, 0]
    expected, found = one.rows(), two.rows()
    for table in ("decision", "agent_signal", "trade", "candle", "daily_score", "agent_daily_score", "file_arrival"):
        assert found[table] == expected[table], table
