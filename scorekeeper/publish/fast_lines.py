"""The lines of an event, log and dataset together, from its row as a tuple: the bytes that publish/lines.py defines.

lines.py makes a dictionary of each record and has it encoded. For hundreds of thousands of records that takes most of
the time of a publication, so here the text of a record is put together at once. Lines of an older form are left to
lines.py.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from json.encoder import encode_basestring_ascii
from math import isfinite
from typing import Any

from scorekeeper.metrics.formulas import iso
from scorekeeper.publish.lines import dataset_line, log_line

# The columns of select_events_to_publish, in order.
COLUMNS = (
    "line_no", "kind", "form", "log_line", "horizon_known", "price_suspect", "trade_id", "opened_at", "version",
    "symbol", "bar_interval", "action", "direction", "confidence", "price", "reason", "stop_loss", "take_profit",
    "trailing_stop_pct", "late", "received_at", "expires_at", "horizon_price", "horizon_return_pct", "closed",
    "exit_time", "exit_price", "exit_reason", "price_source", "pnl_pct", "net_pnl_pct", "mfe_pct", "mae_pct", "closes",
    "agents", "price_scale",
)  # fmt: skip
_FLAGS = {None: "null", True: "true", False: "false"}
_encode = json.JSONEncoder(allow_nan=False).encode


def render_log(row: Sequence[Any]) -> bytes | None:
    """The line in the log, with its line end; None if the event has none there."""
    if row[1] == "horizon":
        return None
    return _with_end(log_line(dict(zip(COLUMNS, row, strict=True))))


def render_dataset(row: Sequence[Any]) -> bytes | None:
    """The line in the dataset, with its line end; None if the event has none there."""
    (
        _, kind, form, _, horizon_known, price_suspect, trade_id, opened_at, version, symbol, bar_interval, action,
        direction, confidence, price, reason, stop_loss, take_profit, trailing_stop_pct, late, received_at, expires_at,
        horizon_price, horizon_return_pct, closed, exit_time, exit_price, exit_reason, price_source, pnl_pct,
        net_pnl_pct, mfe_pct, mae_pct, closes, agents, price_scale,
    ) = row  # fmt: skip
    if kind == "metrics" or form == 1:
        return _with_end(dataset_line(dict(zip(COLUMNS, row, strict=True))))
    opening, later = ("active" if direction else "hold"), ("completed" if closed else "horizon")
    status = opening if kind == "decision" else later
    if closed:
        outcome = (
            f'"exit_price": {_number(exit_price)}, "exit_time": {_time(exit_time)}, "pnl_pct": {_number(pnl_pct)}, '
            f'"hold_time_minutes": {_number((exit_time - opened_at).total_seconds() / 60)}, '
            f'"is_profitable": {_FLAGS[pnl_pct > 0]}, "net_pnl_pct": {_number(net_pnl_pct)}, '
            f'"exit_reason": {_text(exit_reason)}, "price_source": {_text(price_source)}, '
            f'"mfe_pct": {_number(mfe_pct)}, "mae_pct": {_number(mae_pct)}'
        )
    else:
        outcome = _OPEN
    horizon = _number(horizon_return_pct if horizon_known else None)
    more = f'"closes": {_encode(closes)}, ' if closes else ""
    if price_scale is not None:
        more += f'"price_scale": {_number(price_scale)}, '
    return (
        f'{{"trade_id": {_text(trade_id)}, "timestamp": {_time(opened_at)}, "version": {_text(version)}, '
        f'"symbol": {_text(symbol)}, "interval": {_text(bar_interval)}, "action": {_text(action)}, '
        f'"confidence": {_number(confidence)}, "entry_price": {_number(price)}, "reason": {_text(reason)}, '
        f'"status": "{status}", "agent_contributions": {{{", ".join([_agent(one) for one in agents or ()])}}}, '
        f'{outcome}, "horizon_return_pct": {horizon}, "stop_loss": {_number(stop_loss)}, '
        f'"take_profit": {_number(take_profit)}, "trailing_stop_pct": {_number(trailing_stop_pct)}, '
        f'"price_suspect": {_FLAGS[price_suspect]}, "late": {_FLAGS[late]}, {more}'
        f'"received_at": {_time(received_at)}, "expires_at": {_time(expires_at)}, '
        f'"horizon_price": {_number(horizon_price if horizon_known else None)}}}\n'
    ).encode()


_OPEN = ", ".join(
    f'"{name}": null'
    for name in (
        "exit_price", "exit_time", "pnl_pct", "hold_time_minutes", "is_profitable", "net_pnl_pct", "exit_reason",
        "price_source", "mfe_pct", "mae_pct",
    )
)  # fmt: skip


def _with_end(line: str | None) -> bytes | None:
    return None if line is None else line.encode() + b"\n"


def _agent(said: Sequence[Any]) -> str:
    agent, signal, confidence, extra = said
    if extra:
        return f"{_text(agent)}: {_encode({'confidence': confidence, 'signal': signal, **extra})}"
    return f'{_text(agent)}: {{"confidence": {_number(confidence)}, "signal": {_text(signal)}}}'


def _text(words: str | None) -> str:
    return "null" if words is None else encode_basestring_ascii(words)


def _number(value: float | None) -> str:
    """Raises ValueError for a number that JSON does not have."""
    if value is None:
        return "null"
    if not isfinite(value):
        raise ValueError(f"{value!r} is no number of JSON")
    return repr(value)


def _time(moment: datetime) -> str:
    return f'"{iso(moment)}"'
