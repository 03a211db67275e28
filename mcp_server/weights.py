"""What was learned of weights as an answer: a page of agents, and what holds for all of them. Pure."""

from typing import Any

from mcp_server import schemas
from mcp_server.fitting import Document, fit_page, write_cursor
from mcp_server.quoted import show_name

NOTHING = "Nothing was learned then: it takes decisions whose outcome is known, and a run of scorekeeper learn."


def page_weights(told: dict[str, Any], limit: int, after: str | None) -> Document:
    """A page of at most `limit` agents with a name after `after`. `told`: what `tell_weights` says; empty: nothing."""
    fields = schemas.WEIGHTS["properties"]
    every = sorted(told.get("agents", {}).items())
    rest = [(name, one) for name, one in every if after is None or name > after]
    head = {name: told.get(name) for name in fields} | {
        "version": show_name(told["version"]) if told else None,
        "sentence": told.get("sentence", NOTHING), "count": len(every),
        "probability_beta": told.get("probability", {}).get("beta"),
        **{
            part: {name: told.get(part, {}).get(name) for name in fields[part]["properties"]}
            for part in ("evidence", "fees")
        },
    }  # fmt: skip

    def page(n: int) -> Document:
        more = rest[n - 1][0] if len(rest) > n else None
        return head | {"agents": [_agent(name, one) for name, one in rest[:n]], "next_cursor": write_cursor(more)}

    return fit_page(page, "agents", limit)


def _agent(name: str, one: dict[str, Any]) -> Document:
    fitted = one["recalibration"] or {}
    return {
        "agent": show_name(name),
        **{key: value for key, value in one.items() if key != "recalibration"},
        "recalibration_a": fitted.get("a"),
        "recalibration_b": fitted.get("b"),
    }
