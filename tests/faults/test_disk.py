"""29: no room for what is to be written: said clearly, files stay where they are, and with room all goes on."""

import contextlib
import errno
import json
import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox import ingest
from scorekeeper.publish import publish
from scorekeeper.settings import Settings, load_settings
from scorekeeper.store import cluster, embedded
from scorekeeper.store.database import Database
from scorekeeper.verify.run import verify

TO_DO = "make room, and the next run goes on"
DECISIONS = 400


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inbox").mkdir()
    return load_settings()


def fill(folder: Path, files: int = 4) -> None:
    """Files of many decisions, the last of each refused."""
    for file in range(files):
        decisions = [
            {"symbol": "BTC/USDT", "type": "HOLD", "timestamp": "2025-05-05T10:00:00Z", "reason": f"{file} {number}"}
            for number in range(DECISIONS // files)
        ]
        lines = [json.dumps(one) for one in (*decisions, {"symbol": "BTC/USDT"})]
        (folder / f"{file}.jsonl").write_text("\n".join(lines) + "\n")


def take(db: Database, settings: Settings) -> ingest.Summary:
    return ingest.ingest_files(db, settings, received_at=datetime.now(UTC) + timedelta(seconds=6))


def publish_all(db: Database, settings: Settings) -> publish.Published:
    return publish.publish(db, log_path=settings.log_path, dataset_path=settings.dataset_path)


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """This process can write no file beyond `size` bytes, as if the disk were full then."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("room", [0, 10_000])
def test_a_log_that_cannot_grow_is_said_and_continued_when_it_can(db: Database, settings: Settings, room: int) -> None:
    """Part of the lines are on the disk by then: the next run puts that right."""
    fill(settings.inbox_dir)
    take(db, settings)
    with largest_file(room), pytest.raises(ScorekeeperError, match=f"cannot be written: .*: {TO_DO}"):
        publish_all(db, settings)
    assert publish_all(db, settings).dataset_lines > 0
    assert len(settings.log_path.read_text().splitlines()) == DECISIONS
    assert verify(db, settings) == []


def test_a_file_whose_report_cannot_be_written_stays_and_comes_in_once(db: Database, settings: Settings) -> None:
    fill(settings.inbox_dir)
    with largest_file(0):
        full = take(db, settings)
    assert (full.decisions, full.rejected, len(full.trouble)) == (DECISIONS, 4, 4)
    assert all("cannot be written" in line and TO_DO in line for line in full.trouble)
    assert len(list(settings.inbox_dir.iterdir())) == 4
    with_room = take(db, settings)
    assert (with_room.decisions, with_room.trouble) == (0, [])
    assert list(settings.inbox_dir.iterdir()) == []
    assert verify(db, settings) == []


@contextmanager
def mounted(folder: Path, size: str = "1m") -> Iterator[None]:
    """A file system of its own of that size at `folder`; the test is skipped where this process may not mount one."""
    owner = folder.stat()
    options = f"size={size},mode=700,uid={owner.st_uid},gid={owner.st_gid}"
    mounting = ["mount", "-t", "tmpfs", "-o", options, "scorekeeper-test", str(folder)]
    done = subprocess.run(mounting, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder with little room."""
    folder = tmp_path / "small"
    folder.mkdir()
    with mounted(folder):
        yield folder


def test_on_a_full_disk_the_files_stay_and_all_goes_on_with_room(
    db: Database, small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Archive, quarantine, log and dataset are on it; the inbox with them."""
    monkeypatch.chdir(small_disk)
    (small_disk / "inbox").mkdir()
    settings = load_settings()
    fill(settings.inbox_dir)
    use_up(small_disk / "ballast")
    full = take(db, settings)
    assert len(full.trouble) == 4
    assert all(f"{os.strerror(errno.ENOSPC)}: {TO_DO}" in line for line in full.trouble)
    assert len(list(settings.inbox_dir.iterdir())) == 4
    with pytest.raises(ScorekeeperError, match=TO_DO):
        publish_all(db, settings)
    (small_disk / "ballast").unlink()
    again = take(db, settings)
    assert (again.decisions, again.trouble, list(settings.inbox_dir.iterdir())) == (0, [], [])
    publish_all(db, settings)
    assert verify(db, settings) == []


def use_up(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 16, 1):
            with contextlib.suppress(OSError):
                while file.write(b"x" * size):
                    pass


def test_a_first_start_without_room_says_where_and_how_much_and_starts_with_room(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    for size in ("1m", "60m"):
        with mounted(home, size), pytest.raises(ScorekeeperError) as refused:
            embedded.acquire(home)
        assert f"no room left at {home / 'postgres'} (a new database takes 96 MiB and 2000 files)" in str(refused.value)
        assert str(refused.value).endswith(TO_DO)
    lease = embedded.acquire(home)
    assert lease.url("scorekeeper")
    lease.release()


def test_initdb_that_finds_the_disk_full_says_so_with_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process has taken the room that there was."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setattr(cluster, "FIRST_ROOM", 0)
    monkeypatch.setattr(cluster, "LEAST_ROOM", 0)
    with mounted(home, "20m"), pytest.raises(ScorekeeperError, match=f"no room left at {home / 'postgres'}: {TO_DO}"):
        embedded.acquire(home)


def test_an_embedded_postgres_without_room_is_said_at_once_and_starts_with_room(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with mounted(home, "160m"):
        embedded.acquire(home).release()
        use_up(home / "ballast")
        with pytest.raises(ScorekeeperError, match=f"has no room left at {home / 'postgres'}: {TO_DO}"):
            embedded.acquire(home)
        (home / "ballast").unlink()
        lease = embedded.acquire(home)
        assert lease.url("scorekeeper")
        lease.release()
