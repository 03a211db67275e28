"""Many trading systems on one installation, each with decisions of its own, and the exchange that they share."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

START = datetime(2025, 5, 1, tzinfo=UTC)
SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT", "ADA/USDT")
PRICE = 100.0
AGENTS = ("Technical", "Sentiment", "Macro")


def write_system(folder: Path, settings: str = "") -> Path:
    """A system's folder with its `.env`, and its inbox."""
    (folder / "inbox").mkdir(parents=True)
    (folder / ".env").write_text(settings)
    return folder


def decisions(count: int, *, seed: int, start: datetime = START) -> list[dict[str, object]]:
    """Decisions, one a minute, of which BUY and SELL last 30 minutes; other ones for another seed."""
    return [
        {
            "symbol": SYMBOLS[(i + seed) % len(SYMBOLS)], "type": ("BUY", "SELL", "HOLD")[(i + seed) % 3],
            "price": PRICE, "confidence": 50 + (i * 7 + seed) % 50, "max_hold_minutes": 30,
            "timestamp": (start + timedelta(minutes=i)).isoformat(), "reason": f"of system {seed}",
            "agent_analyses": {
                agent: {"signal": ("BUY", "SELL", "HOLD")[(i + k + seed) % 3], "confidence": 60 + k}
                for k, agent in enumerate(AGENTS)
            },
        }
        for i in range(count)
    ]  # fmt: skip


def put_in(inbox: Path, made: Iterable[dict[str, object]], name: str = "decisions.jsonl") -> None:
    """Put decisions into an inbox as a trading system does: written elsewhere, and renamed."""
    written = inbox / f".{name}"
    written.write_text("".join(json.dumps(one) + "\n" for one in made))
    written.rename(inbox / name)
