"""/trades: every closed trade of a selection, a page at a time, with what the selection comes to."""

from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from dashboard.data.figure import Figure
from dashboard.data.filters import Filters
from dashboard.data.lists import PAGE_ROWS, TRADES, every, order_of, read_trades
from dashboard.data.rows import Page, TradeRow
from dashboard.pages.listing import choices_of_parts, shown
from dashboard.render import refuse_others, render
from scorekeeper.metrics.formulas import wilson


async def page(request: Request) -> Response:
    """The last to close first, unless another order is asked for."""

    def load(connection: Connection, filters: Filters) -> dict[str, Any]:
        refuse_others(filters, *TRADES.known, "sort", "order", "after")
        if filters.format != "html":
            return {"rows": every(read_trades, connection, filters)}
        found = read_trades(connection, filters)
        sort, descending = order_of(TRADES, filters)
        return {
            "list": found, "figures": figures_of(found, filters), "sort": sort, **choices_of_parts(),
            "order": "desc" if descending else "asc", "shown": shown(found, filters, PAGE_ROWS),
        }  # fmt: skip

    return await render(request, "trades.html", load)


def figures_of(found: Page[TradeRow], filters: Filters) -> list[Figure]:
    """What all trades of the selection come to; nothing where there are none, or too many to add up for one look."""
    if found.sums is None or not found.count:
        return []
    n, sums = found.count, found.sums
    won = wilson(sums.winners, n)

    def rows(**changes: Any) -> str:
        return "trades?" + filters.query(**{"sort": None, "order": None, "after": None, **changes})

    both = (won[0], won[1]) if won else None
    return [
        Figure("total_pnl_pct", "Total P&L", sums.sum_pct, "%", None, n, None, rows()),
        Figure("expectancy_pct", "Mean P&L of a trade", sums.sum_pct / n, "%", None, n, None, rows(), digits=3),
        Figure(
            "win_rate", "Win rate", 100 * sums.winners / n, "%", both, n, None, rows(), "trades",
            "if trades are independent", 1,
        ),
    ]  # fmt: skip
