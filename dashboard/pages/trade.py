"""/trade?id=: one decision, what the market did, what each agent had said, and what was known when."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from dashboard.data.filters import FilterError, Filters
from dashboard.data.trade import TradeStory, read_trade
from dashboard.render import NotThereError, refuse_others, render
from dashboard.shown import brief
from dashboard.story import candle_chart, held_costs, moments_of, said_chart, summary


async def page(request: Request) -> Response:
    """The story of one decision, by its id."""

    def load(connection: Connection, filters: Filters) -> dict[str, Any]:
        refuse_others(filters, "id")
        if filters.id is None:
            raise FilterError("id", "", "the id of a decision (trade?id=…)")
        story = read_trade(connection, filters, filters.id)
        if story is None:
            then = "" if filters.as_of is None else " at that time"
            raise NotThereError(f"No decision with the id {brief(filters.id, 80)} is known{then}.")
        return context(story, filters)

    return await render(request, "trade.html", load)


def context(story: TradeStory, filters: Filters) -> dict[str, Any]:
    """What the template shows; `rows` is the decision as CSV and JSON have it."""
    row = story.row
    agent_link: Callable[[str], str] = lambda name: filters.link("agent", name=name)  # noqa: E731
    return {
        "story": story,
        "row": row,
        "summary": summary(story),
        "held": held_costs(story),
        "near_chart": candle_chart(story, near=True) if story.near else None,
        "candle_chart": candle_chart(story) if story.candles else None,
        "said_chart": said_chart(story, agent_link) if story.signals else None,
        "known": moments_of(story, filters.as_of),
        "previous": _link(filters, story.previous_id),
        "next": _link(filters, story.next_id),
        "earliest": _earliest(story),
        "rows": [{**row, "signals": [vars(one) for one in story.signals]}],
    }


def _link(filters: Filters, trade_id: str | None) -> str | None:
    return None if trade_id is None else filters.link("trade", id=trade_id)


def _earliest(story: TradeStory) -> datetime | None:
    return story.candles[0].minute_at if story.candles else None
