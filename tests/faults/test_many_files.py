"""10: however many files wait, memory stays bounded; killed half-way, an ingest goes on where it was."""

import json
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from scorekeeper.settings import load_settings
from scorekeeper.store.database import Database
from scorekeeper.verify.trades import verify
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
FEW, MANY = 500, 5_000
# A file that waits is known by its name and, once it is read, by its hash; 16 MiB is what a batch may hold besides.
KILOBYTES_A_FILE = 1
SCRIPT = """
import json, resource
from datetime import UTC, datetime, timedelta
from scorekeeper.inbox import ingest
from scorekeeper.settings import load_settings
from scorekeeper.store.database import open_database
settings = load_settings()
with open_database(settings.database_url, settings.scorekeeper_home) as db:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    done = ingest.ingest_files(db, settings, received_at=datetime.now(UTC) + timedelta(seconds=6))
    print(json.dumps([done.files, done.decisions, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before]))
"""


@pytest.fixture
def home(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (tmp_path / "inbox").mkdir()
    return tmp_path


def drop(home: Path, files: range) -> None:
    for number in files:
        at = datetime(2025, 5, 5, tzinfo=UTC) + timedelta(seconds=number)
        decision = {"symbol": "BTC/USDT", "type": "HOLD", "timestamp": at.isoformat(), "reason": "because " * 50}
        (home / "inbox" / f"{number:06}.json").write_text(json.dumps(decision))


def waiting(home: Path) -> int:
    return len(list((home / "inbox").iterdir()))


def start() -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", SCRIPT], text=True, stdout=subprocess.PIPE)


def run() -> tuple[int, int, int]:
    """Files and decisions of an ingest in a process of its own, and by how many kilobytes its memory grew."""
    files, decisions, grown = json.loads(start().communicate(timeout=300)[0])
    return files, decisions, grown


def test_ten_times_as_many_files_take_no_more_memory_than_their_names(home: Path) -> None:
    drop(home, range(FEW))
    files, decisions, few = run()
    assert (files, decisions) == (FEW, FEW)
    drop(home, range(FEW, FEW + MANY))
    files, decisions, many = run()
    assert (files, decisions) == (MANY, MANY)
    assert many < few + KILOBYTES_A_FILE * MANY


def test_killed_half_way_through_many_files_it_goes_on_and_each_came_in_once(home: Path, db: Database) -> None:
    lots = 4 * MANY  # of several batches, so that there is time between the first and the last
    drop(home, range(lots))
    killed = start()
    assert wait_until(lambda: waiting(home) < lots * 3 // 4, 120)
    killed.send_signal(signal.SIGKILL)
    killed.communicate(timeout=10)
    assert killed.returncode == -signal.SIGKILL
    came_in = lots - waiting(home)
    assert 0 < came_in < lots
    files, decisions, _ = run()
    assert decisions <= files <= lots - came_in
    with db.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM scorekeeper.decision")).scalar() == lots
        unmoved = text("SELECT count(*) FROM scorekeeper.file_arrival WHERE moved_at IS NULL OR outcome <> 'ingested'")
        assert connection.execute(unmoved).scalar() == 0
    assert waiting(home) == 0
    assert verify(db, load_settings()) == []
