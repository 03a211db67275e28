"""/: how good the system is, what can be concluded, what is open, what closed last, and whether all is well."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from dashboard.data.answer import read_answer
from dashboard.data.figures import agent_figures, system_figures
from dashboard.data.filters import Filters
from dashboard.data.health import read_alerts, read_standing
from dashboard.data.lists import read_open_trades, read_trades
from dashboard.data.overview import read_analysis
from dashboard.data.terms import read_terms
from dashboard.equity import draw_equity
from dashboard.render import refuse_others, render
from dashboard.site import site_of
from scorekeeper.metrics.money import money_unit, say_net_holds

TILES = (
    "total_pnl_pct", "expectancy_pct", "win_rate", "profit_factor", "max_drawdown_pct", "sharpe", "payoff_ratio",
    "avg_hold_minutes",
)  # fmt: skip
AGENT_TILES = ("accuracy", "brier", "avg_call_return_pct", "shapley_pct")
FEW_SENTENCES = 3  # the first are of the system, the others of each agent, baseline and version
FEW = 6  # rows of what is open, and of what closed last


async def page(request: Request) -> Response:
    """The first page; `rows` are its tiles."""
    now = datetime.now(UTC)
    account_equity = site_of(request).account_equity

    def load(connection: Connection, filters: Filters) -> dict[str, Any]:
        refuse_others(filters)
        answer = read_answer(connection, filters)
        status, checks = read_standing(connection, now)
        figures = system_figures(answer, filters)
        terms = read_terms(connection, filters, account_equity)
        agents = sorted(answer["agent_performance"].items())
        return {
            "answer": answer, "figures": [figures[name] for name in TILES if name in figures],
            "money": terms.get("money"), "money_unit": money_unit,
            "net_holds": say_net_holds(terms["net_holds"]) if "net_holds" in terms else None,
            "equity": draw_equity(connection, filters, answer["completed_trades"]),
            "analysis": read_analysis(connection, filters),
            "agents": [(name, agent_figures(name, one, filters)) for name, one in agents],
            "agent_tiles": AGENT_TILES, "few_sentences": FEW_SENTENCES,
            "open": read_open_trades(connection, filters, FEW), "closed": read_trades(connection, filters, FEW),
            "status": status, "alerts": read_alerts(connection),
            "troubles": [check for check in checks if not check.ok],
            "rows": figures.values(),
        }  # fmt: skip

    return await render(request, "overview.html", load)
