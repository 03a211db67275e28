"""The equity chart's figures: trade by trade where there are few, else day by day from the rollups."""

from collections.abc import Sequence
from datetime import UTC, datetime, time

import numpy as np
from sqlalchemy import Connection

from dashboard.data.filters import Filters
from dashboard.data.lists import read_trades
from dashboard.data.overview import EquityDay, read_equity
from scorekeeper.charts import Chart, Curve, DayPath, daily_curve, equity
from scorekeeper.charts.series import running_path

FEW_TRADES = 1_000  # a page of them is read in milliseconds; beyond, a day's extremes show as much on a screen
NAMES = {"gross": "before fees", "net": "after fees"}


def draw_equity(connection: Connection, filters: Filters, trades: int) -> Chart | None:
    """Equity before and after fees with the drawdown beneath, of `trades` closed trades; None for none."""
    if not trades:
        return None
    curves = _by_trade(connection, filters) if trades <= FEW_TRADES else _by_day(connection, filters)
    return equity(curves, of=f"{trades:,} closed {'trade' if trades == 1 else 'trades'}") if curves else None


def _by_trade(connection: Connection, filters: Filters) -> list[Curve]:
    rows = read_trades(connection, filters.changed(sort="exit_time", order="asc"), FEW_TRADES).rows
    if not rows:
        return []
    opened, closed = (np.array([one.timestamp() for one in times]) for times in zip(
        *((row.opened_at, row.exit_time) for row in rows), strict=True
    ))  # fmt: skip
    earned = {"gross": [row.pnl_pct for row in rows], "net": [row.net_pnl_pct for row in rows]}
    return [Curve(NAMES[fees], running_path(opened, closed, np.array(pnl))) for fees, pnl in earned.items()]


def _by_day(connection: Connection, filters: Filters) -> list[Curve]:
    days = {fees: read_equity(connection, filters.changed(fees=fees)) for fees in NAMES}
    return [daily_curve(NAMES[fees], day_paths(days[fees])) for fees in NAMES if days[fees]]


def day_paths(days: Sequence[EquityDay]) -> list[DayPath]:
    """Each day's own path, from 0 at its begin, out of the running sum."""
    paths, before = [], 0.0
    for day in days:
        at = datetime.combine(day.day, time(), UTC).timestamp()
        paths.append(DayPath(at, day.level - before, day.high - before, day.low - before, day.fall))
        before = day.level
    return paths
