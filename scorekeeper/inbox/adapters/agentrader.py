"""aGENtrader v2: its dataset, its decision logs, its trade log, and its closed trades.

Read: ProjectTradeAI/aGENtrader_0.2.0, datasets/performance_dataset.jsonl at commit
22363e74c11ee171f7536a3bc6d566d85d46132d; datasets/decision_log_dataset_v2.1.0.jsonl, and closed_trades.jsonl,
trade_log.jsonl and rejected_trades.jsonl of archive/aGENtrader_v2/ at commit 5bf6625c040719d53406e67119bc08afa4548507.
"""

from collections.abc import Iterator
from typing import Any

from scorekeeper.inbox.adapters.base import NOT_ENTERED, Closing, Exit, Found, Lost, Part, given

# What a record says of the trade's end, and not of the decision.
_OUTCOME = {
    "status", "exit_price", "exit_time", "exit_timestamp", "close_reason", "pnl_pct", "pnl_percentage", "pnl_absolute",
    "hold_time_minutes", "trade_duration_hours", "is_profitable", "current_price",
}  # fmt: skip
_RENAMED = {"pair": "symbol", "entry_price": "price", "action": "type", "agent_contributions": "agent_analyses"}


class AGENtrader:
    """See Adapter."""

    name = "agentrader"
    system = "aGENtrader"
    dated_by_file = False

    def recognises(self, document: object) -> bool:
        """See Adapter."""
        if not isinstance(document, dict):
            return False
        names = document.keys()
        if not isinstance(document.get("action"), str):
            return document.get("type") == "trade_close" and "trade_id" in names
        dataset = {"symbol", "entry_price", "timestamp"} <= names and bool({"status", "agent_contributions"} & names)
        trade = {"pair", "timestamp"} <= names and bool({"entry_price", "rejection_reason"} & names)
        return dataset or trade or {"agent", "reason", "timestamp"} <= names

    def read(self, document: Any) -> Iterator[Part]:
        """See Adapter."""
        if document.get("type") == "trade_close":
            closed = Exit(document.get("exit_price"), document.get("timestamp"))
            yield Closing(str(document["trade_id"]), closed)
            return
        if "pair" not in document and not document.get("symbol"):
            yield Lost(f"{document['action']} of {document.get('agent', 'an agent')}", "it names no symbol")
            return
        decision = {
            _RENAMED.get(name, name): value
            for name, value in document.items()
            if name not in _OUTCOME and value is not None
        }
        if agent := decision.pop("agent", None):
            decision["agent_analyses"] = {
                str(agent): given({"signal": decision["type"], "confidence": decision.get("confidence")})
            }
        if "rejection_reason" in decision:
            decision |= {"intended": decision["type"], "type": NOT_ENTERED}
        yield Found(decision, _read_exit(document))


def _read_exit(document: dict[str, Any]) -> Exit | None:
    price, time = document.get("exit_price"), document.get("exit_time") or document.get("exit_timestamp")
    if price is None or time is None:
        return None
    return Exit(price, time, document.get("mfe_pct"), document.get("mae_pct"))
