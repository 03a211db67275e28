"""What we make is its user's alone, unless the user has made the folder and opened it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from scorekeeper import PerformanceTracker
from scorekeeper.private_files import make_folder
from scorekeeper.publish import publish
from scorekeeper.settings import load_settings
from scorekeeper.store.database import Database

DECISION = {"symbol": "BTC/USDT", "type": "BUY", "price": 45_000.0, "confidence": 85}
ROOT = Path(__file__).resolve().parents[3]
HOST = """
import json, os, sys
os.umask(0o022)
from scorekeeper import PerformanceTracker
with PerformanceTracker() as tracker:
    tracker.record_decision(json.loads(sys.argv[1]))
was = os.umask(0o022)
open("hosts-own", "w").close()
print(oct(was))
"""


def open_to_others(folder: Path) -> list[str]:
    """What somebody else may read, write or enter."""
    found = [folder, *(Path(at) / name for at, below, files in os.walk(folder) for name in (*below, *files))]
    return [str(path) for path in found if path.exists() and not path.is_symlink() and mode(path) & 0o077]


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


@pytest.fixture
def umask() -> object:
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_in_a_host_program_everything_is_private_and_its_umask_stays_its_own(database_url: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    environment = {**os.environ, "DATABASE_URL": database_url, "PYTHONPATH": str(ROOT)}
    environment.pop("SCOREKEEPER_HOME", None)
    done = subprocess.run(
        [sys.executable, "-c", HOST, json.dumps(DECISION)],
        cwd=tmp_path, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "0o22\n"), done.stderr
    assert mode(tmp_path / "hosts-own") == 0o644
    assert mode(tmp_path) == 0o755
    for name in ("logs", "datasets"):
        assert mode(tmp_path / name) == 0o700
        assert open_to_others(tmp_path / name) == []
        assert list((tmp_path / name).iterdir())


@pytest.mark.parametrize(
    ("folder", "file"), [(0o700, 0o600), (0o750, 0o640), (0o755, 0o644), (0o2770, 0o660), (0o777, 0o664)]
)
def test_in_the_users_own_folder_a_file_is_as_open_as_the_folder(
    db: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, umask: None,
    folder: int, file: int,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_url)
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs").chmod(folder)
    with PerformanceTracker() as tracker:
        tracker.record_decision(dict(DECISION))
    settings = load_settings()
    assert (mode(tmp_path / "logs"), mode(settings.log_path), mode(settings.dataset_path)) == (folder, file, 0o600)
    settings.log_path.chmod(0o604)
    publish.rebuild(db, log_path=settings.log_path, dataset_path=settings.dataset_path)
    assert mode(settings.log_path) == 0o604  # as somebody has set it


def test_new_folders_are_private_and_existing_ones_stay_as_they_are(tmp_path: Path, umask: None) -> None:
    (tmp_path / "users").mkdir(mode=0o755)
    make_folder(tmp_path / "users" / "a" / "b")
    make_folder(tmp_path / "users" / "a" / "b")
    assert [mode(tmp_path / path) for path in ("users", "users/a", "users/a/b")] == [0o755, 0o700, 0o700]
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="exists"):
        make_folder(tmp_path / "file")
