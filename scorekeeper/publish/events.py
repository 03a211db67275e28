"""Events of the database, in the order of their line numbers, and the lines that are rendered from them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import cache
from typing import Any

import psycopg
from psycopg import capabilities
from sqlalchemy import Connection

from scorekeeper.errors import ScorekeeperError
from scorekeeper.locks import Lock, lock
from scorekeeper.publish.fast_lines import COLUMNS, render_dataset, render_log
from scorekeeper.publish.lines import dataset_line, log_line
from scorekeeper.store.database import use_driver
from scorekeeper.store.sql import statement

BATCH_LINES = 5_000
STREAMED = 250  # rows that the server sends at a time
_RENDER: Mapping[str, Callable[[Sequence[Any]], bytes | None]] = {"log": render_log, "dataset": render_dataset}
KINDS = tuple(_RENDER)
_EVENTS = "publish/select_events_to_publish"
_EXIT_TIME = COLUMNS.index("exit_time")


def lock_publisher(connection: Connection) -> None:
    lock(connection, Lock.PUBLISH)


def number_events(connection: Connection) -> None:
    """Give the events that have come in a line number each."""
    lock_publisher(connection)
    connection.execute(statement("publish/number_events"))
    connection.execute(statement("publish/count_events"))


def read_events(connection: Connection, after: int, up_to: int, *, with_agents: bool) -> Iterator[Mapping[str, Any]]:
    """Yields the rows of select_events_to_publish in order, one batch in memory at a time. Raises ScorekeeperError."""
    for rows in _read_batches(connection, after, up_to, with_agents):
        for row in rows:
            yield dict(zip(COLUMNS, row, strict=True))


def render_events(connection: Connection, kind: str, after: int, up_to: int) -> Iterator[tuple[int, bytes]]:
    """Yields (line number, bytes) of the events with a line of that kind, in order."""
    render = _RENDER[kind]
    # The log names no agents, and reading them takes half of the time.
    for rows in _read_batches(connection, after, up_to, kind == "dataset"):
        for row in rows:
            if (line := render(row)) is not None:
                yield row[0], line


def render_together(connection: Connection, after: int, up_to: int) -> dict[str, list[bytes]]:
    """The lines of each kind of the events from a line number to another, which one statement reads.

    They are rendered while the server reads the next ones. Raises ScorekeeperError.
    """
    lines: dict[str, list[bytes]] = {kind: [] for kind in KINDS}
    log, dataset = lines.values()
    with _cursor(connection) as cursor:
        # An older libpq sends all rows at once, or one by one.
        streams = capabilities.has_stream_chunked()
        wanted = _select(after, up_to, up_to - after, with_agents=True)
        # Closed before the transaction ends, also by an error: the rest of the rows would stand in its way.
        found: Any = cursor.stream(*wanted, size=STREAMED) if streams else cursor.execute(*wanted)
        with closing(found) as rows:
            for row in rows:
                _check(row)
                if (line := render_log(row)) is not None:
                    log.append(line)
                if (line := render_dataset(row)) is not None:
                    dataset.append(line)
    return lines


def render_lines(row: Mapping[Any, Any]) -> list[bytes]:
    """The lines of a row of select_events_to_publish: the log's, then the dataset's, as far as it has them."""
    lines = (log_line(row), dataset_line(row))
    return [line.encode() + b"\n" for line in lines if line is not None]


def _read_batches(connection: Connection, after: int, up_to: int, with_agents: bool) -> Iterator[list[tuple[Any, ...]]]:
    """The rows of select_events_to_publish, as tuples."""
    while True:
        with _cursor(connection) as cursor:
            rows = cursor.execute(*_select(after, up_to, BATCH_LINES, with_agents=with_agents)).fetchall()
        if not rows:
            return
        for row in rows:
            _check(row)
        yield rows
        after = rows[-1][0]


@contextmanager
def _cursor(connection: Connection) -> Iterator[psycopg.Cursor[tuple[Any, ...]]]:
    """A cursor of psycopg: SQLAlchemy's rows take several times as long."""
    with use_driver(connection, _EVENTS) as driver, driver.cursor(binary=True) as cursor:
        yield cursor


def _select(after: int, up_to: int, most: int, *, with_agents: bool) -> tuple[str, dict[str, Any]]:
    window = {"after": after, "up_to": up_to, "most": most, "with_agents": with_agents}
    return _words(), window


@cache
def _words() -> str:
    """The statement as psycopg takes it."""
    # A host that only imports the tracker does without the dialect: a sixth of what the import would cost.
    from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

    return str(statement(_EVENTS).compile(dialect=PGDialect_psycopg()))  # type: ignore[no-untyped-call]


def _check(row: Sequence[Any]) -> None:
    if row[_EXIT_TIME] is None and row[1] == "outcome":
        raise ScorekeeperError(f"line {row[0]} tells of the exit of {row[6]}, which has none")
