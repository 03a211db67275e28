"""Events of the database, in the order of their line numbers, and the lines that are rendered from them."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sqlalchemy import Connection

from scorekeeper.errors import ScorekeeperError
from scorekeeper.locks import Lock, lock
from scorekeeper.publish.lines import dataset_line, log_line
from scorekeeper.store.sql import statement

BATCH_LINES = 5_000
_RENDER: Mapping[str, Callable[[Mapping[Any, Any]], str | None]] = {"log": log_line, "dataset": dataset_line}


def lock_publisher(connection: Connection) -> None:
    lock(connection, Lock.PUBLISH)


def number_events(connection: Connection) -> None:
    """Give the events that have come in a line number each."""
    lock_publisher(connection)
    connection.execute(statement("publish/number_events"))
    connection.execute(statement("publish/count_events"))


def read_events(connection: Connection, after: int, up_to: int, *, with_agents: bool) -> Iterator[Mapping[Any, Any]]:
    """Yields the rows of select_events_to_publish in order, one batch in memory at a time. Raises ScorekeeperError."""
    while True:
        # The log names no agents, and reading them takes half of the time.
        window = {"after": after, "up_to": up_to, "most": BATCH_LINES, "with_agents": with_agents}
        rows = connection.execute(statement("publish/select_events_to_publish"), window).mappings().all()
        if not rows:
            return
        for row in rows:
            if row["kind"] == "outcome" and row["exit_time"] is None:
                raise ScorekeeperError(f"line {row['line_no']} tells of the exit of {row['trade_id']}, which has none")
            yield row
        after = rows[-1]["line_no"]


def render_events(connection: Connection, kind: str, after: int, up_to: int) -> Iterator[tuple[int, bytes]]:
    """Yields (line number, bytes) of the events with a line of that kind, in order."""
    render = _RENDER[kind]
    for row in read_events(connection, after, up_to, with_agents=kind == "dataset"):
        if (line := render(row)) is not None:
            yield row["line_no"], line.encode() + b"\n"


def render_lines(row: Mapping[Any, Any]) -> list[bytes]:
    """The lines of a row of select_events_to_publish: the log's, then the dataset's, as far as it has them."""
    lines = (render(row) for render in _RENDER.values())
    return [line.encode() + b"\n" for line in lines if line is not None]
