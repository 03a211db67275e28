"""One connection to Postgres, as every part of Scorekeeper has it: checked, in UTC, and without startup parameters."""

import re
import select
from typing import Any

import psycopg
from sqlalchemy import URL, Dialect, make_url
from sqlalchemy.exc import ArgumentError

from scorekeeper.errors import DatabaseError, ScorekeeperError
from scorekeeper.store.failures import ESCAPES, POOLER, POOLER_DO, show_address

OLDEST_POSTGRES = 15
CONNECT_SECONDS = 5  # for each of a name's addresses
# A pooler refuses what it does not know when a client begins; these two it keeps for each client by name (PgBouncer:
# track_extra_parameters and what it always tracks). What else a session could hold, no statement relies on.
_SETTLE_IN = "SELECT pg_backend_pid(), set_config('TimeZone', 'UTC', false), set_config('DateStyle', 'ISO, MDY', false)"
_LOOKS = 3


def read_address(secret: str) -> URL:
    """An address as SQLAlchemy has it. Raises ScorekeeperError, which holds nothing of it."""
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
    ):  # where the host begins is a guess, and what is taken for it a piece of the password
        raise ScorekeeperError(f"DATABASE_URL: an @ stands in the password, and ends it there: {ESCAPES}")
    return url


def connect(url: URL, dialect: Dialect) -> psycopg.Connection[Any]:
    """A connection that reads times as UTC. Raises psycopg.OperationalError, and DatabaseError if it is too old."""
    connection = _connect_bare(url, dialect)
    try:
        check_version(url, connection.info.server_version)
        row = connection.execute(_SETTLE_IN).fetchone()
        assert row is not None
        connection.is_pooled = row[0] != connection.info.backend_pid  # type: ignore[attr-defined]
        connection.autocommit = False
    except BaseException:
        connection.close()
        raise
    return connection


def _connect_bare(url: URL, dialect: Dialect) -> psycopg.Connection[Any]:
    _, options = dialect.create_connect_args(url)
    options.setdefault("connect_timeout", CONNECT_SECONDS)
    options["client_encoding"] = "utf8"  # a server of another encoding answers in it all the same
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
    """Whether somebody stands between, who answers with another process than the one that works."""
    return bool(getattr(connection, "is_pooled", False))


def refuse_shared_sessions(first: psycopg.Connection[Any], url: URL, dialect: Dialect) -> None:
    """Refuse a pooler that does not keep a client its session; `first` is given back idle.

    Raises DatabaseError. Two clients that are there at once never have one session, and a client always the same one,
    unless the pooler hands sessions on between transactions.
    """
    seen: tuple[set[int], set[int]] = (set(), set())
    with _connect_bare(url, dialect) as second:
        for _ in range(_LOOKS):
            for connection, sessions in zip((first, second), seen, strict=True):
                if (session := _ask_session(connection)) is None:
                    return  # who waits for a session waits for one that somebody keeps
                sessions.add(session)
    if seen[0] & seen[1] or len(seen[0]) > 1 or len(seen[1]) > 1:
        raise DatabaseError(POOLER, POOLER_DO)


def _ask_session(connection: psycopg.Connection[Any]) -> int | None:
    """Which server process answers; None if none does for some seconds."""
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
