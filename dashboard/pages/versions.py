"""/versions: each version's figures with their evidence, and which of them can be told apart."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from dashboard.data.answer import read_answer
from dashboard.data.figures import system_figures
from dashboard.data.filters import Filters
from dashboard.data.versions import read_versions
from dashboard.render import refuse_others, render
from scorekeeper.metrics.breakdown import Breakdown

MOST_ALONE = 20  # versions of which what an analysis says is shown beside each figure
SHOWN = ("win_rate", "expectancy_pct", "total_pnl_pct", "profit_factor", "max_drawdown_pct", "sharpe")
MOST = 100


async def page(request: Request) -> Response:
    """The versions in order of their names; `rows` are all figures of each."""

    def load(connection: Connection, filters: Filters) -> dict[str, Any]:
        refuse_others(filters)
        groups = read_answer(connection, filters, Breakdown.VERSION)["groups"]
        if filters.format != "html":
            return {"rows": [plain(group, filters) for group in groups]}
        analysed = read_versions(connection, filters)
        of_version: dict[str, dict[str, Any]] = {}
        for group in groups:
            alone = filters.changed(version=group["version"])
            own = read_answer(connection, alone) if len(groups) <= MOST_ALONE else group
            of_version[group["version"]] = system_figures(own, alone)
        return {
            "versions": of_version, "shown": SHOWN, "periods": {one.version: one for one in analysed.periods},
            "pairs": analysed.pairs[:MOST], "count": len(analysed.pairs), "analysed_at": analysed.analysed_at,
        }  # fmt: skip

    return await render(request, "versions.html", load)


def plain(group: Mapping[str, Any], filters: Filters) -> dict[str, Any]:
    """A version as CSV and JSON have it: every figure of the system by its key in metrics."""
    figures = {**group, **(group["net"] if filters.after_fees else {})}
    return {name: value for name, value in figures.items() if name not in ("part", "net", "agent_performance")}
