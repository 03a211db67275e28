"""A generated sample: five agents of different skill, three symbols and their candles; the same for the same seed."""

import gzip
import json
import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from scorekeeper.private_files import make_folder

START = datetime(2025, 5, 5, tzinfo=UTC)
DAYS = 3
HOLD_MINUTES = 60
DECISIONS = 420
LIVE_DAYS = 7
LIVE_HOLD_MINUTES = 2
LIVE_PAUSE_SECONDS = 7
_PRICES = {"BTC/USDT": 96_000.0, "ETH/USDT": 1_820.0, "SOL/USDT": 147.0}


@dataclass(frozen=True)
class Agent:
    """An agent of the sample: its shares of right calls and abstentions (0..1), its range of confidences (0..100)."""

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
    """Write decision files into `inbox` and candle files into `market`. Returns the as_of at which all is decided."""
    chance = random.Random(seed)  # noqa: S311 - a sample that is the same every time, not a secret
    make_folder(inbox)
    make_folder(market)
    for symbol in _PRICES:
        _candle_file(market, symbol).unlink(missing_ok=True)
    closes = {
        symbol: _write_candles(market, symbol, price, chance, START, DAYS * 1_440 + 10)
        for symbol, price in _PRICES.items()
    }
    decisions = [_decide(number, closes, chance) for number in range(DECISIONS)]
    lines = [json.dumps(decision) for decision in decisions]
    half, most = DECISIONS // 2, DECISIONS - 20
    (inbox / "decisions-1.jsonl").write_text("\n".join(lines[:half]) + "\n", encoding="utf-8")
    with (inbox / "decisions-2.jsonl.gz").open("wb") as file, gzip.GzipFile(fileobj=file, mode="wb", mtime=0) as zipped:
        zipped.write(("\n".join(lines[half:most]) + "\n").encode())
    for number, decision in enumerate(decisions[most:]):
        (inbox / f"decision-{number:02d}.json").write_text(json.dumps(decision, indent=2), encoding="utf-8")
    return START + timedelta(days=DAYS)


def write_live_market(folder: Path, now: datetime, seed: int = 7) -> None:
    """Write candle files from two hours before `now` to a week after it, so that prices go on as time passes.

    Existing files are continued where they end: the past of a market does not change.
    """
    chance = random.Random(seed)  # noqa: S311 - a sample, not a secret
    make_folder(folder)
    start = now.replace(second=0, microsecond=0) - timedelta(hours=2)
    end = start + timedelta(days=LIVE_DAYS)
    for symbol, price in _PRICES.items():
        known = _closes(path) if (path := _candle_file(folder, symbol)).exists() else {}
        since = datetime.fromtimestamp(max(known) / 1000, UTC) + timedelta(minutes=1) if known else start
        if known:
            price = known[max(known)]
        _write_candles(folder, symbol, price, chance, since, max(0, (end - since) // timedelta(minutes=1)))


def feed_live(inbox: Path, market: Path) -> None:
    """Write decisions of the last half hour, then a new one every few seconds until an hour before the candles end."""
    chance = random.Random()  # noqa: S311 - a sample, not a secret
    closes = {symbol: _closes(_candle_file(market, symbol)) for symbol in _PRICES}
    end = datetime.fromtimestamp(min(max(known) for known in closes.values()) / 1000, UTC)
    now = datetime.now(UTC)
    past = (now - timedelta(minutes=ago, seconds=chance.randrange(60)) for ago in range(30, 1, -1))
    # Some of these are due now, some in each of the next minutes.
    first = [_decide_live(closes, at, chance.choice((10, 20, 30)), chance) for at in past]
    _drop(inbox, f"history-{now:%Y%m%d-%H%M%S}.jsonl", "".join(json.dumps(one) + "\n" for one in first))
    while now < end - timedelta(hours=1):
        decision = _decide_live(closes, now, LIVE_HOLD_MINUTES, chance)
        _drop(inbox, f"decision-{now:%Y%m%d-%H%M%S}.json", json.dumps(decision, indent=2))
        time.sleep(LIVE_PAUSE_SECONDS)
        now = datetime.now(UTC)


def _decide_live(
    closes: dict[str, dict[int, float]], at: datetime, hold_minutes: int, chance: random.Random
) -> dict[str, Any]:
    symbol = chance.choice(sorted(closes))
    minute = int(at.timestamp()) // 60 * 60_000
    price, later = closes[symbol][minute - 60_000], closes[symbol][minute + hold_minutes * 60_000]
    return _make_decision(symbol, price, later > price, at, chance) | {"max_hold_minutes": hold_minutes}


def _drop(inbox: Path, name: str, content: str) -> None:
    """Write a file under a hidden name and rename it, as decision writers should."""
    part = inbox / f".{name}.part"
    part.write_text(content, encoding="utf-8")
    part.rename(inbox / name)


def _candle_file(folder: Path, symbol: str) -> Path:
    return folder / f"{symbol.replace('/', '-')}.csv"


def _closes(path: Path) -> dict[int, float]:
    rows = (line.split(",") for line in path.read_text(encoding="utf-8").splitlines()[1:])
    return {int(row[0]): float(row[4]) for row in rows}


def _write_candles(
    folder: Path, symbol: str, price: float, chance: random.Random, start: datetime, minutes: int
) -> list[float]:
    """Append `minutes` candles from `start` to a symbol's file. Returns their closes."""
    closes = []
    drift = 0.0
    path = _candle_file(folder, symbol)
    rows = [] if path.exists() else ["timestamp,open,high,low,close,volume"]
    for minute in range(minutes):
        drift = 0.97 * drift + chance.gauss(0, 0.00012)
        opened, price = price, price * (1 + drift + chance.gauss(0, 0.0004))
        high = max(opened, price) * (1 + abs(chance.gauss(0, 0.0002)))
        low = min(opened, price) * (1 - abs(chance.gauss(0, 0.0002)))
        stamp = int((start + timedelta(minutes=minute)).timestamp() * 1000)
        rows.append(f"{stamp},{opened:.6f},{high + 1e-6:.6f},{low - 1e-6:.6f},{price:.6f},{chance.uniform(1, 90):.3f}")
        closes.append(price)
    with path.open("a", encoding="utf-8") as file:
        file.writelines(f"{row}\n" for row in rows)
    return closes


def _decide(number: int, closes: dict[str, list[float]], chance: random.Random) -> dict[str, Any]:
    symbol = chance.choice(sorted(closes))
    minute = 5 + number * (DAYS * 1_440 - HOLD_MINUTES - 20) // DECISIONS
    price = round(closes[symbol][minute], 6)
    rises = closes[symbol][minute + HOLD_MINUTES] > price
    opened = START + timedelta(minutes=minute + 1, seconds=chance.randrange(50))
    return _make_decision(symbol, price, rises, opened, chance)


def _make_decision(symbol: str, price: float, rises: bool, opened: datetime, chance: random.Random) -> dict[str, Any]:
    signals = {agent.name: _signal(agent, rises, chance) for agent in AGENTS}
    votes = {"BUY": 0.0, "SELL": 0.0}
    for one in signals.values():
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
        "timestamp": opened.isoformat(),
        "reason": f"weighted vote: {votes['BUY']:.0f} for BUY, {votes['SELL']:.0f} for SELL",
        "agent_analyses": signals,
    }
    if action != "HOLD" and chance.random() < 0.4:
        way = 1 if action == "BUY" else -1
        decision["stop_loss"] = round(price * (1 - way * 0.008), 6)
        decision["take_profit"] = round(price * (1 + way * 0.012), 6)
    return decision


def _signal(agent: Agent, rises: bool, chance: random.Random) -> dict[str, Any]:
    confidence = chance.randint(*agent.confidence)
    if chance.random() < agent.abstains:
        return {"signal": "NEUTRAL", "confidence": confidence}
    right = chance.random() < agent.skill
    return {"signal": "BUY" if rises == right else "SELL", "confidence": confidence}
