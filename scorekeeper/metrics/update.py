"""What follows a change of trades: rollups, marks and scorecards, inside the caller's transaction."""

from datetime import datetime

from sqlalchemy import Connection

from scorekeeper.errors import ScorekeeperError
from scorekeeper.locks import Lock, lock
from scorekeeper.market.binding import advance_as_of
from scorekeeper.metrics.rollups import score_stale_days
from scorekeeper.metrics.scorecard import keep_scorecards
from scorekeeper.store.sql import statement
from scorekeeper.trades.settle import mark


def score_and_mark(connection: Connection, as_of: datetime) -> int:
    """Score the days that changed, mark open trades, note `as_of` as tracked, compose scorecards; days scored.

    It follows a settlement at the same `as_of`.
    """
    days = score_stale_days(connection, as_of)
    mark(connection, as_of)
    advance_as_of(connection, as_of)
    keep_scorecards(connection, as_of)
    return days


def void_decision(connection: Connection, trade_id: str, why: str, at: datetime) -> str:
    """Take a decision out of every figure, for a reason that is kept: voided, already voided or unknown.

    Raises ScorekeeperError without a reason.
    """
    if not why.strip():
        raise ScorekeeperError(f"{trade_id} is not voided: a reason is needed, and kept")
    # It writes a decision, its trade and days to be scored again, as settlements and scores do in other orders.
    lock(connection, Lock.SETTLE, Lock.SCORE)
    row = connection.execute(statement("trades/select_trade"), {"trade_id": trade_id}).mappings().one_or_none()
    if row is None:
        return "unknown"
    if row["voided_at"] is not None:
        return "already voided"
    connection.execute(statement("trades/void_decision"), {"trade_id": trade_id, "why": why, "at": at})
    market = connection.execute(statement("inbox/select_market")).one_or_none()
    tracked = None if market is None else market.last_as_of
    # Where the clock here lags behind what track has worked up to, what counts already goes on counting.
    known = at if tracked is None else max(at, tracked)
    score_stale_days(connection, known)
    keep_scorecards(connection, known)
    return "voided"
