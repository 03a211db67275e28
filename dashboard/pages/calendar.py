"""/calendar: closed trades day by day; each day leads to its trades."""

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from dashboard.data.agents import begin_of
from dashboard.data.calendar import Day, read_days
from dashboard.data.filters import Filters
from dashboard.render import refuse_others, render
from scorekeeper import charts
from scorekeeper.charts import Chart

MOST_DAYS = 366  # shown at once
DEPTHS = 5  # of a colour


@dataclass(frozen=True)
class Month:
    """A month as a calendar has it: weeks of seven days, Monday first, None where a day is of another month."""

    title: str
    weeks: list[list[tuple[date, Day | None, str] | None]]
    trades: int
    total_pnl_pct: float


async def page(request: Request) -> Response:
    """The days of the filters' scope."""

    def load(connection: Connection, filters: Filters) -> dict[str, Any]:
        refuse_others(filters)
        days = read_days(connection, filters)
        shown = days[-MOST_DAYS:]
        earlier = filters.query(until=begin_of(shown[0].day)) if len(days) > len(shown) else None
        busy = [one for one in days if one.trades]
        return {
            "months": months(shown),
            "days_chart": days_chart(shown),
            "busy": len(busy),
            "gained": sum(one.total_pnl_pct > 0 for one in busy),
            "lost": sum(one.total_pnl_pct < 0 for one in busy),
            "trades": sum(one.trades for one in days),
            "earlier": earlier,
            "rows": days,
        }

    return await render(request, "calendar.html", load)


def days_chart(days: Sequence[Day]) -> Chart | None:
    """A bar for each day with closed trades."""
    drawn = [
        charts.Day(begin_of(one.day).timestamp(), one.total_pnl_pct, one.trades, one.href) for one in days if one.trades
    ]
    return charts.days(drawn) if drawn else None


def months(days: Sequence[Day]) -> list[Month]:
    """Whole months around the days, the last one first; each day with the class of its colour.

    Its depth goes with the root of the amount: a single large day leaves the others some.
    """
    known = {one.day: one for one in days}
    strongest = max((abs(one.total_pnl_pct) for one in days), default=0.0) or 1.0
    found = []
    for year, month in sorted({(one.day.year, one.day.month) for one in days}, reverse=True):
        weeks = [
            [_cell(day, known, strongest) if day.month == month else None for day in week]
            for week in calendar.Calendar().monthdatescalendar(year, month)
        ]
        inside = [one for one in days if (one.day.year, one.day.month) == (year, month)]
        found.append(
            Month(
                f"{calendar.month_name[month]} {year}", weeks, sum(one.trades for one in inside),
                sum(one.total_pnl_pct for one in inside),
            )
        )  # fmt: skip
    return found


def _cell(day: date, known: dict[date, Day], strongest: float) -> tuple[date, Day | None, str]:
    one = known.get(day)
    if one is None or not one.trades:
        return day, None, "idle"
    depth = min(DEPTHS, 1 + int(DEPTHS * (abs(one.total_pnl_pct) / strongest) ** 0.5 * 0.999))
    sign = "gain" if one.total_pnl_pct > 0 else "loss" if one.total_pnl_pct < 0 else "flat"
    return day, one, f"{sign} depth-{depth}"
