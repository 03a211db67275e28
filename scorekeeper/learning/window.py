"""What a step of learning reads: the decisions that count and touch the hours that it learns, with their signals."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from scorekeeper.store.copy_columns import Columns, read_columns
from scorekeeper.store.sql import statement
from scorekeeper.store.temporary import drop_temporary

STEP_DECISIONS = 250_000  # that one step takes in at most: with five agents 0.4 GB
STEP_CELLS = 2_500_000  # decisions times agents; names that never come again must not fill the memory
FEWEST_DECISIONS = 1_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_POSTGRES_EPOCH = 946_684_800_000_000  # microseconds from 1970 to 2000, from which COPY counts
_DECISIONS = {
    "decision": ">i4", "expiry": ">i4", "opened": ">i8", "expires": ">i8", "returns": ">f8", "score": ">f8",
    "equal_score": ">f8", "scale": ">f8", "direction": ">i4", "equal_direction": ">i4",
}  # fmt: skip
_SIGNALS = {"decision": ">i4", "agent": ">i4", "direction": ">i4", "confidence": ">f8"}


def micros(moment: datetime) -> int:
    """Microseconds since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment(micros: int) -> datetime:
    """The moment so many microseconds after 1970, UTC."""
    return _EPOCH + timedelta(microseconds=micros)


def from_copy(times: NDArray[Any]) -> NDArray[np.int64]:
    """Times as COPY has them, as microseconds since 1970."""
    return np.asarray(times + _POSTGRES_EPOCH)


def to_copy(times: NDArray[Any]) -> NDArray[np.int64]:
    """Microseconds since 1970, as COPY has times."""
    return np.asarray(times - _POSTGRES_EPOCH)


@dataclass(frozen=True)
class Window:
    """Decisions in order of (opened_at, trade_id), and signals in order of (decision, agent). Times in microseconds.

    `expiry`: the place of each decision in order of (expires_at, trade_id). `returns`: horizon returns in percent, NaN
    for those that are no outcome yet. `votes`: score, equal_score, scale, direction and equal_direction of the stored
    votes, NaN and 9 for those to come. `agents`: the names, in order; `confidence`: 0 to 100, NaN for none.
    """

    opened: NDArray[np.int64]
    expires: NDArray[np.int64]
    expiry: NDArray[np.int64]
    returns: NDArray[np.float64]
    votes: Columns
    agents: list[str]
    decision: NDArray[np.int64]
    agent: NDArray[np.int64]
    direction: NDArray[np.int64]
    confidence: NDArray[np.float64]


def choose_end(connection: Connection, version: str, after: datetime, until: datetime, agents: int = 1) -> datetime:
    """The hour up to which one step learns: `until`, or an earlier one if too many decisions expire by then.

    `agents`: how many there are; the more, the fewer decisions a step takes in.
    """
    most = min(STEP_DECISIONS, max(FEWEST_DECISIONS, STEP_CELLS // max(1, agents)))
    given = {"version": version, "after": after, "until": until}
    rows: Iterable[tuple[datetime, int]] = connection.execute(statement("learning/count_by_hour"), given).tuples()
    count = 0
    for hour_ends_at, decisions in rows:
        count += decisions
        if count > most:
            return min(until, hour_ends_at)
    return until


def read_window(connection: Connection, version: str, after: datetime, until: datetime) -> Window:
    """The decisions of a version that bear on what becomes known after `after` and up to `until`."""
    drop_temporary(connection, "learning_window", "learning_signal", "learning_agent")
    connection.execute(statement("learning/create_window"), {"version": version, "after": after, "until": until})
    connection.execute(statement("learning/create_window_signals"))
    connection.execute(statement("learning/create_window_agents"))
    agents = list(connection.execute(statement("learning/select_window_agents")).scalars())
    found = read_columns(connection, "learning/copy_window_decisions", _DECISIONS)
    order = np.argsort(found["decision"])
    found = {name: values[order] for name, values in found.items()}
    said = read_columns(connection, "learning/copy_window_signals", _SIGNALS)
    order = np.lexsort((said["agent"], said["decision"]))
    said = {name: values[order] for name, values in said.items()}
    return Window(
        from_copy(found["opened"]),
        from_copy(found["expires"]),
        found["expiry"].astype(np.int64),
        found["returns"],
        {name: found[name] for name in ("score", "equal_score", "scale", "direction", "equal_direction")},
        agents,
        said["decision"].astype(np.int64),
        said["agent"].astype(np.int64),
        said["direction"].astype(np.int64),
        said["confidence"],
    )
