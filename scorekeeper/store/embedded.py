"""The embedded Postgres, for an installation without DATABASE_URL.

Each user of the server holds a lease, which is a shared lock on a file. The last user that releases its lease stops the
server. After a kill -9 the next user finds the server running, or starts it again. The server itself is in cluster.py.
"""

import os
import threading
import weakref
from collections.abc import Mapping
from pathlib import Path

from scorekeeper.store import cluster_folder
from scorekeeper.store.binaries import ROLE, SYSTEM_HOME
from scorekeeper.store.cluster import Cluster
from scorekeeper.store.forks import reset_in_children

__all__ = ["ROLE", "SYSTEM_HOME", "Cluster", "Lease", "acquire", "release_all", "running_url", "take_over"]

_leases: "weakref.WeakSet[Lease]" = weakref.WeakSet()


class Lease:
    """One user's hold on the embedded server, until `release`.

    The child of a fork does not hold its parent's lease; it gets one of its own with `rejoin`.
    """

    def __init__(self, cluster: Cluster, users: int) -> None:
        self._cluster = cluster
        self._parted = False
        self._joining = threading.Lock()
        self._hold(users)
        reset_in_children(self)

    def rejoin(self) -> None:
        """Hold the server in this process too, if it was forked since. Raises ScorekeeperError."""
        if self._parted:
            with self._joining:
                if self._parted:
                    self._hold(self._cluster.enter())
                    self._parted = False

    def reset_in_child(self) -> None:
        """In the child of a fork: close the descriptor without releasing the parent's lock."""
        self._joining = threading.Lock()
        if held := self._finalizer.detach():
            _, _, (users, *_), _ = held
            os.close(users)
            self._parted = True

    def _hold(self, users: int) -> None:
        # The finalizer also runs at the interpreter's exit, if release was never called.
        self._finalizer = weakref.finalize(self, self._cluster.leave, users)
        _leases.add(self)
        from multiprocessing import parent_process

        if parent_process() is not None:
            from multiprocessing.util import Finalize  # a child of multiprocessing skips the interpreter's exit

            Finalize(None, self._finalizer, exitpriority=-100)

    def descriptor(self) -> int:
        """The file that stands for this user, for a program that this process becomes: see `take_over`."""
        held = self._finalizer.peek()
        assert held is not None
        _, _, (users, *_), _ = held
        return int(users)

    def url(self, database: str) -> str:
        """The address of `database`, for SQLAlchemy; the database is made if there is none."""
        self._cluster.ensure_database(database)
        return f"postgresql+psycopg://{ROLE}@/{database}?host={self._cluster.socket_folder}"

    def drop(self, database: str) -> None:
        """Remove `database` with all its content, if there is one."""
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
        """Start the server again if it has ended. Raises ScorekeeperError."""
        self._cluster.restart()

    def release(self) -> None:
        """Release the lease; the last user's release stops the server. A second call does nothing."""
        self._parted = False
        self._finalizer()


def acquire(home: Path, settings: Mapping[str, str] | None = None) -> Lease:
    """A lease on the server of `home`, which is started if it does not run; `settings`: more for postgresql.conf.

    Raises ScorekeeperError if the server cannot be started, or the home has lost the database that it had.
    """
    cluster = Cluster(home, settings or {})
    return Lease(cluster, cluster.enter())


def take_over(home: Path, users: int) -> Lease:
    """The lease whose descriptor this process was handed by the program that it was before."""
    return Lease(Cluster(home, {}), users)


def release_all() -> None:
    """Release every lease of this process."""
    for lease in list(_leases):
        lease.release()


def running_url(home: Path, database: str) -> str | None:
    """The address of `database` of a running server of `home`; None if it does not run. Makes and starts nothing.

    Raises ScorekeeperError if the home has lost the database that it had.
    """
    home = home.expanduser().resolve()
    if not cluster_folder.has_cluster(home):
        return None
    cluster = Cluster(home, {})
    if not cluster.has_database(database):
        return None
    return f"postgresql+psycopg://{ROLE}@/{database}?host={cluster.socket_folder}"
