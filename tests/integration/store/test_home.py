"""A home holds its database: where it lies, that it is never replaced in silence, and what is left in /tmp."""

import fcntl
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from scorekeeper import PerformanceTracker
from scorekeeper.errors import ScorekeeperError
from scorekeeper.settings import Settings
from scorekeeper.store import binaries, cluster_folder, embedded, socket_folder
from scorekeeper.store.postmaster import find_postmaster
from tests.levels import long
from tests.waiting import wait_until

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs as another user")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    home = tmp_path / "home"
    yield home
    shutil.rmtree(embedded.Cluster(home, {}).socket_folder, ignore_errors=True)
    if cluster_folder.lies_elsewhere(home):
        shutil.rmtree(cluster_folder.find_folder(home), ignore_errors=True)


def write_row(home: Path, words: str) -> None:
    lease = embedded.acquire(home)
    try:
        lease.url("scorekeeper")
        with connect(lease) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS kept (words text)")
            connection.execute("INSERT INTO kept VALUES (%s)", (words,))
    finally:
        lease.release()


def connect(lease: embedded.Lease) -> psycopg.Connection:
    return psycopg.connect(host=str(lease.socket_folder), user=embedded.ROLE, dbname="scorekeeper")


def read_rows(home: Path) -> list[str]:
    lease = embedded.acquire(home)
    try:
        with connect(lease) as connection:
            return [words for (words,) in connection.execute("SELECT words FROM kept ORDER BY words")]
    finally:
        lease.release()


def make_it_as_it_was(home: Path) -> Path:
    """As root's homes were: the files below /var/lib/scorekeeper, a link to them, and no note of anything."""
    folder = binaries.SYSTEM_HOME / f"test-{os.getpid()}-{time.monotonic_ns()}"
    shutil.move(home / "postgres", folder)
    binaries_owner = binaries.server_user()
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, binaries_owner.pw_uid, binaries_owner.pw_gid)
    (home / "postgres").symlink_to(folder)
    (home / "database.json").unlink()
    return folder


def test_all_of_it_lies_in_the_home_below_folders_that_nobody_else_enters(home: Path) -> None:
    home.mkdir()
    home.chmod(0o700)
    before = {path: path.stat().st_mode for path in (home, *home.parents)}
    write_row(home, "here")
    assert not cluster_folder.lies_elsewhere(home)
    assert (home / "postgres").stat().st_uid == binaries.server_user().pw_uid
    assert (home / "postgres" / "data" / "PG_VERSION").exists()
    assert {path: path.stat().st_mode for path in before} == before
    open_to_others = [path for path in home.rglob("*") if path.lstat().st_mode & 0o077 and not path.is_symlink()]
    assert open_to_others == []


def test_a_home_without_its_database_says_so_and_makes_one_only_when_told(home: Path) -> None:
    write_row(home, "lost")
    kept = home.with_name("kept")
    shutil.move(home / "postgres", kept)
    for look in (embedded.acquire, lambda home: embedded.running_url(home, "scorekeeper")):
        with pytest.raises(ScorekeeperError, match=f"has lost its database, which was in {home}/postgres: put") as said:
            look(home)
        assert f"remove {home}/database.json to begin an empty one" in str(said.value)
    shutil.move(kept, home / "postgres")
    if os.geteuid() == 0:
        cluster_folder._chown_all(home / "postgres", binaries.server_user())
    assert read_rows(home) == ["lost"]
    shutil.rmtree(home / "postgres")
    (home / "database.json").unlink()
    write_row(home, "new")
    assert read_rows(home) == ["new"]


@pytest.mark.long
def test_a_home_that_was_deleted_takes_its_database_along(home: Path) -> None:
    write_row(home, "old")
    shutil.rmtree(home)
    write_row(home, "new")
    assert read_rows(home) == ["new"]


@pytest.mark.long
def test_a_first_start_that_was_killed_half_way_begins_again(home: Path) -> None:
    write_row(home, "never there")
    (home / "postgres" / "data" / "ready").unlink()
    (home / "database.json").unlink()
    write_row(home, "new")
    assert read_rows(home) == ["new"]


def test_a_database_that_is_not_whole_is_left_as_it_is(home: Path) -> None:
    """Half of a backup: what there is of it is never cleared away for a new one."""
    write_row(home, "kept")
    (home / "postgres" / "data" / "ready").unlink()
    with pytest.raises(ScorekeeperError, match="has lost its database"):
        embedded.acquire(home)
    (home / "postgres" / "data" / "ready").touch()
    assert read_rows(home) == ["kept"]


@pytest.mark.long
def test_a_copy_of_a_home_is_a_home_of_its_own_even_where_the_first_one_is_at_work(home: Path) -> None:
    """What is copied names the process of the first one's server."""
    write_row(home, "both")
    copy = home.with_name("copy")
    first = embedded.acquire(home)
    try:
        with connect(first) as connection:
            connection.execute("CHECKPOINT")
        subprocess.run(["cp", "-a", home, copy], check=True)
        write_row(copy, "copy")
        assert embedded.Cluster(copy, {}).socket_folder != first.socket_folder
        with connect(first) as connection:
            assert connection.execute("SELECT words FROM kept").fetchall() == [("both",)]
    finally:
        first.release()
    assert (read_rows(home), read_rows(copy)) == (["both"], ["both", "copy"])


def test_a_home_that_was_moved_goes_on(home: Path) -> None:
    write_row(home, "moved")
    elsewhere = home.with_name("elsewhere")
    home.rename(elsewhere)
    assert read_rows(elsewhere) == ["moved"]
    shutil.rmtree(elsewhere / "postgres")
    with pytest.raises(ScorekeeperError, match=f"has lost its database, which was in {elsewhere}/postgres: put"):
        embedded.acquire(elsewhere)


@as_root
def test_a_database_of_an_earlier_version_moves_into_its_home_once_nobody_uses_it(home: Path) -> None:
    write_row(home, "from before")
    folder = make_it_as_it_was(home)
    with (folder / "users.lock").open("a") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        assert read_rows(home) == ["from before"]
        assert cluster_folder.find_folder(home) == folder
    for _ in range(2):  # the first stops the server that the other user has left
        assert read_rows(home) == ["from before"]
    assert (cluster_folder.find_folder(home), folder.exists()) == (home / "postgres", False)
    assert not cluster_folder.lies_elsewhere(home)


@as_root
@pytest.mark.long
def test_a_move_into_the_home_that_was_killed_is_done_by_the_next_start(home: Path) -> None:
    write_row(home, "from before")
    (home / "postgres").rename(home / ".postgres.moving")
    (home / "postgres").symlink_to(binaries.SYSTEM_HOME / "gone")
    assert read_rows(home) == ["from before"]
    assert not cluster_folder.lies_elsewhere(home)


@as_root
@pytest.mark.long
def test_a_link_that_leads_nowhere_is_a_database_that_is_lost(home: Path) -> None:
    write_row(home, "gone")
    folder = make_it_as_it_was(home)
    shutil.rmtree(folder)
    with pytest.raises(ScorekeeperError, match=f"has lost its database, which was in {folder}"):
        embedded.acquire(home)
    assert not folder.exists()


@as_root
@pytest.mark.long
def test_a_database_outside_its_home_is_not_taken_over_by_a_copy(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the system has no /proc: then that user would have to enter every folder above, which are root's."""
    monkeypatch.setattr(cluster_folder, "name_data", str)
    write_row(home, "elsewhere")
    folder = cluster_folder.find_folder(home)
    assert (cluster_folder.lies_elsewhere(home), folder.parent) == (True, binaries.SYSTEM_HOME)
    assert read_rows(home) == ["elsewhere"]
    copy = home.with_name("copy")
    subprocess.run(["cp", "-a", home, copy], check=True)
    with pytest.raises(ScorekeeperError, match=f"{copy} is a copy of {home}, and holds no database"):
        embedded.acquire(copy)
    assert folder not in [stray.folder for stray in cluster_folder.list_strays()]
    shutil.rmtree(copy)
    home.rename(home.with_name("moved"))
    assert read_rows(home.with_name("moved")) == ["elsewhere"]
    shutil.rmtree(home.with_name("moved"))
    assert cluster_folder.Stray(folder, home.with_name("moved")) in list(cluster_folder.list_strays())
    shutil.rmtree(folder)


@as_root
def test_files_from_a_backup_with_another_owner_belong_to_the_system_user(home: Path) -> None:
    write_row(home, "back")
    for number in (54_321, 0):  # of another machine; of root, who copied them without their owners
        for path in [home / "postgres", *(home / "postgres").rglob("*")]:
            os.chown(path, number, number)
        assert read_rows(home) == ["back"]


@as_root
def test_another_users_home_is_refused_with_its_owner_and_what_to_do(home: Path) -> None:
    script = (
        "import os, sys; sys.path.insert(0, sys.argv[2])\n"
        "from pathlib import Path\n"
        "from scorekeeper import private_files\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)  # where only root may read what is imported\n"
        "private_files.check_owner(Path(sys.argv[1]))"
    )
    open_folder = Path("/tmp") / f"scorekeeper-test-{os.getpid()}"
    open_folder.mkdir(mode=0o755)
    try:
        (open_folder / "home").mkdir(mode=0o755)
        for closed, named in ((home, home.parents[-3]), (open_folder / "home", open_folder / "home")):
            root = str(Path(__file__).parents[3])
            done = subprocess.run([sys.executable, "-c", script, closed, root], capture_output=True, text=True)
            assert f"{named} belongs to root: run as root, or use a home of your own" in done.stderr.splitlines()[-1]
    finally:
        shutil.rmtree(open_folder)
    home.mkdir()
    (home / "postgres").mkdir()
    os.chown(home / "postgres", 65534, 65534)
    with pytest.raises(ScorekeeperError, match=f"{home}/postgres belongs to nobody: run as nobody"):
        embedded.acquire(home)


def test_the_runtime_folder_goes_when_the_server_stops_after_a_kill_too(home: Path) -> None:
    lease = embedded.acquire(home)
    folder = lease.socket_folder
    assert folder.is_dir()
    os.kill(int((lease.data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
    second = embedded.acquire(home)
    lease.release()
    assert folder.is_dir()
    second.release()
    assert not folder.exists()


@pytest.mark.long
def test_a_server_whose_socket_was_removed_is_started_again(home: Path) -> None:
    """As cleaners of /tmp do."""
    first = embedded.acquire(home)
    shutil.rmtree(first.socket_folder)
    second = embedded.acquire(home)
    assert second.socket_folder.is_dir()
    with psycopg.connect(host=str(second.socket_folder), user=embedded.ROLE, dbname="postgres"):
        pass
    second.release()
    first.release()


def test_what_dead_servers_have_left_is_swept_and_nothing_else(home: Path) -> None:
    uid = binaries.server_user().pw_uid
    old = time.time() - 2 * socket_folder.YOUNG_SECONDS
    dead, young, served, filled = (
        Path(tempfile.gettempdir()) / f"{socket_folder.PREFIX}-{uid}-test{os.getpid()}{name}" for name in "abcd"
    )
    listener = socket.socket(socket.AF_UNIX)
    try:
        for folder in (dead, young, served, filled):
            folder.mkdir(mode=0o700)
            (folder / ".s.PGSQL.5432.lock").touch()
        (filled / "mine.txt").touch()
        listener.bind(str(served / ".s.PGSQL.5432"))
        listener.listen()
        with socket.socket(socket.AF_UNIX) as gone:
            gone.bind(str(dead / ".s.PGSQL.5432"))
        for folder in (dead, young, served, filled):
            os.chown(folder, uid, -1)
            os.utime(folder, (old, old)) if folder != young else None
        embedded.acquire(home).release()
        assert [folder.exists() for folder in (dead, young, served, filled)] == [False, True, True, True]
        assert (filled / "mine.txt").exists()
    finally:
        listener.close()
        for folder in (dead, young, served, filled):
            shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("seconds", [0.4, *long(0.05, 0.9)])
def test_interrupted_while_it_starts_it_leaves_no_server_behind(home: Path, seconds: float) -> None:
    """Within initdb, about its end, and within the start; a host's Ctrl-C."""
    script = (
        "import sys, time; from pathlib import Path; from scorekeeper.store import embedded\n"
        "print('now', flush=True)\nembedded.acquire(Path(sys.argv[1]))\ntime.sleep(60)"
    )
    user = subprocess.Popen(
        [sys.executable, "-c", script, home], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[3], preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    assert user.stdout is not None
    user.stdout.readline()
    time.sleep(seconds)
    user.send_signal(signal.SIGINT)
    user.wait(600)
    user.stdout.close()
    assert wait_until(lambda: find_postmaster(home / "postgres" / "data") is None, 10)
    write_row(home, "afterwards")
    assert read_rows(home) == ["afterwards"]


def command(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    ours = {name.upper() for name in Settings.model_fields} | {"PREFECT_API_URL", "PREFECT_HOME"}
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    return subprocess.run(
        [Path(sys.executable).with_name("scorekeeper"), *words], cwd=folder, env=kept, capture_output=True, text=True
    )


def test_status_and_doctor_name_home_and_database_and_make_nothing(
    tmp_path: Path,
) -> None:
    (tmp_path / "inbox").mkdir()
    before = command(tmp_path, "doctor")
    assert (before.returncode, before.stderr) == (0, "")
    assert f"home        {tmp_path}/.scorekeeper (the default, in the working directory)" in before.stdout
    assert "there is none yet" in before.stdout
    assert not (tmp_path / ".scorekeeper" / "postgres").exists()
    status = command(tmp_path, "status", "--json", "--home", "elsewhere")
    answer = json.loads(status.stdout)
    assert (answer["home"], answer["database"]) == (f"{tmp_path}/elsewhere", f"{tmp_path}/elsewhere/postgres")
    assert answer["home_set_by"] == "SCOREKEEPER_HOME in the environment, or --home"
    rests = command(tmp_path, "doctor", "--home", "elsewhere")
    assert (rests.returncode, "ok      database    Postgres 1" in rests.stdout) == (0, True), rests.stdout
    assert find_postmaster(tmp_path / "elsewhere" / "postgres" / "data") is None
    shutil.rmtree(tmp_path / "elsewhere" / "postgres")
    lost = command(tmp_path, "doctor", "--home", "elsewhere")
    assert (lost.returncode, "has lost its database" in lost.stdout) == (1, True)
    for words in (["status"], ["metrics"], ["up"]):
        done = command(tmp_path, *words, "--home", "elsewhere")
        assert (done.returncode, "has lost its database" in done.stderr) == (1, True), words
    assert not (tmp_path / "elsewhere" / "postgres").exists()


def test_the_trackers_first_line_names_the_home_and_warns_where_a_history_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    place_of = f"home {tmp_path}/.scorekeeper (the default, in the working directory), database {tmp_path}/.scorekeeper"
    PerformanceTracker().close()
    assert place_of in caplog.records[0].getMessage()
    assert caplog.records[0].levelno == logging.WARNING
    caplog.clear()
    with caplog.at_level(logging.INFO, "PerformanceTracker"):
        PerformanceTracker().close()
    assert place_of in caplog.records[0].getMessage()
    assert caplog.records[0].levelno == logging.INFO
