"""/agent?name=: one agent: its figures, its reliability, its days, and where it stood on the trades."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from dashboard.data.agents import AgentDay, Tenth, begin_of, read_agent_days, read_tenths
from dashboard.data.answer import read_answer
from dashboard.data.figures import agent_figures
from dashboard.data.filters import FilterError, Filters
from dashboard.render import NotThereError, refuse_others, render
from dashboard.shown import brief
from scorekeeper import charts
from scorekeeper.charts import Chart, Day

TILES = ("accuracy", "avg_call_return_pct", "brier", "ece", "shapley_pct", "leave_one_out_pct", "coverage", "ic")
STANCES = ("supported", "opposed", "abstained")
OUTCOMES = (("win", "winners"), ("loss", "losers"))
MOST_DAYS = 366


async def page(request: Request) -> Response:
    """One agent, by its name."""

    def load(connection: Connection, filters: Filters) -> dict[str, Any]:
        refuse_others(filters, "name")
        name = filters.name
        if name is None:
            raise FilterError("name", "", "the name of an agent (agent?name=…)")
        answer = read_answer(connection, filters)["agent_performance"]
        if name not in answer:
            raise NotThereError(f"No agent named {brief(name, 80)} has a scored signal in this selection.")
        figures = agent_figures(name, answer[name], filters)
        days = read_agent_days(connection, filters, name)
        return {
            "name": name,
            "figures": [figures[key] for key in TILES if key in figures],
            "reliability": reliability(read_tenths(connection, filters, name)),
            "days_chart": days_chart(days),
            "left_out": max(0, len(days) - MOST_DAYS),
            "stances": stances(name, answer[name], filters),
            "calls": answer[name]["calls"],
            "rows": days,
        }

    return await render(request, "agent.html", load)


def reliability(tenths: Sequence[Tenth]) -> Chart | None:
    """How often it was right in each tenth of confidence; each dot leads to its calls."""
    if not tenths:
        return None
    drawn = {charts.Tenth(one.calls, one.correct, one.avg_confidence): one.href for one in tenths}
    return charts.reliability(list(drawn), href=drawn.__getitem__)


def days_chart(days: Sequence[AgentDay]) -> Chart | None:
    """What its calls came to, day by day; each bar leads to its decisions."""
    if not days:
        return None
    drawn = [
        Day(begin_of(one.day).timestamp(), one.total_call_return_pct, one.calls, one.href) for one in days[-MOST_DAYS:]
    ]
    return charts.days(drawn, what="Return of its calls", of="calls")


def stances(name: str, figures: dict[str, Any], filters: Filters) -> list[tuple[str, list[tuple[str, int, str]]]]:
    """By stance: how many trades won and lost, each with the address of just these."""
    return [
        (
            stance,
            [
                (
                    words, figures[f"{stance}_{words}"],
                    filters.link("trades", agent=name, stance=stance, outcome=outcome, fees="gross"),
                )
                for outcome, words in OUTCOMES
            ],
        )
        for stance in STANCES
    ]  # fmt: skip
