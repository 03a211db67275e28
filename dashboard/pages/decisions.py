"""/decisions: every decision of a selection, HOLD too, with what became of the price by its expiry."""

from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from dashboard.data.filters import Filters
from dashboard.data.lists import DECISIONS, PAGE_ROWS, every, order_of, read_decisions
from dashboard.data.rows import DecisionRow
from dashboard.pages.listing import choices_of_parts, shown
from dashboard.render import refuse_others, render


async def page(request: Request) -> Response:
    """The last one first, unless another order is asked for."""

    def load(connection: Connection, filters: Filters) -> dict[str, Any]:
        refuse_others(filters, *DECISIONS.known, "sort", "order", "after")
        if filters.format != "html":
            return {"rows": every(read_decisions, connection, filters)}
        found = read_decisions(connection, filters)
        sort, descending = order_of(DECISIONS, filters)
        return {
            "list": found, "sort": sort, "order": "desc" if descending else "asc",
            "shown": shown(found, filters, PAGE_ROWS), "verdicts": [judge(row, filters) for row in found.rows],
            **choices_of_parts(),
        }  # fmt: skip

    return await render(request, "decisions.html", load)


def judge(row: DecisionRow, filters: Filters) -> str:
    """What the price said of the call by the expiry: of the agent's that the filters name, else of the system's."""
    way = row.direction if filters.agent is None else row.said_direction
    if row.horizon_return_pct is None:
        return "not known yet"
    if not way:
        return "no call"
    if row.horizon_return_pct == 0:
        return "the price stood still"
    return "right" if way * row.horizon_return_pct > 0 else "wrong"
