"""One connection to Postgres, as all code of Scorekeeper uses it: checked, in UTC, without startup parameters."""

import re
import select
from typing import Any

import psycopg
from sqlalchemy import URL, Dialect, make_url
from sqlalchemy.exc import ArgumentError

from scorekeeper.errors import DatabaseError, ScorekeeperError
from scorekeeper.store.failures import ESCAPES, POOLER, POOLER_DO, show_address
from scorekeeper.store.systems import cursor_classes

OLDEST_POSTGRES = 15
CONNECT_SECONDS = 5  # for each of a name's addresses
# A pooler refuses startup parameters that it does not know. It keeps these two settings for each client (PgBouncer
# tracks them, see track_extra_parameters). No statement relies on any other setting of a session.
_SETTLE_IN = "SELECT pg_backend_pid(), set_config('TimeZone', 'UTC', false), set_config('DateStyle', 'ISO, MDY', false)"
_LOOKS = 3


def read_address(secret: str) -> URL:
    """An address as SQLAlchemy has it. Raises ScorekeeperError, whose text holds no part of it."""
    secret = re.sub(r"^(postgresql|postgres)://", "postgresql+psycopg://", secret.strip())
    try:
        url = make_url(secret)
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


def connect(url: URL, dialect: Dialect, system: str = "") -> psycopg.Connection[Any]:
    """A connection that reads times as UTC, for one system.

    Raises psycopg.OperationalError, and DatabaseError if it is too old.
    """
    connection = _connect_bare(url, dialect)
    try:
        check_version(url, connection.info.server_version)
        row = connection.execute(_SETTLE_IN).fetchone()
        assert row is not None
        connection.is_pooled = row[0] != connection.info.backend_pid  # type: ignore[attr-defined]
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
    """Whether a pooler is in between: it reports another process than the one that does the work."""
    return bool(getattr(connection, "is_pooled", False))


def refuse_shared_sessions(first: psycopg.Connection[Any], url: URL, dialect: Dialect) -> None:
    """Raises DatabaseError for a pooler that gives a client's session to others between transactions.

    Without that, two clients that are connected at once never share a session, and each keeps its own. `first` is idle
    again afterwards.
    """
    seen: tuple[set[int], set[int]] = (set(), set())
    with _connect_bare(url, dialect) as second:
        for _ in range(_LOOKS):
            for connection, sessions in zip((first, second), seen, strict=True):
                if (session := _ask_session(connection)) is None:
                    return  # it waits for a session, so sessions are kept by their clients
                sessions.add(session)
    if seen[0] & seen[1] or len(seen[0]) > 1 or len(seen[1]) > 1:
        raise DatabaseError(POOLER, POOLER_DO)


def _ask_session(connection: psycopg.Connection[Any]) -> int | None:
    """The server process that replies; None if there is no reply for CONNECT_SECONDS."""
    driver = connection.pgconn
    driver.send_query(b"SELECT pg_backend_pid()")
    driver.flush()
    while True:
        if not select.select([driver.socket], [], [], CONNECT_SECONDS)[0]:
            return None
        driver.consume_input()
        if not driver.is_busy():
            break
    session = None
    while (result := driver.get_result()) is not None:
        value = result.get_value(0, 0)
        session = int(value) if value is not None else None
    return session
