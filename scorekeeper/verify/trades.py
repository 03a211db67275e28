"""Trades, horizon returns and reference prices, recomputed from decisions and candles."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from scorekeeper.store.sql import statement
from scorekeeper.verify.candle_walk import TradeTerms
from scorekeeper.verify.candle_window import LOOK_BACK, CandleWindow
from scorekeeper.verify.close_requests import CloseRequest, CloseRequests, StoredTrade
from scorekeeper.verify.progress import Progress, silent
from scorekeeper.verify.read_candles import read_candles

ROWS_AT_ONCE = 2_000
_TERMS = [field.name for field in fields(TradeTerms)]
_EXIT = (
    "exit_time", "exit_price", "exit_reason", "ambiguous_exit", "price_age_seconds", "pnl_pct", "net_pnl_pct",
    "mfe_pct", "mae_pct",
)  # fmt: skip


def check_trades(connection: Connection, progress: Progress = silent) -> Iterator[str]:
    """One line per difference between trades, horizon returns or reference prices and their recompute."""
    market = connection.execute(statement("market/select_market")).mappings().one_or_none()
    if market is None or market["settled_as_of"] is None:
        return
    as_of, pruned = market["settled_as_of"], market["candles_from"]
    for coverage in connection.execute(statement("verify/select_settled_coverage")).all():
        given = {"symbol": coverage.symbol, "as_of": as_of}
        close_requests = connection.execute(statement("verify/select_exits_to_verify"), given)
        requests = CloseRequests(CloseRequest(*row) for row in close_requests)
        window = CandleWindow(read_candles(connection, coverage.symbol, coverage.sealed_until))
        rows = connection.execute(
            statement("verify/select_trades_to_verify").execution_options(yield_per=ROWS_AT_ONCE),
            {"symbol": coverage.symbol},
        ).mappings()
        for row in rows:
            progress("decisions", 1)
            if row["opened_at"] > as_of:
                continue
            if bool(row["decision_direction"]) != (row["direction"] is not None):
                fault = "missing" if row["decision_direction"] else "one too many"
                yield f"decision {row['trade_id']}: its trade is {fault}"
                continue
            if row["left_out"] is not None and row["left_out"] != row["must_be_left_out"]:
                yield f"trade {row['trade_id']}: left_out is {row['left_out']}, its decision says otherwise"
            asked = row["signal_id"] is not None or len(requests)
            if row["direction"] is not None and asked and (wrong := requests.find_fault(_stored_trade(row))):
                yield f"trade {row['trade_id']}: {wrong}"
            if pruned is not None and row["opened_at"] < pruned:
                continue
            window.move(row["opened_at"], max(row["expires_at"], row["close_requested_at"] or row["expires_at"]))
            yield from _check_decision(row, window, coverage, as_of, pruned)


def _stored_trade(row: Mapping[Any, Any]) -> StoredTrade:
    names = [field.name for field in fields(StoredTrade) if field.name != "by_market"]
    return StoredTrade(**{name: row[name] for name in names}, by_market=row["price_source"] in (None, "market"))


def _check_decision(
    row: Mapping[Any, Any], window: CandleWindow, coverage: Any, as_of: datetime, pruned: datetime | None
) -> Iterator[str]:
    """One decision and its trade, as far as a settlement has compared them with the candles."""
    opened_minute = row["opened_at"].replace(second=0, microsecond=0)
    reference = row["reference_price"]
    if coverage.sealed_from is not None and opened_minute >= coverage.sealed_from:
        known, expected = _reference(row["opened_at"], window, coverage, pruned)
        if known and expected != reference and not _waits(row, reference):
            yield f"decision {row['trade_id']}: reference_price is {reference}, recomputed {expected}"
        # A decision is scored only once its price could be compared with a reference price.
        decides = (expected if known else reference) is not None
    else:
        decides = False  # older than the sealed range, which had a gap: what was undecided then stays undecided
    if decides or row["exit_time"] is not None:
        yield from _check_trade(row, window, coverage.sealed_until, as_of)
    if decides or row["horizon_price"] is not None:
        yield from _check_horizon(row, window, coverage.sealed_until, as_of)


def _waits(row: Mapping[Any, Any], stored: object) -> bool:
    """Whether a missing value waits for the next settlement, and so is not wrong."""
    return stored is None and not row["tracked"]


def _check_trade(row: Mapping[Any, Any], window: CandleWindow, sealed_until: Any, as_of: Any) -> Iterator[str]:
    if row["direction"] is None or row["price_source"] in ("quote", "imported"):
        return
    if _waits(row, row["exit_time"]):
        return
    terms = TradeTerms(*[row[name] for name in _TERMS])
    expected = window.walk(terms, sealed_until, as_of)
    for name in _EXIT:
        wanted = None if expected is None else getattr(expected, name)
        if wanted != row[name]:
            yield f"trade {row['trade_id']}: {name} is {row[name]}, recomputed {wanted}"


def _check_horizon(row: Mapping[Any, Any], window: CandleWindow, sealed_until: Any, as_of: Any) -> Iterator[str]:
    base = row["reference_price"]
    if row["price"] is not None:
        base = row["price"] if row["price_scale"] is None else row["price"] * row["price_scale"]
    expected = None
    if (
        base is not None
        and row["expires_at"] <= as_of
        and sealed_until >= row["expires_at"].replace(second=0, microsecond=0)
    ):
        fill = window.fill(row["opened_at"], row["expires_at"])
        expected = None if fill is None else (fill[1], (fill[1] - base) / base * 100)
    price, change = expected or (None, None)
    for name, wanted in (("horizon_price", price), ("horizon_return_pct", change)):
        if wanted != row[name] and not _waits(row, row[name]):
            yield f"decision {row['trade_id']}: {name} is {row[name]}, recomputed {wanted}"


def _reference(
    opened_at: datetime, window: CandleWindow, coverage: Any, pruned: datetime | None
) -> tuple[bool, float | None]:
    """Whether the reference price can be recomputed, and the price (None: there is none yet)."""
    if opened_at.replace(second=0, microsecond=0) > coverage.sealed_until:
        return True, None
    close = window.close_before(opened_at, max(coverage.sealed_from, opened_at - LOOK_BACK))
    if close is not None:
        return True, close
    if pruned is not None and coverage.sealed_from <= pruned:
        return False, None  # the last price before it may have been pruned
    if not coverage.filled_back:
        return False, None  # a back-fill says what the last price before it was, if there was one
    return True, window.open_after(opened_at)
