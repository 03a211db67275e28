"""Everything once more from decisions and candles, with other code than `track` uses, and every difference named."""

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import fields
from datetime import UTC, timedelta
from typing import Any

from sqlalchemy import Connection

from scorekeeper import publish, score
from scorekeeper.domain.walk import MINUTE, Candle, Held, expiry_fill, walk_trade
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
        differences = [*_trades(connection), *_rollups(connection)]
    return [*differences, *publish.check_published(db, log_path=settings.log_path, dataset_path=settings.dataset_path)]


def _trades(connection: Connection) -> Iterator[str]:
    market = connection.execute(statement("select_market")).mappings().one_or_none()
    if market is None or market["last_as_of"] is None:
        return
    for coverage in connection.execute(statement("select_coverage")).all():
        symbol = {"symbol": coverage.symbol}
        candles = [Candle(*row) for row in connection.execute(statement("select_candles"), symbol)]
        minutes = [candle.minute_at for candle in candles]
        for row in connection.execute(statement("select_trades_to_verify"), symbol).mappings():
            if row["opened_at"] > market["last_as_of"]:
                continue
            start = bisect_left(minutes, row["opened_at"] - MINUTE + timedelta(microseconds=1))
            stop = bisect_left(minutes, max(row["expires_at"], row["close_requested_at"] or row["expires_at"])) + 1
            lived = candles[start:stop]
            yield from _trade(row, lived, coverage.sealed_until, market["last_as_of"])
            yield from _horizon(row, lived, coverage.sealed_until, market["last_as_of"])


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
        expected = None if fill is None else (fill[1] - base) / base * 100
    if expected != row["horizon_return_pct"]:
        yield f"decision {row['trade_id']}: horizon_return_pct is {row['horizon_return_pct']}, recomputed {expected}"


def _rollups(connection: Connection) -> Iterator[str]:
    pending = {row.day for row in connection.execute(statement("select_stale_days"))}
    trades = connection.execute(statement("select_scored_trades")).all()
    groups: defaultdict[tuple[Any, ...], list[float]] = defaultdict(list)
    for t in trades:
        day = t.exit_time.astimezone(UTC).date()
        for version in (None, t.version):
            for symbol in (None, t.symbol):
                groups[day, version, symbol, False].append(t.pnl_pct)
                groups[day, version, symbol, True].append(t.net_pnl_pct)
    stored = {
        (r.day, r.version, r.symbol, r.after_fees): (r.trades, r.winners, r.losers, r.sum_pct)
        for r in connection.execute(statement("select_daily_sums"))
    }
    for key in sorted(groups.keys() | stored.keys(), key=str):
        if key[0] in pending:
            continue
        values = groups.get(key, [])
        wanted = (len(values), sum(v > 0 for v in values), sum(v < 0 for v in values), math.fsum(values))
        found = stored.get(key, (0, 0, 0, 0.0))
        if wanted[:3] != found[:3] or not math.isclose(wanted[3], found[3], rel_tol=1e-12, abs_tol=1e-9):
            yield f"daily_score {key}: (trades, winners, losers, sum) is {found}, recomputed {wanted}"
    answer = score.system_metrics(connection)
    wanted_trades, wanted_sum = len(trades), math.fsum(t.pnl_pct for t in trades)
    if not pending and (
        answer["completed_trades"] != wanted_trades
        or not math.isclose(answer["total_pnl_pct"], wanted_sum, rel_tol=1e-12, abs_tol=1e-9)
    ):
        yield (
            f"metrics: completed_trades {answer['completed_trades']}, total_pnl_pct {answer['total_pnl_pct']}; "
            f"recomputed {wanted_trades}, {wanted_sum}"
        )
