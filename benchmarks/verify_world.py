"""An installation that has lived through decisions: files, candles, settlement, score, log, dataset, what is learned.

All of it is made by the product's own steps from drawn files, so that `verify` finds nothing wrong.
"""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import numpy as np

from scorekeeper.analysis.run import analyze
from scorekeeper.inbox.ingest import ingest_files
from scorekeeper.learning.run import learn
from scorekeeper.metrics.score_update import update_score
from scorekeeper.publish.publish import publish
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from scorekeeper.trades.fetch import fetch_prices
from scorekeeper.trades.settle import settle

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 60
SYMBOLS = 5
AGENTS = 5
A_FILE = 50_000  # decisions
_MINUTES = DAYS * 1_440
_MILLISECOND = timedelta(milliseconds=1)


def build(db: Database, settings: Settings, decisions: int) -> None:
    """Fill an empty installation with `decisions` of five symbols and two versions within 60 days."""
    closes = _write_candles(Path(settings.market.removeprefix("replay:")))
    lines = _draw(decisions, closes)
    for number in range(0, decisions, A_FILE):
        content = b"\n".join(islice(lines, A_FILE))
        (settings.inbox_dir / f"decisions-{number:08d}.jsonl").write_bytes(content + b"\n")
    as_of = FIRST + timedelta(days=DAYS)
    taken = ingest_files(db, settings, received_at=datetime.now(UTC) + timedelta(minutes=1))
    if taken.decisions != decisions or taken.trouble or taken.waiting:
        raise RuntimeError(f"not all came in: {taken.rejections[:1]} {taken.trouble[:1]} {taken.waiting[:1]}")
    with db.begin() as connection:  # as if each had come in when it was made: hindsight teaches nothing
        connection.exec_driver_sql("UPDATE scorekeeper.decision SET received_at = opened_at")
    asyncio.run(fetch_prices(db, settings, as_of, now=as_of, tell=lambda _level, _words: None))
    db.transact(lambda connection: settle(connection, as_of, suspect_price_pct=settings.suspect_price_pct))
    db.transact(lambda connection: update_score(connection, as_of))
    publish(db, log_path=settings.log_path, dataset_path=settings.dataset_path)
    db.transact(lambda connection: analyze(connection, as_of))
    learn(db, as_of)


def _write_candles(folder: Path) -> list[list[float]]:
    """Write a file for each symbol; returns the closes of each minute, by symbol."""
    folder.mkdir(parents=True, exist_ok=True)
    dice = np.random.default_rng(1)
    found = []
    for symbol in range(SYMBOLS):
        closes = 100 * (1 + symbol) * np.exp(np.cumsum(dice.normal(0, 0.0008, _MINUTES + 10)))
        opens = np.concatenate(([closes[0]], closes[:-1]))
        wicks = np.abs(dice.normal(0, 0.0004, (2, len(closes))))
        highs, lows = np.maximum(opens, closes) * (1 + wicks[0]), np.minimum(opens, closes) * (1 - wicks[1])
        start = (FIRST - timedelta(minutes=5) - datetime(1970, 1, 1, tzinfo=UTC)) // _MILLISECOND
        with (folder / f"S{symbol}-USDT.csv").open("w", encoding="utf-8") as file:
            file.write("timestamp,open,high,low,close,volume\n")
            file.writelines(
                f"{start + 60_000 * number},{row[0]!r},{row[1]!r},{row[2]!r},{row[3]!r},1.5\n"
                for number, row in enumerate(zip(*(one.tolist() for one in (opens, highs, lows, closes)), strict=True))
            )
        found.append(closes.tolist())
    return found


def _draw(count: int, closes: list[list[float]]) -> Iterator[bytes]:
    """Decisions in order of time, a JSON text each; a quarter has no stop, a tenth has a stop that trails."""
    dice = np.random.default_rng(2)
    step = timedelta(days=DAYS) / (count + 1)
    for number in range(count):
        moment = FIRST + number * step
        drawn = dice.integers(0, 1_000, 6 + 2 * AGENTS).tolist()
        symbol, action = drawn[0] % SYMBOLS, ("BUY", "SELL", "HOLD")[drawn[1] % 3]
        sign = {"BUY": 1, "SELL": -1}.get(action, 0)
        price = closes[symbol][5 + int((moment - FIRST) / timedelta(minutes=1))]
        decision = {
            "trade_id": f"S{symbol}-{number:08d}", "timestamp": moment.isoformat(), "symbol": f"S{symbol}/USDT",
            "interval": "1h", "type": action, "price": price, "confidence": 40 + drawn[2] % 60,
            "reason": "Momentum turned up on rising volume, and the order book is thin above.",
            "version": f"v{drawn[3] % 2}", "max_hold_minutes": 15 + drawn[4] % 90,
            "agent_analyses": {
                f"agent_{agent}": {
                    "signal": ("BUY", "SELL", "NEUTRAL")[drawn[6 + agent] % 3],
                    "confidence": 30 + drawn[6 + AGENTS + agent] % 70,
                }
                for agent in range(AGENTS)
            },
        }  # fmt: skip
        if sign and drawn[5] % 4:
            decision |= {"stop_loss": price * (1 - sign * 0.004), "take_profit": price * (1 + sign * 0.006)}
        if sign and drawn[5] % 10 == 0:
            decision["trailing_stop_pct"] = 0.5
        yield json.dumps(decision, separators=(",", ":")).encode()
