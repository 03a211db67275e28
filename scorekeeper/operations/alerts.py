"""Alerts: which conditions hold now, and which of them have not been reported yet. Each is reported once."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from scorekeeper.metrics.scorecard import read_scorecard
from scorekeeper.operations import health
from scorekeeper.store.sql import statement

FILE_QUARANTINED = "scorekeeper.file-quarantined"
PRICE_STALE = "scorekeeper.price-stale"
DRAWDOWN_BREACHED = "scorekeeper.drawdown-breached"
TRACK_LATE = "scorekeeper.track-late"
LEARN_FAILED = "scorekeeper.learn-failed"
VERIFY_FAILED = "scorekeeper.verify-failed"
NAMES = (FILE_QUARANTINED, PRICE_STALE, DRAWDOWN_BREACHED, TRACK_LATE, LEARN_FAILED, VERIFY_FAILED)
WHOLE = ""  # the subject of a condition that concerns the whole installation


def update_alerts(connection: Connection, name: str, subjects: Sequence[str], at: datetime) -> list[str]:
    """Store that the condition `name` holds for `subjects` and no others. Returns those to report, in order.

    A subject is returned again by later calls until `mark_reported` stores that it was reported.
    """
    given = {"name": name, "subjects": list(subjects)}
    connection.execute(statement("operations/end_alerts"), given)
    connection.execute(statement("operations/begin_alerts"), given | {"at": at})
    return list(connection.execute(statement("operations/select_untold_alerts"), {"name": name}).scalars())


def mark_reported(connection: Connection, name: str, subjects: Sequence[str], at: datetime) -> None:
    """Store that the condition was reported for `subjects`."""
    connection.execute(statement("operations/mark_alerts_told"), {"name": name, "subjects": list(subjects), "at": at})


def find_stale(connection: Connection, as_of: datetime) -> dict[str, datetime]:
    """The symbols whose prices are stale at `as_of`, with the time of their newest price."""
    until = health.read_sealed(connection, as_of)
    return {symbol: until[symbol] for symbol in health.stale_symbols(until, as_of, health.read_patience(connection))}


def measure_drawdown(connection: Connection) -> float | None:
    """The current drawdown of the realised P&L after fees, in points, from the last scorecard.

    None before the first closed trade.
    """
    drawdown: float | None = read_scorecard(connection)["net"]["current_drawdown_pct"]
    return drawdown


def is_track_late(connection: Connection, now: datetime) -> bool:
    """Whether decisions wait, and the last track is more than ten minutes old."""
    row = connection.execute(statement("operations/select_health"), {"unmoved_since": now}).one()
    return health.judge_track(row.last_as_of, row.untracked_since, now, waits=row.waits).state == "red"
