"""Moves a whole database: copies it from one snapshot, compares every table, and only then commits."""

from collections.abc import Callable
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import Connection

from scorekeeper.errors import ScorekeeperError
from scorekeeper.market import sealed_candles
from scorekeeper.store.database import Database, open_database
from scorekeeper.store.migrate import check_schema
from scorekeeper.store.sql import statement

# Rows as text are the same on every server with the same settings. The sum does not depend on their order.
_CHECKSUM = "SELECT count(*), sum(('x' || left(md5(t::text), 15))::bit(60)::bigint) FROM scorekeeper.{} AS t"


@dataclass(frozen=True)
class _Table:
    name: str
    columns: list[str]
    numbered: list[str]
    parents: list[str]


def move_database(
    source: Database, target_url: str, home: Path, *, tell: Callable[[str, int], object] = lambda table, rows: None
) -> int:
    """Copy all of `source` to the empty database at `target_url`, and create the schema there. Returns the rows copied.

    Each side uses one transaction. The source accepts no writes meanwhile, and stays as it is. The target gets
    everything or nothing: counts and checksums of every table are compared before the commit. `tell(table, rows)` is
    called for each table. Raises ScorekeeperError if the target is not empty, or differs in the end.
    """
    with (
        open_database(target_url, home, migrate=False, system=source.system) as untouched,
        untouched.begin() as connection,
    ):
        _refuse_rows(connection)
    with source.begin() as connection:
        check_schema(connection)
        tables = _tables(connection)
    kept = source.engine.connect().execution_options(isolation_level="REPEATABLE READ")
    with (
        open_database(target_url, home, system=source.system) as target, kept as ours, target.begin() as theirs
    ):  # fmt: skip
        _lock(ours, tables)
        _refuse_rows(theirs)  # again: the first check and the migration were transactions of their own
        for year, month in ours.execute(statement("operations/select_candle_months")):
            sealed_candles.ensure_partition(theirs, year, month)
        total = 0
        for table in tables:
            _copy(_driver(ours), _driver(theirs), table)
            rows = _compare(_driver(ours), _driver(theirs), table)
            tell(table.name, rows)
            total += rows
    return total


def _driver(connection: Connection) -> psycopg.Connection[Any]:
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    return driver


def _tables(connection: Connection) -> list[_Table]:
    """Every table; a table comes after those that it refers to."""
    found = {
        row.name: _Table(row.name, row.columns, row.numbered or [], row.parents or [])
        for row in connection.execute(statement("operations/select_movable_tables"))
    }
    order = TopologicalSorter({name: table.parents for name, table in found.items()})
    return [found[name] for name in order.static_order()]


def _refuse_rows(connection: Connection) -> None:
    for table in _tables(connection):
        asked = sql.SQL("SELECT FROM scorekeeper.{} LIMIT 1").format(sql.Identifier(table.name))
        if _driver(connection).execute(asked).rowcount:
            raise ScorekeeperError(f"the target is not empty: its table {table.name} has rows; name another database")


def _lock(connection: Connection, tables: list[_Table]) -> None:
    """Block writes to the source until it is copied. Waits for transactions that write now."""
    names = sql.SQL(", ").join(sql.Identifier("scorekeeper", table.name) for table in tables)
    # This is the first statement of its transaction, so the snapshot is taken once all locks are held.
    _driver(connection).execute(sql.SQL("LOCK TABLE {} IN SHARE MODE").format(names))


def _copy(ours: psycopg.Connection[Any], theirs: psycopg.Connection[Any], table: _Table) -> None:
    name, columns = sql.Identifier(table.name), sql.SQL(", ").join(map(sql.Identifier, table.columns))
    read = sql.SQL("COPY (SELECT {} FROM scorekeeper.{}) TO STDOUT (FORMAT binary)").format(columns, name)
    write = sql.SQL("COPY scorekeeper.{} ({}) FROM STDIN (FORMAT binary)").format(name, columns)
    with ours.cursor().copy(read) as out, theirs.cursor().copy(write) as into:
        for block in out:
            into.write(block)
    for column in table.numbered:
        asked = sql.SQL("SELECT pg_get_serial_sequence({}, %s)").format(sql.SQL(f"'scorekeeper.{table.name}'"))
        sequence = _one(ours.execute(asked, (column,)))[0]
        place = sql.SQL("SELECT last_value, is_called FROM {}").format(sql.Identifier(*sequence.split(".")))
        set_to = (sequence, *_one(ours.execute(place)))
        theirs.execute("SELECT setval(%s::regclass, %s, %s)", set_to)


def _one(answer: psycopg.Cursor[Any]) -> tuple[Any, ...]:
    row = answer.fetchone()
    assert row is not None
    return tuple(row)


def _compare(ours: psycopg.Connection[Any], theirs: psycopg.Connection[Any], table: _Table) -> int:
    asked = sql.SQL(_CHECKSUM).format(sql.Identifier(table.name))
    wanted, found = (_one(connection.execute(asked)) for connection in (ours, theirs))
    if wanted != found:
        raise ScorekeeperError(f"{table.name} is not the same in the target: nothing was moved")
    return int(wanted[0])
