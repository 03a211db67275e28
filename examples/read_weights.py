"""How a trading system reads agent_weights.json: equal weights where it is missing, broken, of another form or stale.

Nothing but Python's standard library. Run it: python examples/read_weights.py datasets/agent_weights.json
"""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path


def read_weights(path: Path, now: datetime) -> tuple[dict[str, float], str]:
    """The weight of each agent that is to be used, none for equal weights, and why."""
    try:
        file = json.loads(path.read_text(encoding="utf-8"))
        if file["format"] != 1:
            return {}, f"equal weights: format {file['format']} is not known here"
        if now >= datetime.fromisoformat(file["valid_until"]):
            return {}, f"equal weights: what was learned was valid until {file['valid_until']}"
        return {name: float(one["weight_in_use"]) for name, one in file["agents"].items()}, str(file["sentence"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return {}, f"equal weights: {type(error).__name__} of {path.name}"


def vote(weights: dict[str, float], calls: dict[str, tuple[int, float | None]]) -> str:
    """BUY, SELL or HOLD. `calls`: each agent's direction (+1, 0, -1) and confidence (0 to 100, or None)."""
    total = sum(
        weights.get(agent, 1.0) * direction * (50.0 if confidence is None else confidence)
        for agent, (direction, confidence) in calls.items()
    )
    return "HOLD" if abs(total) <= 1e-9 else "BUY" if total > 0 else "SELL"


if __name__ == "__main__":
    weights, why = read_weights(Path(sys.argv[1]), datetime.now(UTC))
    print(why)
    print(vote(weights, {"TechnicalAnalystAgent": (+1, 80.0), "SentimentAnalystAgent": (-1, None)}))
