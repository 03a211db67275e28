"""/open: what is open now, what it stands at, and how far it is from its exits."""

from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from dashboard.data.filters import Filters
from dashboard.data.lists import every, read_open_trades
from dashboard.data.rows import OpenTrade
from dashboard.render import render

MOST = 200


async def page(request: Request) -> Response:
    """The next to expire first."""

    def load(connection: Connection, filters: Filters) -> dict[str, Any]:
        found = read_open_trades(connection, filters, MOST)
        return {
            "open": found, "places": {one.trade_id: place(one) for one in found.rows},
            "rows": every(read_open_trades, connection, filters),
        }  # fmt: skip

    return await render(request, "open.html", load)


def place(trade: OpenTrade) -> dict[str, float] | None:
    """Where entry and mark lie on the way from the stop (0) to the target (100), between 0 and 100; None without both.

    A trailing stop that has moved beyond the first one counts instead of it.
    """
    stop = trade.trailing_level if trade.trailing_level is not None else trade.stop_loss
    target, mark = trade.take_profit, trade.mark_price
    if stop is None or target is None or mark is None or stop == target:
        return None
    along = {name: 100 * (at - stop) / (target - stop) for name, at in (("entry", trade.entry_price), ("mark", mark))}
    return {name: round(min(100.0, max(0.0, share)), 1) for name, share in along.items()}
