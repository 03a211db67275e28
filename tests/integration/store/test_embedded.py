"""Postgres of our own: shared, stopped by the last user, back after a kill, closed to strangers."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from cli.up.processes import MARK
from scorekeeper.errors import ScorekeeperError
from scorekeeper.store import cluster_folder, embedded
from scorekeeper.store.database import open_database
from tests.waiting import busy

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    home = tmp_path / ("deep" * 30) / "home"  # far beyond the length of a socket's address
    yield home
    cluster = embedded.Cluster(home, {})
    for folder in (cluster.socket_folder, cluster.folder):
        shutil.rmtree(folder, ignore_errors=True)


def postmaster(home: Path) -> int | None:
    try:
        return int((embedded.Cluster(home, {}).data / "postmaster.pid").read_text().split()[0])
    except FileNotFoundError:
        return None


def answers(lease: embedded.Lease) -> bool:
    with psycopg.connect(host=str(lease.socket_folder), user=embedded.ROLE, dbname="postgres") as connection:
        row = connection.execute("SELECT 1").fetchone()
        return row == (1,)


def test_two_users_share_one_server_and_the_last_one_stops_it(home: Path) -> None:
    first = embedded.acquire(home)
    second = embedded.acquire(home)
    first.release()
    assert answers(second)
    second.release()
    assert postmaster(home) is None


def test_after_a_kill_of_the_server_the_next_user_starts_it_again(home: Path) -> None:
    first = embedded.acquire(home)
    pid = postmaster(home)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    second = embedded.acquire(home)
    assert answers(second)
    first.release()
    assert answers(second)
    second.release()
    assert postmaster(home) is None


def test_after_a_kill_of_its_only_user_the_next_one_takes_over_and_stops_it(home: Path) -> None:
    script = (
        f"from pathlib import Path; import sys, time; from scorekeeper.store import embedded; "
        f"lease = embedded.acquire(Path({str(home)!r})); print('up', flush=True); time.sleep(60)"
    )
    user = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=ROOT)
    assert user.stdout is not None
    assert user.stdout.readline() == b"up\n"
    user.kill()
    user.wait()
    user.stdout.close()
    lease = embedded.acquire(home)
    assert answers(lease)
    lease.release()
    assert postmaster(home) is None


@pytest.mark.parametrize("stage", ["keep", "start"])
def test_a_signal_between_two_stages_of_its_part_of_up_stops_it(home: Path, stage: str) -> None:
    script = f"""
import os, signal
from pathlib import Path
from cli.up.processes import begin_again
from scorekeeper.store import embedded
lease = embedded.acquire(Path({str(home)!r}))
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
os.kill(os.getpid(), signal.SIGTERM)
begin_again("postgres", {stage!r}, lease.descriptor())
"""
    told = {MARK: str(home), "LOG_FORMAT": "text"}
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=os.environ | told, timeout=120)
    assert done.returncode == 0
    assert postmaster(home) is None


def test_another_local_user_is_refused_and_no_folder_of_others_changes_its_mode(home: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can act as another user")
    home.mkdir(parents=True)
    modes = {path: path.stat().st_mode for path in [home, *list(home.parents)[:-2]]}
    lease = embedded.acquire(home)
    try:
        assert {path: path.stat().st_mode for path in modes} == modes
        assert lease.socket_folder.stat().st_mode & 0o777 == 0o700
        script = (
            "import os, socket; os.setgid(65534); os.setuid(65534); s = socket.socket(socket.AF_UNIX); "
            f"s.connect({str(lease.socket_folder)!r} + '/.s.PGSQL.5432')"
        )
        refused = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
        assert b"PermissionError" in refused.stderr
    finally:
        lease.release()


@pytest.fixture
def tcp_server(tmp_path: Path) -> Iterator[tuple[int, str]]:
    """A second cluster from the same binaries, over TCP with a password: (port, password)."""
    cluster = embedded.Cluster(tmp_path / "second", {})
    cluster_folder.prepare_folder(cluster.home, cluster._owner)
    cluster.data.mkdir(mode=0o700)
    os.chown(cluster.data, cluster._owner.pw_uid, cluster._owner.pw_gid)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    secret = "canary-7f3a"
    secret_file = cluster.folder / "secret"
    secret_file.write_text(secret)
    os.chown(secret_file, cluster._owner.pw_uid, cluster._owner.pw_gid)
    cluster._run("initdb", *cluster._at, "-U", "owner", "--auth=scram-sha-256", "--pwfile=../secret", "--no-sync")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
    cluster._run("pg_ctl", "start", *cluster._at, "-w", "-l", "../log", "-o", options)
    yield port, secret
    cluster._run("pg_ctl", "stop", *cluster._at, "-m", "immediate", "-w")
    shutil.rmtree(cluster.folder)


def test_any_postgres_over_tcp_with_a_password_serves(tcp_server: tuple[int, str], tmp_path: Path) -> None:
    port, secret = tcp_server
    with (
        open_database(f"postgresql://owner:{secret}@127.0.0.1:{port}/postgres", tmp_path) as db,
        db.begin() as connection,
    ):
        assert connection.exec_driver_sql("SELECT count(*) FROM scorekeeper.decision").scalar() == 0
        assert connection.exec_driver_sql("SHOW timezone").scalar() == "UTC"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://owner:canary-wrong@127.0.0.1:{port}/postgres",
        "postgresql://owner:canary-7f3a@127.0.0.1:1/postgres",
        "postgresql://owner:canary-7f3a@127.0.0.1:{port}/no_such",
        "postgresql://owner:canary-7f3a@no-such-host.invalid:{port}/postgres",
        "mysql://owner:canary-7f3a@127.0.0.1/postgres",
        "canary-7f3a nonsense",
        "postgresql://owner:canary-7f3a@127.0.0.1:notaport/postgres",
    ],
)
def test_a_wrong_address_is_one_clear_line_in_time_without_the_password(
    tcp_server: tuple[int, str], tmp_path: Path, url: str
) -> None:
    started = time.monotonic()
    with pytest.raises(ScorekeeperError) as refused:
        open_database(url.format(port=tcp_server[0]), tmp_path)
    assert time.monotonic() - started < 15 * busy()
    assert "canary" not in str(refused.value)
    assert "\n" not in str(refused.value)
    assert refused.value.__context__ is None or refused.value.__suppress_context__  # nor in a traceback
