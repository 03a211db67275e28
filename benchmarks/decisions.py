"""Decision files as multi-agent systems write them, drawn from a seed: how many symbols and agents, and how uneven."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
LAST = FIRST + timedelta(days=60)
ACTIONS = ("BUY", "SELL", "HOLD")
REASONS = (
    "Momentum turned up on rising volume, and the order book is thin above.",
    "Funding is stretched and the last three highs were sold into.",
    "No edge: the agents disagree, and the range has not been left.",
)


@dataclass(frozen=True)
class Shape:
    """What the decisions are like; `hot`: the part of them that is of the first symbol, the others share the rest."""

    symbols: int = 500
    agents: int = 5
    hot: float = 0.0
    seed: int = 1


def draw_lines(count: int, shape: Shape, *, mark: int = 0) -> Iterator[bytes]:
    """`count` decisions, a JSON text each, in order of time; another `mark` gives the same ones other texts.

    About a third are HOLD. What differs between marks is white space: the decisions are known, the bytes are not.
    """
    dice = random.Random(shape.seed)  # noqa: S311 - figures, no secret
    step = (LAST - FIRST) / max(count, 1)
    agents = [f"agent_{number:02d}" for number in range(shape.agents)]
    separators = (",", ": " + " " * mark)
    for number in range(count):
        which = 0 if dice.random() < shape.hot else dice.randrange(shape.symbols)
        price = round(100 * (1 + which % 97) * dice.uniform(0.9, 1.1), 2)
        action = dice.choice(ACTIONS)
        sign = {"BUY": 1, "SELL": -1}.get(action, 0)
        decision = {
            "trade_id": f"S{which}USDT-{number:08d}",
            "timestamp": (FIRST + number * step).isoformat(),
            "symbol": f"S{which}USDT",
            "interval": "1h",
            "type": action,
            "price": price,
            "confidence": dice.randrange(40, 100),
            "reason": REASONS[number % len(REASONS)],
            "stop_loss": round(price * (1 - sign * 0.02), 2) if sign else None,
            "take_profit": round(price * (1 + sign * 0.04), 2) if sign else None,
            "agent_analyses": {
                agent: {"signal": dice.choice(("BUY", "SELL", "NEUTRAL")), "confidence": dice.randrange(30, 100)}
                for agent in agents
            },
        }
        yield json.dumps(decision, separators=separators).encode()
