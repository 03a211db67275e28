"""/compare?a=&b=: two versions side by side, and whether they can be told apart."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from dashboard.data.answer import read_answer
from dashboard.data.figure import Figure
from dashboard.data.figures import system_figures
from dashboard.data.filters import FilterError, Filters
from dashboard.data.overview import read_equity, read_scope
from dashboard.data.versions import Difference, Pair, Versions, read_versions
from dashboard.equity import day_paths
from dashboard.render import refuse_others, render
from scorekeeper import charts
from scorekeeper.charts import Chart

SHOWN = (
    "completed_trades", "win_rate", "expectancy_pct", "total_pnl_pct", "profit_factor", "payoff_ratio",
    "max_drawdown_pct", "sharpe", "avg_hold_minutes", "avg_mfe_pct", "avg_mae_pct",
)  # fmt: skip


async def page(request: Request) -> Response:
    """`a` minus `b`; without them the two versions that decided last."""

    def load(connection: Connection, filters: Filters) -> dict[str, Any]:
        refuse_others(filters, "a", "b")
        if filters.version is not None:
            raise FilterError("version", filters.version, "to be left out here: a and b name the versions")
        known = read_scope(connection).versions
        analysed = read_versions(connection, filters)
        a, b = choose(filters, known, analysed)
        both = [filters.changed(version=version) for version in (a, b) if version is not None]
        figures = [system_figures(read_answer(connection, one), one) for one in both] if len(both) == 2 else []
        pair = analysed.between(a, b) if a is not None and b is not None else None
        return {
            "versions": known, "a": a, "b": b, "figures": figures, "shown": SHOWN, "pair": pair,
            "analysed_at": analysed.analysed_at, "chart": draw(connection, both) if figures else None,
            "rows": as_rows(figures, pair),
        }  # fmt: skip

    return await render(request, "compare.html", load)


def choose(filters: Filters, known: list[str], analysed: Versions) -> tuple[str | None, str | None]:
    """The versions that are meant. Raises FilterError for one of which nothing is known."""
    for name in ("a", "b"):
        if (given := getattr(filters, name)) is not None and given not in known:
            raise FilterError(name, given, "a version of which a trade was opened or a call scored")
    latest = [one.version for one in sorted(analysed.periods, key=lambda one: one.last_at)] or known
    a = filters.a or next((one for one in reversed(latest) if one != filters.b), None)
    b = filters.b or next((one for one in reversed(latest) if one != a), None)
    if a is not None and a == b:
        raise FilterError("b", str(b), "another version than a")
    return a, b


def draw(connection: Connection, both: list[Filters]) -> Chart | None:
    """The equity of both, each from its own first close."""
    curves = [(str(one.version), read_equity(connection, one)) for one in both]
    drawn = [charts.daily_curve(name, day_paths(days)) for name, days in curves if days]
    trades = sum(day.trades for _, days in curves for day in days)
    return charts.equity(drawn, of=f"{trades:,} closed trades of both") if drawn else None


def as_rows(figures: Sequence[Mapping[str, Figure]], pair: Pair | None) -> list[dict[str, Any]]:
    """The comparison as CSV and JSON have it: a row a figure, then a row a difference."""
    if not figures:
        return []
    rows: list[dict[str, Any]] = [
        {"figure": name, "a": figures[0][name].value, "b": figures[1][name].value, "n_a": figures[0][name].n,
         "n_b": figures[1][name].n, "low": None, "high": None, "verdict": None}
        for name in SHOWN
    ]  # fmt: skip
    differences: list[Difference] = [] if pair is None else [pair.paired, pair.own_periods]
    rows += [
        {"figure": f"a minus b, {one.how}", "a": one.mean, "b": None, "n_a": one.n, "n_b": None,
         "low": one.interval and one.interval[0], "high": one.interval and one.interval[1], "verdict": one.verdict}
        for one in differences
    ]  # fmt: skip
    return rows
