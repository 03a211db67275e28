"""A decision that was just stored, as select_events_to_publish gives it: for its lines, without asking the database."""

import json
from datetime import datetime
from typing import Any

from scorekeeper.decisions.decision import Decision

FORM = "2"  # of the lines that are rendered from it; the database says which one a new event has


def as_event(decision: Decision, received_at: datetime, agents: str | None = None) -> dict[str, Any]:
    """The row of the event `decision` of a stored decision, with its line number and form left out.

    `agents`: what the database says that its agents said, as JSON; None if no agent said more than its signal.
    """
    return {
        "kind": "decision", "form": int(FORM), "horizon_known": False, "price_suspect": None, "closed": False,
        "trade_id": decision.trade_id, "opened_at": decision.opened_at, "version": decision.version,
        "symbol": decision.symbol, "bar_interval": decision.bar_interval, "action": decision.action,
        "direction": decision.direction, "confidence": decision.confidence, "price": decision.price,
        "reason": decision.reason, "stop_loss": decision.stop_loss, "take_profit": decision.take_profit,
        "trailing_stop_pct": decision.trailing_stop_pct, "late": received_at > decision.expires_at,
        "received_at": received_at, "expires_at": decision.expires_at,
        "closes": None if decision.closes is None else list(decision.closes),
        "agents": _said(decision) if agents is None else json.loads(agents),
    }  # fmt: skip


def _said(decision: Decision) -> list[tuple[str, str, float | None, None]]:
    return [(one.agent, one.signal, _as_json(one.confidence), None) for one in decision.signals]


def _as_json(number: float | None) -> float | None:
    """A number as it comes back from the database's JSON: a whole one without its decimals."""
    return int(number) if number is not None and number.is_integer() else number
