"""/agents: each agent's figures with their evidence, what each contributed, and how far they agree."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from dashboard.data.agents import AGREED_OVER, Agreement, read_agreement
from dashboard.data.answer import read_answer
from dashboard.data.figure import Figure
from dashboard.data.figures import agent_figures
from dashboard.data.filters import FilterError, Filters
from dashboard.render import refuse_others, render
from scorekeeper import charts
from scorekeeper.charts import Bar, Chart

SHOWN = ("accuracy", "brier", "ece", "shapley_pct", "leave_one_out_pct", "avg_call_return_pct")
SORTS = ("agent", "signals", *SHOWN)
MOST_BARS = 30


async def page(request: Request) -> Response:
    """All agents of the filters' scope."""

    def load(connection: Connection, filters: Filters) -> dict[str, Any]:
        refuse_others(filters, "sort", "order")
        if filters.sort is not None and filters.sort not in SORTS:
            raise FilterError("sort", filters.sort, f"one of {', '.join(SORTS)}")
        answer = read_answer(connection, filters)["agent_performance"]
        ordered = in_order(answer, filters.sort or "signals", filters.order or "desc")
        agents = {name: agent_figures(name, answer[name], filters) for name in ordered}
        return {
            "agents": agents,
            "shown": SHOWN,
            "sort": filters.sort or "signals",
            "order": filters.order or "desc",
            "signals": {name: answer[name]["signals"] for name in ordered},
            "above_coin": above_coin(agents, filters),
            "shapley": contributions(agents, filters),
            "matrix": matrix(read_agreement(connection, filters)),
            "agreed_over": AGREED_OVER,
            "rows": [{"agent": name, **answer[name]} for name in ordered],
        }

    return await render(request, "agents.html", load)


def in_order(answer: Mapping[str, Mapping[str, Any]], sort: str, order: str) -> list[str]:
    """Agents' names by one of their figures, those without it last, then by name."""
    names = sorted(answer, reverse=sort == "agent" and order == "desc")
    if sort == "agent":
        return names
    known = [name for name in names if answer[name][sort] is not None]
    known.sort(key=lambda name: answer[name][sort], reverse=order == "desc")
    return known + [name for name in names if answer[name][sort] is None]


def above_coin(agents: Mapping[str, Mapping[str, Figure]], filters: Filters) -> Chart | None:
    """Accuracy as points above a coin's 50, with its interval."""
    bars = [
        Bar(
            name, one.value - 50, (one.interval[0] - 50, one.interval[1] - 50) if one.interval else None, one.n,
            filters.link("agent", name=name),
        )
        for name, figures in agents.items()
        if (one := figures["accuracy"]).value is not None
    ]  # fmt: skip
    bars.sort(key=lambda bar: -bar.value)
    if not bars:
        return None
    return charts.bars_with_intervals(bars[:MOST_BARS], "points above a coin's 50 %", "Accuracy against a coin")


def contributions(agents: Mapping[str, Mapping[str, Figure]], filters: Filters) -> Chart | None:
    """Shapley values with their intervals, the greatest first."""
    bars = [
        Bar(name, one.value, one.interval, one.n, filters.link("agent", name=name))
        for name, figures in agents.items()
        if (one := figures["shapley_pct"]).value is not None
    ]
    bars.sort(key=lambda bar: -bar.value)
    if not bars:
        return None
    return charts.bars_with_intervals(bars[:MOST_BARS], "% (sum over decisions)", "Shapley values with intervals")


def matrix(pairs: Sequence[Agreement]) -> dict[str, dict[str, tuple[float, int] | None]]:
    """By agent and agent: how often they called the same, in percent, and over how many decisions; None: never both."""
    names = sorted({pair.one for pair in pairs} | {pair.other for pair in pairs})
    found = {
        key: (100 * pair.same / pair.both_called, pair.both_called)
        for pair in pairs
        for key in ((pair.one, pair.other), (pair.other, pair.one))
    }
    return {one: {other: found.get((one, other)) for other in names} for one in names}
