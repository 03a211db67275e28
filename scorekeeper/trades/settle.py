"""A settlement: what decisions and sealed candles close is closed, what is open can be marked.

Every function works inside the caller's transaction and may be repeated.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from scorekeeper.locks import Lock, lock
from scorekeeper.store.sql import statement


@dataclass(frozen=True)
class Settled:
    """What one settlement did: trades closed, horizon returns that became known.

    `exits`: exit decisions that were looked at for the first time; `idle_exits`: those of them that found nothing open.
    """

    closed: int
    horizons: int
    exits: int = 0
    idle_exits: int = 0


def settle(connection: Connection, as_of: datetime, *, suspect_price_pct: float) -> Settled:
    """Close what decisions and sealed candles close at `as_of`, and fill the horizon returns that they decide."""
    open_settlement(connection)
    # No answer is stored meanwhile: what is said to be settled below is what was held against the trades.
    lock(connection, Lock.CANDLE)
    known = {"as_of": as_of}
    connection.execute(statement("trades/set_reference_prices"), {**known, "suspect_price_pct": suspect_price_pct})
    connection.execute(statement("trades/match_exits"), {**known, "settles": True})
    closed = connection.execute(statement("trades/close_due_trades"), known).rowcount
    horizons = connection.execute(statement("trades/set_horizon_returns"), known).rowcount
    connection.execute(statement("trades/advance_settled"))
    connection.execute(statement("trades/advance_settled_as_of"), known)
    record_settlement(connection)
    exits, idle = connection.execute(statement("trades/count_idle_exits"), known).one()
    return Settled(closed, horizons, exits, idle)


def match_exits(connection: Connection, at: datetime) -> None:
    """Note for open trades which decision asks first for their close, of those made up to `at`; nothing is closed.

    They wait for the next settlement.
    """
    open_settlement(connection)
    connection.execute(statement("trades/match_exits"), {"as_of": at, "settles": False})


def close_by_quote(
    connection: Connection, trade_id: str, *, price: float, at: datetime, as_of: datetime, reason: str
) -> bool:
    """Close an open trade at a quoted price, now; False if it was not open. `reason`: expired, manual or signal."""
    open_settlement(connection)
    closed = connection.execute(
        statement("trades/close_by_quote"),
        {"trade_id": trade_id, "price": price, "at": at, "as_of": as_of, "reason": reason},
    ).rowcount
    record_settlement(connection)
    return closed == 1


def open_settlement(connection: Connection) -> None:
    """Begin to close trades in this transaction: one settlement at a time."""
    lock(connection, Lock.SETTLE)
    connection.execute(statement("trades/create_settled_trades"))
    connection.execute(statement("trades/create_settled_decisions"))
    connection.execute(text("TRUNCATE settled_trade, settled_decision"))


def record_settlement(connection: Connection) -> None:
    """Note what this transaction settled: lines to publish, rollup days to make again."""
    connection.execute(statement("trades/insert_outcome_events"))
    connection.execute(statement("trades/insert_horizon_events"))
    connection.execute(statement("trades/mark_stale_days"))


def mark_open_trades(connection: Connection, as_of: datetime) -> int:
    """Write what was known of open trades at `as_of`; equity rows written (a repeat writes none)."""
    return connection.execute(statement("trades/mark_open_trades"), {"as_of": as_of}).rowcount
