"""Renders the lines of the log and of the dataset from rows of the database."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from scorekeeper.metrics.formulas import iso
from scorekeeper.safe_text import escape_controls

LONGEST_REASON = 500


def log_line(row: Mapping[Any, Any]) -> str | None:
    """The line of an event in the log, without its line end; None for an event that has none there."""
    if row["kind"] == "metrics":
        return str(row["log_line"])
    name = f"{escape_controls(row['action'])} {escape_controls(row['symbol'])}"
    trade_id = escape_controls(row["trade_id"])
    if row["kind"] == "decision":
        confidence = "n/a" if row["confidence"] is None else f"{row['confidence']:g}%"
        price = "n/a" if row["price"] is None else repr(row["price"])
        said = f" - {_cut(escape_controls(row['reason']))}" if row["reason"] else ""
        return f"[{iso(row['opened_at'])}] DECISION: {name} @ {price} (Confidence: {confidence}){said} [{trade_id}]"
    if row["kind"] == "outcome":
        outcome = "PROFIT" if row["pnl_pct"] > 0 else "LOSS" if row["pnl_pct"] < 0 else "BREAKEVEN"
        return (
            f"[{iso(row['exit_time'])}] OUTCOME: {outcome} on {name}: {row['pnl_pct']:+.2f}% "
            f"(net {row['net_pnl_pct']:+.2f}%), Entry: {row['price']!r}, Exit: {row['exit_price']!r}, "
            f"{row['exit_reason']} after {_minutes(row['opened_at'], row['exit_time']):.1f} min [{trade_id}]"
        )
    return None


def dataset_record(row: Mapping[Any, Any]) -> dict[str, Any] | None:
    """The dataset's record of an event, with what was known then; None for an event that has none there.

    A simple count of records is right: a trade has one record `active` and at most one `completed`, which holds the
    horizon return if that was known by then. A decision that opens no trade has one record `hold` instead. A horizon
    return that becomes known later is a record `horizon`, without the exit. Lines of form 1, of an older release, may
    be `completed` twice, and for a HOLD.
    """
    if row["kind"] == "metrics":
        return None
    closed = row["closed"]

    def if_closed(name: str) -> Any:
        return row[name] if closed else None

    agents = {
        agent: {"confidence": confidence, "signal": signal, **(extra or {})}
        for agent, signal, confidence, extra in row["agents"] or ()
    }
    record = {
        "trade_id": row["trade_id"],
        "timestamp": iso(row["opened_at"]),
        "version": row["version"],
        "symbol": row["symbol"],
        "interval": row["bar_interval"],
        "action": row["action"],
        "confidence": row["confidence"],
        "entry_price": row["price"],
        "reason": row["reason"],
        "status": _status(row),
        "agent_contributions": agents,
        "exit_price": if_closed("exit_price"),
        "exit_time": iso(if_closed("exit_time")),
        "pnl_pct": if_closed("pnl_pct"),
        "hold_time_minutes": _minutes(row["opened_at"], row["exit_time"]) if closed else None,
        "is_profitable": row["pnl_pct"] > 0 if closed else None,
        "net_pnl_pct": if_closed("net_pnl_pct"),
        "exit_reason": if_closed("exit_reason"),
        "price_source": if_closed("price_source"),
        "mfe_pct": if_closed("mfe_pct"),
        "mae_pct": if_closed("mae_pct"),
        "horizon_return_pct": row["horizon_return_pct"] if row["horizon_known"] else None,
        "stop_loss": row["stop_loss"],
        "take_profit": row["take_profit"],
        "trailing_stop_pct": row["trailing_stop_pct"],
        "price_suspect": row["price_suspect"],
        "late": row["late"],
        **({"closes": row["closes"]} if row["closes"] else {}),
        # Across a split: what the decision's prices are multiplied by, to be in the units of exit and horizon.
        **({} if (scale := row.get("price_scale")) is None else {"price_scale": scale}),
    }
    if row["form"] == 1:
        return record
    return record | {
        "received_at": iso(row["received_at"]),
        "expires_at": iso(row["expires_at"]),
        "horizon_price": row["horizon_price"] if row["horizon_known"] else None,
    }


def _status(row: Mapping[Any, Any]) -> str:
    if row["form"] == 1:
        return "active" if row["direction"] and not row["closed"] else "completed"
    if row["kind"] == "decision":
        return "active" if row["direction"] else "hold"
    return "completed" if row["closed"] else "horizon"


def dataset_line(row: Mapping[Any, Any]) -> str | None:
    """The line of an event in the dataset: ASCII, without its line end; None for an event that has none there."""
    record = dataset_record(row)
    return None if record is None else json.dumps(record, allow_nan=False)


def _minutes(opened_at: datetime, exit_time: datetime) -> float:
    return (exit_time - opened_at).total_seconds() / 60


def _cut(words: str) -> str:
    return words if len(words) <= LONGEST_REASON else words[: LONGEST_REASON - 1] + "…"
