"""A generated, seeded sample: five agents of different skill, three symbols, and the market they spoke about."""

import gzip
import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

START = datetime(2025, 5, 5, tzinfo=UTC)
DAYS = 3
HOLD_MINUTES = 60
DECISIONS = 420
_PRICES = {"BTC/USDT": 96_000.0, "ETH/USDT": 1_820.0, "SOL/USDT": 147.0}


@dataclass(frozen=True)
class Agent:
    """How an agent of the sample speaks: share of right calls, of abstentions, and its confidences 0..100."""

    name: str
    skill: float
    abstains: float
    confidence: tuple[int, int]


AGENTS = (
    Agent("TechnicalAnalystAgent", 0.64, 0.15, (55, 75)),
    Agent("SentimentAnalystAgent", 0.55, 0.25, (50, 70)),
    Agent("LiquidityAnalystAgent", 0.50, 0.40, (45, 65)),
    Agent("FundingRateAnalystAgent", 0.58, 0.50, (50, 80)),
    Agent("OpenInterestAnalystAgent", 0.44, 0.10, (80, 95)),
)


def write_sample(inbox: Path, market: Path, seed: int = 7) -> datetime:
    """Write decision files into `inbox` and candle files into `market`; the as_of at which all is decided."""
    chance = random.Random(seed)  # noqa: S311 - a sample that is the same every time, not a secret
    inbox.mkdir(parents=True, exist_ok=True)
    market.mkdir(parents=True, exist_ok=True)
    closes = {symbol: _write_candles(market, symbol, price, chance) for symbol, price in _PRICES.items()}
    decisions = [_decide(number, closes, chance) for number in range(DECISIONS)]
    lines = [json.dumps(decision) for decision in decisions]
    half, most = DECISIONS // 2, DECISIONS - 20
    (inbox / "decisions-1.jsonl").write_text("\n".join(lines[:half]) + "\n", encoding="utf-8")
    with (inbox / "decisions-2.jsonl.gz").open("wb") as file, gzip.GzipFile(fileobj=file, mode="wb", mtime=0) as zipped:
        zipped.write(("\n".join(lines[half:most]) + "\n").encode())
    for number, decision in enumerate(decisions[most:]):
        (inbox / f"decision-{number:02d}.json").write_text(json.dumps(decision, indent=2), encoding="utf-8")
    return START + timedelta(days=DAYS)


def _write_candles(folder: Path, symbol: str, price: float, chance: random.Random) -> list[float]:
    closes = []
    drift = 0.0
    rows = ["timestamp,open,high,low,close,volume"]
    for minute in range(DAYS * 1_440 + 10):
        drift = 0.97 * drift + chance.gauss(0, 0.00012)
        opened, price = price, price * (1 + drift + chance.gauss(0, 0.0004))
        high = max(opened, price) * (1 + abs(chance.gauss(0, 0.0002)))
        low = min(opened, price) * (1 - abs(chance.gauss(0, 0.0002)))
        stamp = int((START + timedelta(minutes=minute)).timestamp() * 1000)
        rows.append(f"{stamp},{opened:.6f},{high + 1e-6:.6f},{low - 1e-6:.6f},{price:.6f},{chance.uniform(1, 90):.3f}")
        closes.append(price)
    (folder / f"{symbol.replace('/', '-')}.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return closes


def _decide(number: int, closes: dict[str, list[float]], chance: random.Random) -> dict[str, Any]:
    symbol = chance.choice(sorted(closes))
    minute = 5 + number * (DAYS * 1_440 - HOLD_MINUTES - 20) // DECISIONS
    price = round(closes[symbol][minute], 6)
    rises = closes[symbol][minute + HOLD_MINUTES] > price
    said = {agent.name: _say(agent, rises, chance) for agent in AGENTS}
    votes = {"BUY": 0.0, "SELL": 0.0}
    for one in said.values():
        if one["signal"] in votes:
            votes[one["signal"]] += one["confidence"]
    lead = votes["BUY"] - votes["SELL"]
    action = "HOLD" if abs(lead) < 40 else "BUY" if lead > 0 else "SELL"
    decision: dict[str, Any] = {
        "symbol": symbol,
        "interval": "1h",
        "price": price,
        "type": action,
        "confidence": round(min(95.0, 50 + abs(lead) / 6), 1),
        "timestamp": (START + timedelta(minutes=minute + 1, seconds=chance.randrange(50))).isoformat(),
        "reason": f"weighted vote: {votes['BUY']:.0f} for BUY, {votes['SELL']:.0f} for SELL",
        "agent_analyses": said,
    }
    if action != "HOLD" and chance.random() < 0.4:
        way = 1 if action == "BUY" else -1
        decision["stop_loss"] = round(price * (1 - way * 0.008), 6)
        decision["take_profit"] = round(price * (1 + way * 0.012), 6)
    return decision


def _say(agent: Agent, rises: bool, chance: random.Random) -> dict[str, Any]:
    confidence = chance.randint(*agent.confidence)
    if chance.random() < agent.abstains:
        return {"signal": "NEUTRAL", "confidence": confidence}
    right = chance.random() < agent.skill
    return {"signal": "BUY" if rises == right else "SELL", "confidence": confidence}
