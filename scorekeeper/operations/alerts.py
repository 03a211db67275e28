"""What somebody may want to be told of, once when it begins: which conditions hold, and which nobody knows of yet."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from scorekeeper.metrics.scorecard import read_scorecard
from scorekeeper.operations import health
from scorekeeper.store.sql import statement

WHOLE = ""  # the subject of a condition of the whole installation


def note(connection: Connection, name: str, subjects: Sequence[str], at: datetime) -> list[str]:
    """Note that the condition `name` holds of `subjects`, and of no other; those that are to be told of, in order.

    A subject is to be told of until `note_told` says that it was.
    """
    holds = {"name": name, "subjects": list(subjects)}
    connection.execute(statement("operations/end_alerts"), holds)
    connection.execute(statement("operations/begin_alerts"), holds | {"at": at})
    return list(connection.execute(statement("operations/select_untold_alerts"), {"name": name}).scalars())


def note_told(connection: Connection, name: str, subjects: Sequence[str], at: datetime) -> None:
    """Note that somebody was told that the condition holds of `subjects`."""
    connection.execute(statement("operations/mark_alerts_told"), {"name": name, "subjects": list(subjects), "at": at})


def find_stale(connection: Connection, as_of: datetime) -> dict[str, datetime]:
    """The symbols whose prices are stale at `as_of`, with the time up to which there are some."""
    until = health.read_sealed(connection, as_of)
    return {symbol: until[symbol] for symbol in health.stale_symbols(until, as_of)}


def measure_drawdown(connection: Connection) -> float | None:
    """How far the realised P&L after fees stands below its peak, points, as it was composed last.

    None before the first closed trade.
    """
    fallen: float | None = read_scorecard(connection)["net"]["current_drawdown_pct"]
    return fallen


def is_track_late(connection: Connection, now: datetime) -> bool:
    """Whether decisions wait, and track has not come for ten minutes."""
    row = connection.execute(statement("operations/select_health"), {"unmoved_since": now}).one()
    return health.judge_track(row.last_as_of, row.untracked_since, now, waits=row.waits).state == "red"
