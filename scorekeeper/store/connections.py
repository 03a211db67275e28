"""One connection to Postgres, as all code of Scorekeeper uses it: checked, in UTC, without startup parameters."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from sqlalchemy import URL, Connection, Dialect, make_url
from sqlalchemy.exc import ArgumentError

from scorekeeper.errors import DatabaseError, ScorekeeperError
from scorekeeper.store.failures import ESCAPES, show_address
from scorekeeper.store.systems import cursor_classes

OLDEST_POSTGRES = 15
CONNECT_SECONDS = 5  # for each of a name's addresses, and each server
# user:password@ (perhaps), servers with at least one comma, /name and ?parameters (perhaps)
_SEVERAL = re.compile(r"^([^/]+://(?:[^/?]*@)?)([^/?@]*,[^/?@]*)(/[^?]*)?(?:\?(.*))?$")
# A pooler refuses startup parameters that it does not know, so a session is set up by its first statement. No statement
# relies on any other setting of a session.
_SETTLE_IN = "SELECT set_config('TimeZone', 'UTC', false), set_config('DateStyle', 'ISO, MDY', false)"
# A pooler may give each transaction another session of the server, so it is set up in each. This takes no snapshot.
_SETTLE_IN_HERE = "SET LOCAL TimeZone TO 'UTC'; SET LOCAL DateStyle TO 'ISO, MDY'"


def read_address(secret: str, *, wants: str = "read-write") -> URL:
    """An address as SQLAlchemy has it. Raises ScorekeeperError, whose text holds no part of it.

    It may name several servers, of which the first is used that is what `wants` says, a value of libpq's
    target_session_attrs.
    """
    secret = re.sub(r"^(postgresql|postgres)://", "postgresql+psycopg://", secret.strip())
    try:
        url = make_url(_SEVERAL.sub(_as_query, secret))
        if "," in str(url.query.get("host", "")):
            url = url.update_query_dict({"target_session_attrs": url.query.get("target_session_attrs", wants)})
    except (ArgumentError, ValueError):
        raise ScorekeeperError(
            f"DATABASE_URL: no database address; write postgresql://user:password@host/name ({ESCAPES})"
        ) from None
    if url.drivername != "postgresql+psycopg":
        raise ScorekeeperError("DATABASE_URL: must begin with postgresql://")
    head, _, query = secret.partition("://")[2].partition("?")
    if url.password and (
        head.count("@") > 1 + (url.username or "").count("@") or "@" in query.partition("=")[0]
    ):  # the host would be a guess, and could contain a piece of the password
        raise ScorekeeperError(f"DATABASE_URL: the password contains an @, which ends it there: {ESCAPES}")
    return url


def _as_query(found: re.Match[str]) -> str:
    """The servers of an address as its parameters, which SQLAlchemy hands on to libpq."""
    head, servers, name, more = found.groups()
    parts = [re.fullmatch(r"\[?([^\[\]]*?)\]?(?::(\d*))?", server) for server in servers.split(",")]
    hosts, ports = zip(*((one[1], one[2] or "5432") if one else ("", "") for one in parts), strict=True)
    return f"{head}{name or '/'}?host={','.join(hosts)}&port={','.join(ports)}{'&' + more if more else ''}"


def connect(url: URL, dialect: Dialect, system: str = "") -> psycopg.Connection[Any]:
    """A connection that reads times as UTC, for one system.

    Raises psycopg.OperationalError, and DatabaseError if it is too old.
    """
    connection = _connect_bare(url, dialect)
    try:
        check_version(url, connection.info.server_version)
        row = connection.execute("SELECT pg_backend_pid()").fetchone()
        assert row is not None
        if row[0] == connection.info.backend_pid:
            connection.execute(_SETTLE_IN)
        else:
            connection.is_pooled = True  # type: ignore[attr-defined]
            # A prepared statement stays in the session that another client has next.
            connection.prepare_threshold = None
        connection.autocommit = False
        connection.cursor_factory, connection.server_cursor_factory = cursor_classes(system)
    except BaseException:
        connection.close()
        raise
    return connection


def _connect_bare(url: URL, dialect: Dialect) -> psycopg.Connection[Any]:
    _, options = dialect.create_connect_args(url)
    options.setdefault("connect_timeout", CONNECT_SECONDS)
    options["client_encoding"] = "utf8"  # any server can send it, whatever its own encoding
    connection: psycopg.Connection[Any] = psycopg.connect(**options, autocommit=True)
    return connection


def check_version(url: URL, found: int) -> None:
    """Refuse a Postgres (its server_version_num) that is too old. Raises DatabaseError, which names both versions."""
    if found < OLDEST_POSTGRES * 10_000:
        # Before 10 the version had three parts.
        version = f"{found // 10_000}.{found % 10_000 if found >= 100_000 else found // 100 % 100}"
        raise DatabaseError(
            f"the database at {show_address(url)} is Postgres {version}; Scorekeeper needs {OLDEST_POSTGRES} or later",
            "upgrade it, or let DATABASE_URL name another",
        )


def is_pooled(connection: psycopg.Connection[Any]) -> bool:
    """Whether a pooler is in between: it reports another process than the one that does the work.

    Then nothing may stay in a session after a transaction: no setting, lock, temporary table or prepared statement.
    """
    return bool(getattr(connection, "is_pooled", False))


def settle_in(connection: Connection) -> None:
    """Behind a pooler: set in the transaction that begins what a session of one's own has for all of them."""
    driver = connection.connection.driver_connection
    if isinstance(driver, psycopg.Connection) and is_pooled(driver):
        connection.exec_driver_sql(_SETTLE_IN_HERE)


@contextmanager
def one_session(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """One session of the server for several statements of a connection that is used without SQLAlchemy.

    Behind a pooler that takes a transaction, which is set up. Without one the connection has its own session anyway.
    """
    if not is_pooled(connection):
        yield
        return
    with connection.transaction():
        connection.execute(_SETTLE_IN_HERE)
        yield
