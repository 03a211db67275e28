"""/breakdown?by=: the figures of each part, as metrics --by has them, with n beside each and a warning about luck."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from dashboard.data.answer import ROLLED_UP
from dashboard.data.figure import Figure
from dashboard.data.figures import agent_figures, system_figures
from dashboard.data.filters import FilterError, Filters
from dashboard.data.parts import narrow, read_agent_parts, read_parts
from dashboard.render import refuse_others, render
from scorekeeper import charts
from scorekeeper.charts import Bar, Chart
from scorekeeper.metrics.breakdown import Breakdown

SHOWN = ("win_rate", "expectancy_pct", "total_pnl_pct", "profit_factor", "avg_hold_minutes")
IN_ORDER = ("max_drawdown_pct", "sharpe")  # of the parts that the rollups know
OF_AGENT = ("accuracy", "avg_call_return_pct", "total_call_return_pct", "brier", "ece")
MOST = 200  # parts of a page; CSV and JSON have them all
MOST_BARS = 24
NAMES: Mapping[Breakdown, str] = {
    Breakdown.SYMBOL: "symbol", Breakdown.INTERVAL: "interval", Breakdown.SIDE: "side",
    Breakdown.EXIT_REASON: "exit reason", Breakdown.VERSION: "version", Breakdown.CONFIDENCE: "stated confidence",
    Breakdown.WEEKDAY: "weekday of opening (UTC)", Breakdown.HOUR: "hour of opening (UTC)",
}  # fmt: skip


async def page(request: Request) -> Response:
    """The parts in their own order, unless sorted; with `agent`, that agent's figures in each."""

    def load(connection: Connection, filters: Filters) -> dict[str, Any]:
        refuse_others(filters, "by", "agent", "sort", "order")
        by = Breakdown(filters.by or Breakdown.SYMBOL)
        of_system = (*SHOWN, *IN_ORDER) if by in ROLLED_UP else SHOWN
        shown = of_system if filters.agent is None else OF_AGENT
        if filters.sort is not None and filters.sort not in ("n", *shown):
            raise FilterError("sort", filters.sort, f"one of n, {', '.join(shown)}")
        if filters.agent is None:
            groups = read_parts(connection, filters, by)
        else:
            groups = read_agent_parts(connection, filters, by, filters.agent)
        if filters.format != "html":
            return {"rows": [plain(group, by) for group in groups]}
        parts = [part for group in groups if (part := figures_of(group, by, filters)) is not None]
        ordered = in_order(parts, filters)
        return {
            "by": by, "names": NAMES, "parts": ordered[:MOST], "count": len(parts), "shown": shown,
            "chart": draw(ordered, by, filters), "sort": filters.sort, "order": filters.order or "desc",
            "by_luck": round(len(parts) / 20, 1),
        }  # fmt: skip

    return await render(request, "breakdown.html", load)


def figures_of(group: Mapping[str, Any], by: Breakdown, filters: Filters) -> dict[str, Any] | None:
    """A part as the page shows it: its label, n with its link, and figures by name; None where the agent said nothing.

    Its figures go before fees or after them, as the filters say.
    """
    narrowed = narrow(by, group["part"])
    label = group["label"] if group["label"] is not None else f"without {NAMES[by]}"
    if filters.agent is None:
        figures = system_figures(group, filters, narrowed)
        return {"label": label, "n": figures["completed_trades"], "figures": figures}
    figures = agent_figures(filters.agent, group, filters, narrowed)
    return {"label": label, "n": figures["signals"], "figures": figures} if group["signals"] else None


def in_order(parts: list[dict[str, Any]], filters: Filters) -> list[dict[str, Any]]:
    """Sorted by n or by a figure, undefined ones last; as they come where no order is asked for."""
    if filters.sort is None:
        return parts

    def value(part: Mapping[str, Any]) -> float | None:
        figure: Figure = part["n"] if filters.sort == "n" else part["figures"][filters.sort]
        return figure.value

    known = sorted(
        (part for part in parts if value(part) is not None), key=lambda part: value(part) or 0.0,
        reverse=filters.order != "asc",
    )  # fmt: skip
    return known + [part for part in parts if value(part) is None]


def draw(parts: Sequence[Mapping[str, Any]], by: Breakdown, filters: Filters) -> Chart | None:
    """How far each part's rate lies above that of the whole, with its interval; the most numerous parts alone."""
    name = "win_rate" if filters.agent is None else "accuracy"
    whole = rate_of_all(parts, name)
    most = {id(part) for part in sorted(parts, key=lambda part: -part["n"].n)[:MOST_BARS]}
    drawn = [part for part in parts if id(part) in most and part["figures"][name].value is not None]
    if whole is None or len(drawn) < 2:
        return None
    bars = []
    for part in drawn:
        one: Figure = part["figures"][name]
        around = None if one.interval is None else (one.interval[0] - whole, one.interval[1] - whole)
        bars.append(Bar(part["label"], (one.value or 0.0) - whole, around, one.n, one.href))
    rate = "win rate" if filters.agent is None else "accuracy"
    return charts.bars_with_intervals(bars, f"points above the {rate} of all", f"The {rate} by {NAMES[by]}")


def rate_of_all(parts: Sequence[Mapping[str, Any]], name: str) -> float | None:
    """The rate over all parts, percent: each figure's n weighs it."""
    figures: list[Figure] = [part["figures"][name] for part in parts]
    known = [(one.value, one.n) for one in figures if one.value is not None]
    n = sum(weight for _, weight in known)
    return sum(value * weight for value, weight in known) / n if n else None


def plain(group: Mapping[str, Any], by: Breakdown) -> dict[str, Any]:
    """A part as CSV and JSON have it: its figures by their keys in metrics."""
    return {by.value: group["label"], **{name: value for name, value in group.items() if name not in ("part", "label")}}
