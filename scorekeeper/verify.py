"""Everything once more from decisions and candles, with other code than `track` uses, and every difference named."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from scorekeeper import publish
from scorekeeper.domain.exit_check import Asked, Followed, find_wrong_signals
from scorekeeper.domain.prices import LOOK_BACK
from scorekeeper.domain.walk import MINUTE, Candle, Held, expiry_fill, walk_trade
from scorekeeper.recheck import check_score
from scorekeeper.reconcile import check_books
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from scorekeeper.store.sql import statement

_EXIT = (
    "exit_time", "exit_price", "exit_reason", "ambiguous_exit", "price_age_seconds", "pnl_pct", "net_pnl_pct",
    "mfe_pct", "mae_pct",
)  # fmt: skip


def verify(db: Database, settings: Settings) -> list[str]:
    """Every difference between what is stored or published and a recompute, a line each; none: all is well."""
    with db.begin() as connection:
        differences = [*check_trades(connection), *check_score(connection), *check_books(connection, settings)]
    return [*differences, *publish.check_published(db, log_path=settings.log_path, dataset_path=settings.dataset_path)]


def count_pruned(db: Database) -> tuple[datetime, int] | None:
    """Since when candles are kept, and how many decisions from before cannot be recomputed; None: nothing is pruned."""
    with db.begin() as connection:
        row = connection.execute(statement("count_pruned")).one_or_none()
    return None if row is None else (row.candles_from, row.decisions)


def check_trades(connection: Connection) -> Iterator[str]:
    """Every difference between trades, horizon returns and reference prices and a recompute, a line each."""
    market = connection.execute(statement("select_market")).mappings().one_or_none()
    if market is None or market["last_as_of"] is None:
        return
    pruned = market["candles_from"]
    for coverage in connection.execute(statement("select_coverage")).all():
        symbol = {"symbol": coverage.symbol}
        candles = [Candle(*row) for row in connection.execute(statement("select_candles"), symbol)]
        minutes = [candle.minute_at for candle in candles]
        rows = connection.execute(statement("select_trades_to_verify"), symbol).mappings().all()
        yield from _signals(connection, symbol, [row for row in rows if row["opened_at"] <= market["last_as_of"]])
        for row in rows:
            if row["opened_at"] > market["last_as_of"]:
                continue
            start = bisect_left(minutes, row["opened_at"] - MINUTE + timedelta(microseconds=1))
            stop = bisect_left(minutes, max(row["expires_at"], row["close_requested_at"] or row["expires_at"])) + 1
            lived = candles[start:stop]
            if bool(row["decision_direction"]) != (row["direction"] is not None):
                fault = "missing" if row["decision_direction"] else "one too many"
                yield f"decision {row['trade_id']}: its trade is {fault}"
                continue
            if row["left_out"] is not None and row["left_out"] != row["must_be_left_out"]:
                yield f"trade {row['trade_id']}: left_out is {row['left_out']}, its decision says otherwise"
            if pruned is not None and row["opened_at"] < pruned:
                continue
            yield from _trade(row, lived, coverage.sealed_until, market["last_as_of"])
            yield from _horizon(row, lived, coverage.sealed_until, market["last_as_of"])
            yield from _reference(row, candles, minutes, coverage, pruned)


def _signals(connection: Connection, symbol: Mapping[str, str], rows: Sequence[Mapping[Any, Any]]) -> Iterator[str]:
    asked = [Asked(*row) for row in connection.execute(statement("select_exits_to_verify"), symbol)]
    names = [part.name for part in fields(Followed) if part.name != "by_market"]
    trades = [
        Followed(**{name: row[name] for name in names}, by_market=row["price_source"] in (None, "market"))
        for row in rows
        if row["direction"] is not None
    ]
    yield from (f"trade {trade_id}: {fault}" for trade_id, fault in find_wrong_signals(trades, asked))


def _trade(row: Mapping[Any, Any], candles: list[Candle], sealed_until: Any, as_of: Any) -> Iterator[str]:
    if row["direction"] is None or row["price_source"] in ("quote", "imported"):
        return
    held = Held(**{part.name: row[part.name] for part in fields(Held)})
    expected = walk_trade(held, candles, sealed_until, as_of)
    for name in _EXIT:
        wanted = None if expected is None else getattr(expected, name)
        if wanted != row[name]:
            yield f"trade {row['trade_id']}: {name} is {row[name]}, recomputed {wanted}"


def _horizon(row: Mapping[Any, Any], candles: list[Candle], sealed_until: Any, as_of: Any) -> Iterator[str]:
    base = row["price"] if row["price"] is not None else row["reference_price"]
    expected = None
    if (
        base is not None
        and row["expires_at"] <= as_of
        and sealed_until >= row["expires_at"].replace(second=0, microsecond=0)
    ):
        fill = expiry_fill(candles, row["opened_at"], row["expires_at"])
        expected = None if fill is None else (fill[1], (fill[1] - base) / base * 100)
    price, change = expected or (None, None)
    for name, wanted in (("horizon_price", price), ("horizon_return_pct", change)):
        if wanted != row[name]:
            yield f"decision {row['trade_id']}: {name} is {row[name]}, recomputed {wanted}"


def _reference(
    row: Mapping[Any, Any], candles: list[Candle], minutes: list[datetime], coverage: Any, pruned: datetime | None
) -> Iterator[str]:
    opened_minute = row["opened_at"].replace(second=0, microsecond=0)
    if opened_minute < coverage.sealed_from:
        return  # from before a range that had to begin anew
    expected = None
    if opened_minute <= coverage.sealed_until:
        first = bisect_left(minutes, max(coverage.sealed_from, row["opened_at"] - LOOK_BACK))
        later = bisect_right(minutes, row["opened_at"] - MINUTE)
        if later > first:
            expected = candles[later - 1].close
        elif pruned is not None and coverage.sealed_from <= pruned:
            return  # the last price before it may be one of those given up
        elif coverage.filled_back and later < len(candles):
            expected = candles[later].open
    if expected != row["reference_price"]:
        yield f"decision {row['trade_id']}: reference_price is {row['reference_price']}, recomputed {expected}"
