"""Other Postgres servers than the embedded one: over TCP, older, a standby, behind a pooler; gone at the end."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import psycopg
import pytest

from scorekeeper.store.binaries import find_binaries, server_user
from scorekeeper.store.postmaster import run_program
from tests.waiting import wait_until

OLDEST = Path("/usr/lib/postgresql/15/bin")  # where Debian's package postgresql-15 has it
PASSWORD = "canary-7f3a"
TRUST = "host all all 127.0.0.1/32 trust\n"
SCRAM = "host all all 127.0.0.1/32 scram-sha-256\n"
REPLICATED = TRUST + "host replication all 127.0.0.1/32 trust\n"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Server:
    """A cluster of the superuser `owner`, on 127.0.0.1."""

    folder: Path
    binaries: Path
    port: int
    settings: Mapping[str, str] = field(default_factory=dict)

    def url(self, user: str = "owner", password: str | None = PASSWORD, name: str = "postgres", more: str = "") -> str:
        secret = "" if password is None else f":{password}"
        return f"postgresql://{user}{secret}@127.0.0.1:{self.port}/{name}{more}"

    def execute(self, *statements: str, name: str = "postgres") -> list[Any]:
        """Run statements as the superuser, each for itself; the rows of the last."""
        with psycopg.connect(self.url(name=name), autocommit=True) as connection:
            for one in statements:
                cursor = connection.execute(one)
            return cursor.fetchall() if cursor.description else []

    def start(self) -> None:
        given = {"port": str(self.port), "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}
        options = " ".join(f"-c {name}={value}" for name, value in {**given, **self.settings}.items())
        self.run("pg_ctl", "start", "-D", str(self.data), "-w", "-l", str(self.folder / "log"), "-o", options)

    def stop(self, mode: str = "immediate", *more: str) -> None:
        self.run("pg_ctl", "stop", "-D", str(self.data), "-m", mode, *more)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def promote(self) -> None:
        """Let a standby take writes."""
        self.run("pg_ctl", "promote", "-D", str(self.data), "-w")

    def run(self, program: str, *arguments: str, check: bool = True) -> None:
        """Run one of its programs as its user."""
        done = run_program([str(self.binaries / program), *arguments], server_user(), folder=self.folder, kill=False)
        assert done.returncode == 0 or not check, done.stdout

    def write(self, name: str, content: str) -> None:
        """A file of its folder, which is its user's."""
        path = self.folder / name
        path.write_text(content)
        give_away(path)


def give_away(path: Path) -> None:
    os.chown(path, server_user().pw_uid, server_user().pw_gid)


@contextmanager
def open_server(
    *, hba: str = SCRAM, binaries: Path | None = None, settings: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """A server of the embedded binaries, or of others."""
    place = Path(tempfile.mkdtemp())  # its user enters it
    give_away(place)
    server = Server(place, binaries or find_binaries(), free_port(), settings or {})
    server.write("secret", PASSWORD)
    server.run(
        "initdb", "-D", str(server.data), "-U", "owner", "--auth=scram-sha-256", f"--pwfile={place / 'secret'}",
        "--no-sync", "-E", "UTF8", "--locale=C",
    )  # fmt: skip
    server.write("data/pg_hba.conf", hba)
    with _running(server):
        yield server


@contextmanager
def _running(server: Server) -> Iterator[None]:
    """The server runs, and leaves nothing behind."""
    server.start()
    try:
        yield
    finally:
        server.run("pg_ctl", "stop", "-D", str(server.data), "-m", "immediate", "-w", check=False)
        shutil.rmtree(server.folder, ignore_errors=True)


@contextmanager
def open_standby(primary: Server, settings: Mapping[str, str] | None = None) -> Iterator[Server]:
    """A hot standby that streams from `primary`, whose pg_hba.conf lets the owner replicate."""
    place = Path(tempfile.mkdtemp())
    give_away(place)
    standby = Server(place, primary.binaries, free_port(), settings or {})
    standby.run(
        "pg_basebackup", "-D", str(standby.data), "-R", "-c", "fast", "-X", "stream", "--no-sync",
        "-d", f"{primary.url()}?application_name=standby",
    )  # fmt: skip
    with _running(standby):
        yield standby


@contextmanager
def open_pooler(server: Server, mode: str, users: Sequence[str] = (), **settings: str) -> Iterator[int]:
    """A PgBouncer before `server`, in pool mode `mode`, whose clients are `users` there, or all the owner; its port."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        miss("there is no pgbouncer: apt-get install -y pgbouncer")
    port, owner = free_port(), server_user()
    place = server.folder / f"pooler-{mode}-{port}"
    place.mkdir()
    given = {
        "listen_addr": "127.0.0.1", "listen_port": str(port), "unix_socket_dir": "", "pool_mode": mode,
        "auth_type": "trust" if users else "any", "auth_file": str(place / "users"),
        "logfile": str(place / "log"), "pidfile": str(place / "pid"), **settings,
    }  # fmt: skip
    lines = "".join(f"{name} = {value}\n" for name, value in given.items())
    one = f"host=127.0.0.1 port={server.port}{'' if users else ' user=owner'}"
    (place / "users").write_text("".join(f'"{user}" "{PASSWORD}"\n' for user in users))
    (place / "ini").write_text(f"[databases]\n* = {one}\n[pgbouncer]\n{lines}")
    user: dict[str, Any] = {}
    if os.geteuid() == 0:  # it does not run as root
        for path in (place, place / "ini", place / "users"):
            give_away(path)
        user = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
    pooler = subprocess.Popen(
        [program, str(place / "ini")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", **user
    )
    try:
        assert wait_until(lambda: _listens(port), 30)
        yield port
    finally:
        pooler.terminate()
        pooler.wait(30)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def find_oldest() -> Path:
    """The binaries of the oldest Postgres that is supported."""
    if not (OLDEST / "postgres").exists():
        miss("there is no Postgres 15: apt-get install -y postgresql-15")
    return OLDEST


def miss(what: str) -> NoReturn:
    """Fail where all is meant to be there, as in .ci/run, which installs it; elsewhere skip, saying what is missing."""
    (pytest.fail if os.environ.get("EVERY_SERVER") else pytest.skip)(what)
