"""Writes the result of a run into the inbox. With ai-hedge-fund, `run_hedge_fund(...)` returns it."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path


def run_hedge_fund() -> dict[str, object]:
    """A result in the form that ai-hedge-fund returns."""
    return {
        "decisions": {"AAPL": {"action": "buy", "quantity": 10, "confidence": 80.0, "reasoning": "analysts agree"}},
        "analyst_signals": {
            "warren_buffett_agent": {"AAPL": {"signal": "bullish", "confidence": 85, "reasoning": "moat"}},
            "technical_analyst_agent": {"AAPL": {"signal": "neutral", "confidence": 50, "reasoning": {}}},
            "risk_management_agent": {"AAPL": {"remaining_position_limit": 20000.0, "current_price": 200.0}},
        },
    }


now = sys.argv[1] if len(sys.argv) > 1 else datetime.now(UTC).isoformat()
result = run_hedge_fund() | {"timestamp": now}
file = Path("inbox", f"{now.replace(':', '')}.json")
file.with_suffix(".tmp").write_text(json.dumps(result, default=str))
file.with_suffix(".tmp").rename(file)  # a file is read when its name ends in .json
