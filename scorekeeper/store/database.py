"""The connection to Postgres: ours (embedded) or the user's."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import psycopg
from pydantic import SecretStr
from sqlalchemy import URL, Connection, Engine, ExceptionContext, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, ProgrammingError

from scorekeeper.errors import ROOM_NEEDED, ContendedError, ScorekeeperError
from scorekeeper.store import embedded
from scorekeeper.store.migrate import migrate_to_head
from scorekeeper.store.sql import raw

T = TypeVar("T")
ATTEMPTS = 5
DISK_FULL = "53100"
CONTENDED = {"40001", "40P01"}  # serialization failure, deadlock
# and server shut down, connection lost
PASSING = {*CONTENDED, "57P01", "57P02", "57P03", "08006", "08003"}


class Database:
    """An open database; `close` gives back what it holds."""

    def __init__(self, engine: Engine, server: embedded.Lease | None = None) -> None:
        self.engine = engine
        self._server = server

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """One transaction."""
        with self.engine.begin() as connection:
            yield connection

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

    def transact(self, work: Callable[[Connection], T]) -> T:
        """`work` in one transaction, repeated whole when the server asked for that before it committed.

        Raises ContendedError when it has asked ATTEMPTS times, since others work on the same rows.
        """
        for attempt in range(1, ATTEMPTS + 1):
            connection = self.engine.connect()
            try:
                with connection.begin():
                    try:
                        result = work(connection)
                    except DBAPIError as failed:
                        state = getattr(failed.orig, "sqlstate", None)
                        if attempt == ATTEMPTS and state in CONTENDED:
                            reason = str(failed.orig).partition("\n")[0]
                            raise ContendedError(
                                f"undone {ATTEMPTS} times by the database ({reason}), as others work on the same rows: "
                                "try again"
                            ) from None
                        if attempt == ATTEMPTS or state not in PASSING:
                            raise
                        raise _RepeatError from failed
                return result
            except _RepeatError:
                time.sleep(0.05 * 2**attempt)
            finally:
                connection.close()
        raise AssertionError("unreachable: the last attempt returns or raises")

    def close(self) -> None:
        """Close the connections, and stop the embedded server if nobody else uses it."""
        self.engine.dispose()
        if self._server is not None:
            self._server.release()
            self._server = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _RepeatError(Exception):
    """The transaction was undone for a passing reason."""


def open_database(url: SecretStr | str | None, home: Path, *, migrate: bool = True) -> Database:
    """The database at `url`, or the embedded one under `home` if None; migrated to the newest schema.

    Raises ScorekeeperError (without the password) within 15 s if there is no such server.
    """
    server = None
    if url is None or not (secret := url.get_secret_value() if isinstance(url, SecretStr) else url):
        server = embedded.acquire(home)
        secret = server.url("scorekeeper")
    engine = _engine(secret)
    event.listen(engine, "handle_error", partial(_name_full_disk, server))
    database = Database(engine, server)
    try:
        with engine.connect() as connection:
            if migrate:
                migrate_to_head(connection)
    except (OperationalError, ProgrammingError) as failed:
        database.close()
        raise ScorekeeperError(
            f"cannot reach the database at {show_address(engine.url)}: {_reason(engine.url, failed)}"
        ) from None
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
        raise DBAPIError.instance(raw(name), None, failed, psycopg.Error, dialect=connection.dialect) from failed


def _name_full_disk(server: embedded.Lease | None, failed: ExceptionContext) -> None:
    """Raises ScorekeeperError in the place of what a full disk of the server's has led to."""
    _check_room(failed.original_exception)
    if server is not None and isinstance(failed.sqlalchemy_exception, OperationalError):
        server.check_room()  # it ends when it cannot write its log


def _check_room(failed: BaseException) -> None:
    if getattr(failed, "sqlstate", None) == DISK_FULL:
        raise ScorekeeperError(f"the database has no room left: {ROOM_NEEDED}") from None


def show_address(url: URL) -> str:
    """Host and name only: a password may stand in the address or behind its question mark."""
    host = url.host or url.query.get("host") or "a socket"
    return f"{host}{f':{url.port}' if url.port else ''}/{url.database or ''}"


def _reason(url: URL, failed: DBAPIError) -> str:
    words = str(failed.orig).strip()
    reason = words.splitlines()[0] if words else "no answer"
    for secret in (url.password, *(value for name, value in url.query.items() if "pass" in name)):
        reason = reason.replace(str(secret), "***") if secret else reason
    return reason


def _engine(secret: str) -> Engine:
    for prefix in ("postgresql://", "postgres://"):
        if secret.startswith(prefix):
            secret = f"postgresql+psycopg://{secret.removeprefix(prefix)}"
    try:
        url = make_url(secret)
        if url.drivername != "postgresql+psycopg":
            raise ScorekeeperError("DATABASE_URL: must begin with postgresql://")
        return create_engine(
            url,
            pool_pre_ping=True,
            connect_args={
                "connect_timeout": 5,  # for each of a name's addresses
                "client_encoding": "utf8",  # a server of another encoding answers in it all the same
                "options": "-c timezone=UTC -c client_min_messages=warning",
            },
        )
    except (ArgumentError, ValueError):
        raise ScorekeeperError(
            "DATABASE_URL: no database address; write postgresql://user:password@host/name"
        ) from None
