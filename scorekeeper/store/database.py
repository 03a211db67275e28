"""An open database, in the embedded Postgres or the user's own: connections, transactions, COPY."""

import os
import socket
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import psycopg
from sqlalchemy import Connection, ExceptionContext, create_engine, event
from sqlalchemy.exc import DBAPIError, OperationalError

from scorekeeper.errors import ROOM_NEEDED, AwayError, ContendedError, ScorekeeperError
from scorekeeper.store import cluster_folder, embedded
from scorekeeper.store.connections import connect, read_address, settle_in
from scorekeeper.store.failures import explain_lost, explain_refused, explain_unconnected, is_absent, is_lost
from scorekeeper.store.failures import show_address as show_address
from scorekeeper.store.forks import leave_to_parent, reset_in_children
from scorekeeper.store.migrate import migrate_to_head
from scorekeeper.store.sql import raw
from scorekeeper.store.systems import SYSTEM_OPTION, check_system, system_of

if TYPE_CHECKING:
    from pydantic import SecretStr

T = TypeVar("T")
ATTEMPTS = 5
RETURN_SECONDS = 10.0  # how long a new connection waits for a server that went away
DISK_FULL = "53100"
CONTENDED = {"40001", "40P01"}  # serialization failure, deadlock


class Database:
    """An open database, until `close`.

    It survives a restart of its server: a new connection waits up to RETURN_SECONDS for a server that is away, and
    starts an embedded one again. Threads may share it. In the child of a fork it makes connections of its own, and
    leaves the parent's alone.
    """

    def __init__(
        self, secret: str, server: embedded.Lease | None = None, *, system: str = "", wants: str = "read-write"
    ) -> None:
        self._address = read_address(secret, wants=wants)
        self.system = check_system(system)  # whose schema its statements mean; empty for the default one
        self._server = server
        self._drivers: weakref.WeakSet[psycopg.Connection[Any]] = weakref.WeakSet()
        self._stood = False
        self._closed = False
        named = {SYSTEM_OPTION: system}
        self.engine = create_engine(
            self._address, creator=self.open_driver, pool_pre_ping=True, execution_options=named
        )
        event.listen(self.engine, "begin", settle_in)
        event.listen(self.engine, "handle_error", self._explain)
        reset_in_children(self)

    def open_driver(self, *, wait: bool = True) -> psycopg.Connection[Any]:
        """A psycopg connection that the caller closes, outside of SQLAlchemy's pool; `wait`: for a server that is away.

        Raises DatabaseError, ScorekeeperError.
        """
        until = time.monotonic() + (RETURN_SECONDS if wait and self._stood else 0)
        started = False
        while True:
            if self._closed:
                raise ScorekeeperError("this database was closed: open it again")
            if self._server is not None:
                self._server.rejoin()
            try:
                connection = connect(self._address, self.engine.dialect, self.system)
            except psycopg.Error as exc:
                if self._server is not None and is_absent(exc) and not started:
                    self._server.ensure_running()
                    started = True
                    continue
                reason = explain_unconnected(self._address, exc)
                if not isinstance(reason, AwayError) or time.monotonic() >= until:
                    raise reason from None
                time.sleep(0.2)
                continue
            self._drivers.add(connection)
            self._stood = True
            return connection

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """One transaction. Raises AwayError if the connection is lost in it."""
        with self._telling_of_loss(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def snapshot(self, *lock: str) -> Iterator[Connection]:
        """One transaction that sees the database as of one moment throughout.

        First it locks the tables of `lock` against being dropped: a dropped table is missing from older snapshots too.
        Raises AwayError if the connection is lost in it.
        """
        with self._telling_of_loss(), self.engine.connect() as plain:
            connection = plain.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                for table in lock:
                    connection.exec_driver_sql(f"LOCK TABLE {table} IN ACCESS SHARE MODE")
                yield connection

    @contextmanager
    def _telling_of_loss(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as exc:
            if exc.orig is None or not is_lost(exc.orig):
                raise
            raise explain_lost(exc.orig, self._address) from None

    def transact(self, work: Callable[[Connection], T], *, repeatable: bool = False) -> T:
        """Run `work` in one transaction; repeat it after a conflict, or if the server goes away before COMMIT.

        `repeatable`: `work` recognises what it did before, so it may be repeated once even if the COMMIT may have
        succeeded. Raises ContendedError after ATTEMPTS conflicts with others on the same rows, AwayError if the
        connection is lost.
        """
        for attempt in range(1, ATTEMPTS + 1):
            connection = self.engine.connect()
            committing = False
            try:
                with connection.begin():
                    result = work(connection)
                    committing = True
                return result
            except DBAPIError as exc:
                if exc.orig is not None and is_lost(exc.orig):
                    connection.invalidate()  # libpq may take it for one that still works
                if exc.orig is None or not self._may_repeat(exc.orig, attempt, committing, repeatable):
                    raise
                if committing:
                    repeatable = False
            finally:
                connection.close()
            time.sleep(0.05 * 2**attempt)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _may_repeat(self, exc: BaseException, attempt: int, committing: bool, repeatable: bool) -> bool:
        state, lost = getattr(exc, "sqlstate", None), is_lost(exc)
        last = attempt == ATTEMPTS
        if committing and lost:
            if repeatable and not last:
                return True
            raise explain_lost(exc, self._address) from None
        if not last:
            return lost or state in CONTENDED
        if state in CONTENDED:
            reason = str(exc).partition("\n")[0]
            raise ContendedError(
                f"undone {ATTEMPTS} times by the database ({reason}), as others work on the same rows: try again"
            ) from None
        if lost:
            raise explain_lost(exc, self._address) from None
        return False

    def reset_in_child(self) -> None:
        """In the child of a fork: use new connections from now on, and send nothing on the parent's."""
        for driver in list(self._drivers):
            _silence(driver)
            leave_to_parent(driver)
        self._drivers = weakref.WeakSet()
        leave_to_parent(self.engine.pool)
        self.engine.dispose(close=False)

    def close(self) -> None:
        """Close the connections, and stop the embedded server if it has no other user."""
        self._closed = True
        self.engine.dispose()
        if self._server is not None:
            self._server.release()
            self._server = None

    def _explain(self, context: ExceptionContext) -> None:
        """Raises ScorekeeperError in place of an error that a user can act on."""
        _check_room(context.original_exception)
        if (reason := explain_refused(self._address, context.original_exception, self.system)) is not None:
            raise reason
        if self._server is not None and isinstance(context.sqlalchemy_exception, OperationalError):
            self._server.check_room()  # a server that cannot write its log ends

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _silence(driver: psycopg.Connection[Any]) -> None:
    """Replace the descriptor of a parent's connection in this process by a closed socket."""
    with suppress(psycopg.Error, OSError):
        descriptor = driver.pgconn.socket
        ours, nowhere = socket.socketpair()
        with ours:
            nowhere.close()
            os.dup2(ours.fileno(), descriptor, inheritable=False)


def open_database(
    url: "SecretStr | str | None", home: Path, *, migrate: bool = True, system: str = "", wants: str = "read-write"
) -> Database:
    """The database at `url`, or the embedded one of `home` if None; `migrate`: to the newest schema.

    `system`: whose schema it is, see SYSTEM in the settings. `wants`: which of several servers in the address, see
    read_address.

    Raises ScorekeeperError (without the password), within 15 s if the server is missing. If the server is missing or
    refuses, it is a DatabaseError with cause and next step.
    """
    server = None
    if url is None or not (secret := url if isinstance(url, str) else url.get_secret_value()):
        server = embedded.acquire(home)
        secret = server.url("scorekeeper")
    try:
        database = Database(secret, server, system=system, wants=wants)
    except BaseException:
        if server is not None:
            server.release()
        raise
    try:
        with database.engine.connect() as connection:
            if migrate:
                migrate_to_head(connection)
    except DBAPIError as exc:
        database.close()
        raise explain_unconnected(database.engine.url, exc.orig or exc) from None
    except BaseException:
        database.close()
        raise
    return database


@contextmanager
def open_scratch(home: Path, name: str) -> Iterator[Database]:
    """A new, migrated database in the embedded server of `home`, which is dropped at the end."""
    server = embedded.acquire(home)
    try:
        server.drop(name)  # one that a killed run left
        try:
            with open_database(server.url(name), home) as database:
                yield database
        finally:
            server.drop(name)
    finally:
        server.release()


@contextmanager
def open_copy(connection: Connection, name: str, *, binary: bool = False) -> Iterator[psycopg.Copy]:
    """The COPY statement `name`, in the connection's transaction; afterwards its cursor has the count of rows.

    `binary`: in Postgres' binary format, if the statement names none. It bypasses SQLAlchemy; see use_driver.
    """
    query = f"{raw(name).rstrip().removesuffix(';')} (FORMAT binary)" if binary else raw(name)
    with use_driver(connection, name) as driver, driver.cursor().copy(query) as copy:
        yield copy


@contextmanager
def use_driver(connection: Connection, name: str) -> Iterator[psycopg.Connection[Any]]:
    """psycopg's connection below SQLAlchemy's, in its transaction, for the statement `name`.

    Errors of the driver are raised as SQLAlchemy, or `Database`, would raise them.
    """
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    try:
        yield driver
    except psycopg.Error as exc:
        _check_room(exc)
        if (reason := explain_refused(connection.engine.url, exc, system_of(connection))) is not None:
            raise reason from exc
        raise DBAPIError.instance(raw(name), None, exc, psycopg.Error, dialect=connection.dialect) from exc


def _check_room(exc: BaseException) -> None:
    if getattr(exc, "sqlstate", None) == DISK_FULL:
        raise ScorekeeperError(f"the database has no room left: {ROOM_NEEDED}") from None


def describe_database(url: "SecretStr | None", home: Path) -> str:
    """Where the database is, without a password: its address, or the folder of the embedded one."""
    if url is None:
        return cluster_folder.describe_folder(home)
    try:
        return show_address(read_address(url.get_secret_value()))
    except ScorekeeperError:
        return "DATABASE_URL, which is no address"
