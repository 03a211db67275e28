"""What follows a settlement: rollups, marks and scorecards."""

from datetime import datetime

from sqlalchemy import Connection

from scorekeeper.market.binding import advance_as_of
from scorekeeper.metrics.rollups import score_stale_days
from scorekeeper.metrics.scorecard import store_scorecards
from scorekeeper.trades.settle import mark_open_trades


def update_score(connection: Connection, as_of: datetime) -> int:
    """Score the days that changed, mark open trades, note `as_of` as tracked, compose scorecards; days scored.

    It follows a settlement at the same `as_of`, inside the caller's transaction.
    """
    days = score_stale_days(connection, as_of)
    mark_open_trades(connection, as_of)
    advance_as_of(connection, as_of)
    store_scorecards(connection, as_of)
    return days
