"""Random universes: decisions, candles with every awkwardness, and when somebody looks."""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.reference import MINUTE, RefCandle, RefDecision

START = datetime(2025, 5, 30, 22, 0, tzinfo=UTC)  # a month's end within: candle partitions are crossed
MINUTES = 360
HOLD_MINUTES = 60
FEE_BPS = 10
_DIRECTIONS = {"BUY": 1, "BULLISH": 1, "SELL": -1, "BEARISH": -1}


@dataclass
class Universe:
    seed: int
    candles: dict[str, list[RefCandle]] = field(default_factory=dict)
    decisions: list[dict[str, Any]] = field(default_factory=list)
    closes: list[tuple[str, datetime]] = field(default_factory=list)
    schedule: list[datetime] = field(default_factory=list)
    end: datetime = START + (MINUTES + 90) * MINUTE


def make_universe(seed: int) -> Universe:
    chance = random.Random(seed)
    universe = Universe(seed)
    for symbol in chance.sample(["BTC/USDT", "ETH/USDT", "SOL/USDT", "ADA/USDT"], chance.randint(1, 3)):
        universe.candles[symbol] = _candles(chance)
    for number in range(chance.randint(1, 40)):
        universe.decisions.append(_decision(chance, universe, number))
    for decision in universe.decisions:
        if decision["type"] in ("BUY", "SELL") and chance.random() < 0.25:
            opened = datetime.fromisoformat(decision["timestamp"])
            at = (opened + timedelta(minutes=chance.randint(1, 90))).replace(second=0, microsecond=0)
            universe.closes.append((decision["trade_id"], at))
    looks = chance.choice([0, 1, 5, 40])
    universe.schedule = sorted(START + chance.randint(0, MINUTES + 80) * MINUTE for _ in range(looks))
    return universe


def _candles(chance: random.Random) -> list[RefCandle]:
    candles = []
    price, digits = chance.choice([100.0, 96_000.0, 1.0]), chance.choice([1, 2, 5])
    step = price * chance.choice([0.0005, 0.002, 0.01])
    digits = max(digits, 4 if price < 10 else 0)
    minute = START + chance.randint(0, 20) * MINUTE
    density = chance.choice([1.0, 0.9, 0.4, 0.05])
    silent_until = minute
    while minute < START + MINUTES * MINUTE:
        if chance.random() < 0.01:
            silent_until = minute + chance.randint(2, 90) * MINUTE
        if minute >= silent_until and chance.random() < density:
            opened = round(price + chance.choice([0, 0, step, -step]), digits)
            closed = opened if chance.random() < 0.2 else round(max(step, opened + chance.gauss(0, step)), digits)
            spike = step * chance.choice([0, 0, 0.5, 1, 8])
            high = round(max(opened, closed) + spike * chance.random(), digits)
            low = round(max(step / 10, min(opened, closed) - spike * chance.random()), digits)
            low = min(low, opened, closed) if low > 0 else min(opened, closed)
            candles.append(RefCandle(minute, opened, high, low, closed, chance.choice([0.0, 1.5])))
            price = closed
        minute += MINUTE
    return candles or [RefCandle(START, 10.0, 10.0, 10.0, 10.0, 1.0)]


def _decision(chance: random.Random, universe: Universe, number: int) -> dict[str, Any]:
    symbol = chance.choice(sorted(universe.candles))
    candles = universe.candles[symbol]
    opened = START + timedelta(minutes=chance.randint(0, MINUTES - 1))
    opened += chance.choice([timedelta(), timedelta(seconds=chance.randint(1, 59)), timedelta(microseconds=1)])
    before = [c for c in candles if c.minute_at + MINUTE <= opened] or candles[:1]
    price = before[-1].close
    if chance.random() < 0.3:
        price = round(price * (1 + chance.gauss(0, 0.005)), 6)
    if chance.random() < 0.1:
        price = round(price * chance.choice([0.5, 1.5, 1.06, 0.94]), 6)
    action = chance.choice(["BUY", "BUY", "SELL", "SELL", "HOLD", "CONFLICTED"])
    decision: dict[str, Any] = {
        "trade_id": f"t{number:03d}",
        "symbol": chance.choice([symbol, symbol.replace("/", ""), symbol.replace("/", "-")]),
        "type": action,
        "price": price,
        "timestamp": opened.isoformat(),
        "version": chance.choice(["v1", "v2"]),
        "confidence": chance.choice([0, 50, 62.125, 100]),
        "agent_analyses": {
            f"Agent{a}": {
                "signal": chance.choice(["BUY", "SELL", "NEUTRAL", "BULLISH", "BEARISH"]),
                **({"confidence": chance.choice([0, 33.3, 70, 100])} if chance.random() < 0.8 else {}),
            }
            for a in range(chance.randint(0, 4))
        },
    }
    if action in ("HOLD", "CONFLICTED") and chance.random() < 0.3:
        del decision["price"]
    way = _DIRECTIONS.get(action, 0)
    far = chance.choice([0.0005, 0.003, 0.02])
    if way and chance.random() < 0.6:
        decision["stop_loss"] = round(price * (1 - way * far), 6)
    if way and chance.random() < 0.6:
        decision["take_profit"] = round(price * (1 + way * far * chance.choice([1, 2])), 6)
    if chance.random() < 0.5:
        trailing = chance.choice([0.05, 0.1, 0.3, 0.7, 1.9, 12.5, 99.5])
        decision["trailing_stop_pct"] = trailing
        if way and chance.random() < 0.2:
            decision["stop_loss"] = price * (1 - way * trailing / 100)  # to the bit where the trailing level begins
    hold = chance.choice([None, None, 1, 0.5, 7, 61.5, 180])
    if hold is not None:
        decision["max_hold_minutes"] = hold
    return decision


def to_ref(decision: dict[str, Any], close_requested_at: datetime | None) -> RefDecision:
    opened = datetime.fromisoformat(decision["timestamp"])
    symbol = decision["symbol"].replace("-", "/")
    symbol = symbol if "/" in symbol else f"{symbol.removesuffix('USDT')}/USDT"
    return RefDecision(
        trade_id=decision["trade_id"],
        symbol=symbol,
        version=decision["version"],
        direction=_DIRECTIONS.get(decision["type"], 0),
        price=decision.get("price"),
        opened_at=opened,
        expires_at=opened + timedelta(minutes=decision.get("max_hold_minutes", HOLD_MINUTES)),
        stop_loss=decision.get("stop_loss"),
        take_profit=decision.get("take_profit"),
        trailing_stop_pct=decision.get("trailing_stop_pct"),
        fee_bps=FEE_BPS,
        close_requested_at=close_requested_at,
        signals={
            agent: (_DIRECTIONS.get(said["signal"], 0), said.get("confidence"))
            for agent, said in decision["agent_analyses"].items()
        },
    )


def write_replay(universe: Universe, folder: Path) -> None:
    for symbol, candles in universe.candles.items():
        rows = ["timestamp,open,high,low,close,volume"]
        for c in candles:
            stamp = int(c.minute_at.timestamp()) * 1000
            rows.append(f"{stamp},{c.open!r},{c.high!r},{c.low!r},{c.close!r},{c.volume!r}")
        (folder / f"{symbol.replace('/', '-')}.csv").write_text("\n".join(rows) + "\n")
