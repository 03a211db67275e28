"""Settlements: they close the trades, and fill the horizon returns, that decisions and sealed candles decide.

Every function works inside the caller's transaction and may be repeated.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection, text

from scorekeeper.locks import Lock, lock
from scorekeeper.store.sql import json_rows, statement

if TYPE_CHECKING:
    from scorekeeper.market.sealed_candles import Asked


@dataclass(frozen=True)
class Settled:
    """What one settlement did: how many trades it closed, and how many horizon returns became known.

    `exits`: exit decisions that it was the first to read. `idle_exits`: those of them that found nothing open.
    """

    closed: int
    horizons: int
    exits: int = 0
    idle_exits: int = 0


def settle(
    connection: Connection, as_of: datetime, *, suspect_price_pct: float, asked: "Asked | None" = None
) -> Settled:
    """Close the trades that decisions and sealed candles close at `as_of`, and fill the horizon returns they decide.

    `suspect_price_pct`: a decision's price farther from the market's, in percent, is suspect. `asked`: what the fetch
    before it has asked the market; a decision that came in meanwhile may need earlier candles, and waits for them.
    None: the stored candles go as far back as any decision needs.
    """
    open_settlement(connection)
    # No page is stored meanwhile: all candles that are marked as settled below were compared with the trades.
    lock(connection, Lock.CANDLE)
    known = {"as_of": as_of}
    answered = None if asked is None else json_rows(
        {"symbol": symbol, "opened_at": opened_at, "sealed_from": start}
        for symbol, (opened_at, start) in asked.items()
    )  # fmt: skip
    judged = {**known, "suspect_price_pct": suspect_price_pct, "asked": answered}
    horizons = connection.execute(statement("trades/set_reference_prices"), judged).rowcount
    connection.execute(statement("trades/match_exits"), {**known, "settles": True})
    closed = connection.execute(statement("trades/close_due_trades"), known).rowcount
    horizons += connection.execute(statement("trades/set_horizon_returns"), known).rowcount
    connection.execute(statement("trades/advance_settled"))
    connection.execute(statement("trades/advance_settled_as_of"), known)
    record_settlement(connection)
    exits, idle = connection.execute(statement("trades/count_idle_exits"), known).one()
    return Settled(closed, horizons, exits, idle)


def match_exits(connection: Connection, at: datetime) -> None:
    """Note for each open trade the first decision, of those made up to `at`, that asks for its close.

    Nothing is closed: the next settlement does that.
    """
    open_settlement(connection)
    connection.execute(statement("trades/match_exits"), {"as_of": at, "settles": False})


def close_by_quote(
    connection: Connection, trade_id: str, *, price: float, at: datetime, as_of: datetime, reason: str
) -> bool:
    """Close an open trade at a quoted price; whether it was open. `reason`: expired, manual or signal."""
    open_settlement(connection)
    closed = connection.execute(
        statement("trades/close_by_quote"),
        {"trade_id": trade_id, "price": price, "at": at, "as_of": as_of, "reason": reason},
    ).rowcount
    record_settlement(connection)
    return closed == 1


def open_settlement(connection: Connection) -> None:
    """Begin a settlement in this transaction, after any other has ended."""
    lock(connection, Lock.SETTLE)
    connection.execute(statement("trades/create_settled_trades"))
    connection.execute(statement("trades/create_settled_decisions"))
    connection.execute(text("TRUNCATE settled_trade, settled_decision"))


def record_settlement(connection: Connection) -> None:
    """Note what this transaction settled: the lines to publish, the days to score again, and what to learn again."""
    connection.execute(statement("trades/insert_outcome_events"))
    connection.execute(statement("trades/insert_horizon_events"))
    connection.execute(statement("trades/mark_stale_learning"))
    connection.execute(statement("trades/mark_stale_days"))


def mark_open_trades(connection: Connection, as_of: datetime) -> int:
    """Write an equity row per version for its open trades at `as_of`; rows written (a repeat writes none)."""
    return connection.execute(statement("trades/mark_open_trades"), {"as_of": as_of}).rowcount
