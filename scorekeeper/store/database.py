"""The connection to Postgres: ours (embedded) or the user's."""

import os
import socket
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import psycopg
from pydantic import SecretStr
from sqlalchemy import Connection, ExceptionContext, create_engine, event
from sqlalchemy.exc import DBAPIError, OperationalError

from scorekeeper.errors import ROOM_NEEDED, AwayError, ContendedError, ScorekeeperError
from scorekeeper.store import embedded, place
from scorekeeper.store.connecting import connect, is_pooled, read_address, refuse_shared_sessions
from scorekeeper.store.failures import explain_lost, explain_refused, explain_unconnected, is_absent, is_lost
from scorekeeper.store.failures import show_address as show_address
from scorekeeper.store.forks import begin_anew_after_fork, leave_to_parent
from scorekeeper.store.migrate import migrate_to_head
from scorekeeper.store.sql import raw

T = TypeVar("T")
ATTEMPTS = 5
RETURN_SECONDS = 10.0  # how long an open database that went away is waited for, each time that it is asked for
DISK_FULL = "53100"
CONTENDED = {"40001", "40P01"}  # serialization failure, deadlock


class Database:
    """An open database; `close` gives back what it holds.

    It outlives its server: a new connection waits for one that is away, for RETURN_SECONDS at most, and starts an
    embedded one again. Threads may share it. In a child of a fork it makes connections of its own, and the parent's
    stay the parent's.
    """

    def __init__(self, secret: str, server: embedded.Lease | None = None) -> None:
        self._address = read_address(secret)
        self._server = server
        self._drivers: weakref.WeakSet[psycopg.Connection[Any]] = weakref.WeakSet()
        self._stood = False
        self._closed = False
        self.engine = create_engine(self._address, creator=self.open_driver, pool_pre_ping=True)
        event.listen(self.engine, "handle_error", self._explain)
        begin_anew_after_fork(self)

    def open_driver(self, *, wait: bool = True) -> psycopg.Connection[Any]:
        """A connection that belongs to the caller, past SQLAlchemy; `wait`: for a server that is away.

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
                connection = connect(self._address, self.engine.dialect)
            except psycopg.Error as failed:
                if self._server is not None and is_absent(failed) and not started:
                    self._server.ensure_running()
                    started = True
                    continue
                reason = explain_unconnected(self._address, failed)
                if not isinstance(reason, AwayError) or time.monotonic() >= until:
                    raise reason from None
                time.sleep(0.2)
                continue
            self._drivers.add(connection)
            if not self._stood and is_pooled(connection):
                try:
                    refuse_shared_sessions(connection, self._address, self.engine.dialect)
                except BaseException:
                    connection.close()
                    raise
            self._stood = True
            return connection

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """One transaction. Raises AwayError if the connection is lost in it."""
        try:
            with self.engine.begin() as connection:
                yield connection
        except DBAPIError as failed:
            if failed.orig is None or not is_lost(failed.orig):
                raise
            raise explain_lost(failed.orig, self._address) from None

    @contextmanager
    def snapshot(self, *lock: str) -> Iterator[Connection]:
        """One transaction that sees the database as it stands at one moment, throughout.

        The moment comes once the tables of `lock` are locked against being dropped: what is dropped is missing in older
        snapshots too.
        """
        with self.engine.connect() as plain:
            connection = plain.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                for table in lock:
                    connection.exec_driver_sql(f"LOCK TABLE {table} IN ACCESS SHARE MODE")
                yield connection

    def transact(self, work: Callable[[Connection], T], *, repeatable: bool = False) -> T:
        """`work` in one transaction, repeated whole when the server asked for that, or went away, before it committed.

        `repeatable`: work that finds what it did before may be repeated, once, also when nobody knows whether it was
        committed. Raises ContendedError when the server has asked ATTEMPTS times, since others work on the same rows,
        AwayError when the connection was lost.
        """
        for attempt in range(1, ATTEMPTS + 1):
            connection = self.engine.connect()
            committing = False
            try:
                with connection.begin():
                    result = work(connection)
                    committing = True
                return result
            except DBAPIError as failed:
                if failed.orig is not None and is_lost(failed.orig):
                    connection.invalidate()  # libpq may take it for one that still answers
                if failed.orig is None or not self._may_repeat(failed.orig, attempt, committing, repeatable):
                    raise
                if committing:
                    repeatable = False
            finally:
                connection.close()
            time.sleep(0.05 * 2**attempt)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _may_repeat(self, failed: BaseException, attempt: int, committing: bool, repeatable: bool) -> bool:
        state, lost = getattr(failed, "sqlstate", None), is_lost(failed)
        last = attempt == ATTEMPTS
        if committing and lost:
            if repeatable and not last:
                return True
            raise explain_lost(failed, self._address) from None
        if not last:
            return lost or state in CONTENDED
        if state in CONTENDED:
            reason = str(failed).partition("\n")[0]
            raise ContendedError(
                f"undone {ATTEMPTS} times by the database ({reason}), as others work on the same rows: try again"
            ) from None
        if lost:
            raise explain_lost(failed, self._address) from None
        return False

    def begin_anew(self) -> None:
        """In the child of a fork: connections of its own from now on; what the parent has open says nothing here."""
        for driver in list(self._drivers):
            _silence(driver)
            leave_to_parent(driver)
        self._drivers = weakref.WeakSet()
        leave_to_parent(self.engine.pool)
        self.engine.dispose(close=False)

    def close(self) -> None:
        """Close the connections, and stop the embedded server if nobody else uses it."""
        self._closed = True
        self.engine.dispose()
        if self._server is not None:
            self._server.release()
            self._server = None

    def _explain(self, failed: ExceptionContext) -> None:
        """Raises ScorekeeperError in the place of what a user can do something about."""
        _check_room(failed.original_exception)
        if (reason := explain_refused(self._address, failed.original_exception)) is not None:
            raise reason
        if self._server is not None and isinstance(failed.sqlalchemy_exception, OperationalError):
            self._server.check_room()  # it ends when it cannot write its log

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _silence(driver: psycopg.Connection[Any]) -> None:
    """Let the descriptor of a parent's connection lead nowhere in this process."""
    with suppress(psycopg.Error, OSError):
        descriptor = driver.pgconn.socket
        ours, nowhere = socket.socketpair()
        with ours:
            nowhere.close()
            os.dup2(ours.fileno(), descriptor, inheritable=False)


def open_database(url: SecretStr | str | None, home: Path, *, migrate: bool = True) -> Database:
    """The database at `url`, or the embedded one under `home` if None; migrated to the newest schema.

    Raises ScorekeeperError (without the password) within 15 s if there is no such server, or if it refuses; then it is
    a DatabaseError, with cause and next step.
    """
    server = None
    if url is None or not (secret := url.get_secret_value() if isinstance(url, SecretStr) else url):
        server = embedded.acquire(home)
        secret = server.url("scorekeeper")
    try:
        database = Database(secret, server)
    except BaseException:
        if server is not None:
            server.release()
        raise
    try:
        with database.engine.connect() as connection:
            if migrate:
                migrate_to_head(connection)
    except DBAPIError as failed:
        database.close()
        raise explain_unconnected(database.engine.url, failed.orig or failed) from None
    except BaseException:
        database.close()
        raise
    return database


@contextmanager
def open_scratch(home: Path, name: str) -> Iterator[Database]:
    """A database that is empty at first and gone at the end, in the embedded server of `home`."""
    server = embedded.acquire(home)
    try:
        server.drop(name)  # what a run left that was killed
        try:
            with open_database(server.url(name), home) as database:
                yield database
        finally:
            server.drop(name)
    finally:
        server.release()


@contextmanager
def open_copy(connection: Connection, name: str) -> Iterator[psycopg.Copy]:
    """The COPY of sql/NAME.sql, in the connection's transaction.

    It goes past SQLAlchemy; what the driver raises is raised as SQLAlchemy, and `open_database`, would raise it.
    Afterwards its cursor has the count of rows.
    """
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    try:
        with driver.cursor().copy(raw(name)) as copy:
            yield copy
    except psycopg.Error as failed:
        _check_room(failed)
        if (reason := explain_refused(connection.engine.url, failed)) is not None:
            raise reason from failed
        raise DBAPIError.instance(raw(name), None, failed, psycopg.Error, dialect=connection.dialect) from failed


def _check_room(failed: BaseException) -> None:
    if getattr(failed, "sqlstate", None) == DISK_FULL:
        raise ScorekeeperError(f"the database has no room left: {ROOM_NEEDED}") from None


def describe_database(url: SecretStr | None, home: Path) -> str:
    """Where the database is, without a password: its address, or the folder of the embedded one."""
    if url is None:
        return place.say_where(home)
    try:
        return show_address(read_address(url.get_secret_value()))
    except ScorekeeperError:
        return "DATABASE_URL, which is no address"
