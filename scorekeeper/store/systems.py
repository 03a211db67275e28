"""Many trading systems in one database: a schema, roles and locks of its own for each.

Every statement of Scorekeeper is written for the schema `scorekeeper`. On a connection of a named system, a cursor of
ours puts that system's names into the text of each statement before it is sent. Values are never changed. There is no
`search_path`: a pooler in transaction mode would lose it.
"""

import re
from functools import cache, lru_cache
from hashlib import sha256
from typing import Any, cast

import psycopg
from psycopg import sql
from sqlalchemy import Connection

from scorekeeper.errors import ScorekeeperError
from scorekeeper.system_names import NO_NAME, is_system_name

SCHEMA = "scorekeeper"
SYSTEM_OPTION = "scorekeeper_system"  # the execution option of an engine that names its system
MOST_TEXTS = 2_048  # statements whose pieces are kept
# What stands for the default system in the text of a statement. A name in a longer name is none of these.
_NAMES = re.compile(
    r"""(?:(?<=SCHEMA\ )|(?<=EXISTS\ ))scorekeeper\b  # CREATE SCHEMA, ON SCHEMA, IN SCHEMA ...
      | \bscorekeeper(?=\.[\w"%{']|\.$|"\.|'(?!s))   # scorekeeper.trade, "scorekeeper"."trade", 'scorekeeper'
      | \bscorekeeper_(?:owner|writer|reader|version)\b
      | (?P<lock>\bpg_(?:try_)?advisory_\w+\()(?!\))""",
    re.VERBOSE,
)


def check_system(name: str) -> str:
    """A system's name, empty for the default one. Raises ScorekeeperError for what cannot be one."""
    if name and not is_system_name(name):
        raise ScorekeeperError(f"SYSTEM: {name[:60]!r} {NO_NAME}")
    return name


def schema_of(system: str) -> str:
    """The Postgres schema of a system.

    >>> schema_of(""), schema_of("alpha")
    ('scorekeeper', 'scorekeeper_alpha')
    """
    return f"{SCHEMA}_{check_system(system)}" if system else SCHEMA


def version_table(system: str) -> str:
    """The table in the schema `public` that holds the version of the system's schema.

    With the suffix of its primary key it fits into the 63 bytes of a name.
    """
    return f"scorekeeper_schema_{check_system(system)}" if system else "scorekeeper_version"


def first_lock(system: str) -> int:
    """What is added to the key of each advisory lock of a system: 0 for the default one.

    Two of 100 systems have the same once in half a million: they would wait for each other, and stay correct.
    """
    return int.from_bytes(sha256(schema_of(system).encode()).digest()[:4]) >> 1 << 32 if system else 0


def system_of(connection: Connection) -> str:
    """The system whose schema the statements of this connection mean; empty for the default one."""
    return str(connection.get_execution_options().get(SYSTEM_OPTION, ""))


def in_system(text: str, system: str) -> str:
    """A statement, or words about it, with the system's schema, roles, version table and locks.

    >>> in_system("SELECT 'scorekeeper.' FROM scorekeeper.trade", "alpha")
    "SELECT 'scorekeeper_alpha.' FROM scorekeeper_alpha.trade"
    >>> in_system("SET ROLE scorekeeper_reader", "alpha")
    'SET ROLE scorekeeper_alpha_reader'
    """
    if not system:
        return text
    names = _names_of(system)
    return "".join([part if place is None else names[place] + part for place, part in _pieces(text)])


@cache
def _names_of(system: str) -> dict[str, str]:
    """What stands in a statement of this system, by what stands in its text."""
    schema = schema_of(system)
    roles = {f"scorekeeper_{part}": f"{schema}_{part}" for part in ("owner", "writer", "reader")}
    return {SCHEMA: schema, "scorekeeper_version": version_table(system), "lock": f"{first_lock(system)} + ", **roles}


@lru_cache(MOST_TEXTS)
def _pieces(text: str) -> list[tuple[str | None, str]]:
    """A text between the names in it: each piece with the name before it (None: none). It is the same for all systems.

    A hundred systems have the same few hundred statements, and to find the names takes a millisecond for a long one.
    """
    found: list[tuple[str | None, str]] = []
    place, at = None, 0
    for one in _NAMES.finditer(text):
        # A lock's key comes after the function's name, which stays.
        start = one.end() if one["lock"] else one.start()
        found.append((place, text[at:start]))
        place, at = ("lock" if one["lock"] else one[0]), one.end()
    found.append((place, text[at:]))
    return found


def _put_names(query: Any, system: str) -> Any:
    """A query as psycopg takes it, with the system's names. A literal in a composed query stays as it is."""
    if isinstance(query, str):
        return in_system(query, system)
    if isinstance(query, bytes):
        return in_system(query.decode(), system).encode()
    if isinstance(query, sql.Composed):
        return sql.Composed([_put_names(part, system) for part in query])
    if isinstance(query, sql.SQL | sql.Identifier):
        return sql.SQL(cast("Any", in_system(query.as_string(None), system)))
    return query


@cache
def cursor_classes(system: str) -> tuple[type[psycopg.Cursor[Any]], type[psycopg.ServerCursor[Any]]]:
    """The cursors of a connection of this system, the client's and the server's; psycopg's own by default."""
    if not check_system(system):
        return psycopg.Cursor, psycopg.ServerCursor

    class SystemCursor(psycopg.Cursor[Any]):
        """A cursor whose statements are those of one system."""

        def execute(self, query: Any, *args: Any, **named: Any) -> Any:
            return super().execute(_put_names(query, system), *args, **named)

        def executemany(self, query: Any, *args: Any, **named: Any) -> None:
            super().executemany(_put_names(query, system), *args, **named)

        def stream(self, query: Any, *args: Any, **named: Any) -> Any:
            return super().stream(_put_names(query, system), *args, **named)

        def copy(self, statement: Any, *args: Any, **named: Any) -> Any:
            return super().copy(_put_names(statement, system), *args, **named)

    class SystemServerCursor(psycopg.ServerCursor[Any]):
        """The same for a cursor that the server keeps."""

        def execute(self, query: Any, *args: Any, **named: Any) -> Any:
            return super().execute(_put_names(query, system), *args, **named)

    return SystemCursor, SystemServerCursor
