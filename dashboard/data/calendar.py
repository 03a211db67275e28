"""Day by day."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection

from dashboard.data.agents import DAY, bounds, stretches, within_day
from dashboard.data.filters import Filters
from scorekeeper.metrics.day_sums import DaySums
from scorekeeper.store.sql import statement


@dataclass(frozen=True)
class Day:
    """A UTC day and what closed on it, on the filters' basis; idle days are between the others, with 0 trades."""

    day: date
    trades: int
    winners: int
    losers: int
    total_pnl_pct: float
    href: str


def read_days(connection: Connection, filters: Filters) -> list[Day]:
    """Every calendar day from the first close to the last."""
    found: defaultdict[date, list[float]] = defaultdict(lambda: [0, 0, 0, 0.0])
    for stretch in stretches(filters, timedelta(0)):
        name = "dashboard/select_daily_pieces" if stretch.rolled_up else "dashboard/count_days"
        for _, after_fees, *columns in connection.execute(statement(name), bounds(filters, stretch)):
            if after_fees == filters.after_fees:
                one = DaySums(*columns)
                sums = (one.trades, one.winners, one.losers, float(one.sum_pct))
                found[one.day] = [a + b for a, b in zip(found[one.day], sums, strict=True)]
    if not found:
        return []
    first, last = min(found), max(found)
    every = (first + number * DAY for number in range((last - first).days + 1))
    return [_day(filters, day, found.get(day, [0, 0, 0, 0.0])) for day in every]


def _day(filters: Filters, day: date, counts: list[float]) -> Day:
    trades, winners, losers, total = counts
    return Day(day, int(trades), int(winners), int(losers), total, filters.link("trades", **within_day(filters, day)))
