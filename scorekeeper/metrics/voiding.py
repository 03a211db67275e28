"""Voiding a decision: it stays in the database with the reason, and counts in no figure."""

from datetime import datetime

from sqlalchemy import Connection

from scorekeeper.errors import ScorekeeperError
from scorekeeper.locks import Lock, lock
from scorekeeper.metrics.rollups import score_stale_days
from scorekeeper.metrics.scorecard import store_scorecards
from scorekeeper.store.retention import read_kept_from
from scorekeeper.store.sql import statement


def void_decision(connection: Connection, trade_id: str, why: str, at: datetime) -> str:
    """Take a decision out of every figure, inside the caller's transaction: voided, already voided or unknown.

    `why` is the reason that is kept. Raises ScorekeeperError without one.
    """
    if not why.strip():
        raise ScorekeeperError(f"{trade_id} is not voided: a reason is needed, and kept")
    # Settlements and scores write the same decisions, trades and days, each in another order.
    lock(connection, Lock.SETTLE, Lock.SCORE)
    row = connection.execute(statement("trades/select_trade"), {"trade_id": trade_id}).mappings().one_or_none()
    if row is None:
        return "unknown"
    if row["voided_at"] is not None:
        return "already voided"
    kept_from = read_kept_from(connection)
    if kept_from is not None and row["decided_at"] < kept_from:
        raise ScorekeeperError(f"{trade_id} is not voided: other decisions of its days were deleted by their age")
    connection.execute(statement("trades/void_decision"), {"trade_id": trade_id, "why": why, "at": at})
    market = connection.execute(statement("market/select_market")).one_or_none()
    tracked = None if market is None else market.last_as_of
    # The local clock may lag behind the last as_of of track: what counts already goes on counting.
    known = at if tracked is None else max(at, tracked)
    score_stale_days(connection, known)
    store_scorecards(connection, known)
    return "voided"
