"""Writes the log of a cycle as nofx does."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

now = datetime.fromisoformat(sys.argv[1]) if len(sys.argv) > 1 else datetime.now(UTC)
said = [
    {"symbol": "BTCUSDT", "action": "open_long", "leverage": 5, "position_size_usd": 500, "stop_loss": 90.0,
     "take_profit": 120.0, "confidence": 85, "risk_usd": 20, "reasoning": "breakout"},
    {"symbol": "ALL", "action": "wait", "reasoning": "nothing else"},
]  # fmt: skip
done = {
    "action": "open_long", "symbol": "BTCUSDT", "quantity": 5.0, "leverage": 5, "price": 100.0, "order_id": 1,
    "timestamp": now.isoformat(), "success": True, "error": "",
}  # fmt: skip
record = {
    "timestamp": now.isoformat(), "cycle_number": 1, "system_prompt": "…", "input_prompt": "…", "cot_trace": "…",
    "decision_json": json.dumps(said), "account_state": {}, "positions": None, "decisions": [done], "success": True,
}  # fmt: skip
folder = Path("decision_logs/binance_trader")
folder.mkdir(parents=True, exist_ok=True)
(folder / f"decision_{now:%Y%m%d_%H%M%S}_cycle1.json").write_text(json.dumps(record, indent=2))
