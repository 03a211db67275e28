"""`scorekeeper backtest` over minutes of three symbols, a command, beside freqtrade's backtesting of the same trades.

Candles and decisions are drawn from a seed, in files as a user has them: CSV and JSONL for Scorekeeper, and freqtrade's
own feather files. freqtrade enters at the same minutes, with the same stop, target and longest hold
(benchmarks/freqtrade/entering.py), and runs in the project of the oracles. Both are processes from their start to their
end and take turns. What Postgres computes meanwhile is told beside it.
"""

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import psutil

from benchmarks.database import ROOT
from benchmarks.result import Figure, Run, Target, Timed, open_console
from benchmarks.startup import COMMAND, environment, start
from scorekeeper.store import embedded

DECISIONS = 100_000
DAYS_OF = 365  # for so many decisions; fewer decisions take fewer days
REPEATS = 3
AGENTS = 5
SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
FIRST = datetime(2025, 1, 1, tzinfo=UTC)
WARM_UP = 60  # minutes before the first decision
IN_A_FILE = 10_000
HOLD = 14  # minutes
OURS, PEER = "scorekeeper backtest", "freqtrade backtesting"
PYTHON = ("uv", "run", "--quiet", "--project", "tests/oracles", "python")


@dataclass(frozen=True)
class World:
    """Folders with the files of both, and the end of the period."""

    folder: Path
    until: datetime


def run(sizes: Sequence[int], repeats: int, output: Path) -> None:
    """Draw and backtest each number of decisions; print the table."""
    console = open_console()
    result = Run(
        "backtest", f"backtests of minutes of {len(SYMBOLS)} symbols, {AGENTS} signals a decision", PEER, "decisions",
        {"size": list(sizes), "repeats": repeats, "days_of_100000": DAYS_OF},
    )  # fmt: skip
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="scorekeeper-benchmark-") as folder:
            with console.status(f"candles and {size:,} decisions"):
                world = draw(Path(folder), size)
            with console.status(f"backtests of {size:,} decisions"):
                ours, peer = measure(world, size, repeats)
        _add(result, ours, peer, size)
    result.finish(console, output)


def _add(result: Run, ours: dict[str, list[float]], peer: dict[str, list[float]], size: int) -> None:
    theirs = Timed(PEER, size, peer["seconds"], size)
    mine = Timed(OURS, size, ours["seconds"], size)
    result.add(theirs)
    result.add(mine, mine.median / theirs.median, Target(Figure.TIME, 0.5))
    if size == DECISIONS:
        result.add(mine, mine.median / theirs.median, Target(Figure.SECONDS, 20))
    yardstick = Timed(f"{PEER}: CPU", size, peer["cpu"], size)
    result.add(yardstick)
    for part in ("cpu", "postgres", "both"):
        one = Timed(f"{OURS}: CPU{'' if part == 'cpu' else f', {part}'}", size, ours[part], size)
        result.add(one, one.median / yardstick.median)


def measure(world: World, size: int, repeats: int) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Seconds and CPU seconds of each repetition, of ours and of freqtrade; the two take turns."""
    ours: dict[str, list[float]] = {"seconds": [], "cpu": [], "postgres": [], "both": []}
    peer: dict[str, list[float]] = {"seconds": [], "cpu": []}
    home = world.folder / "home"
    lease = embedded.acquire(home)  # the server runs already, as it does under `scorekeeper up`
    try:
        for _ in range(repeats):
            seconds, cpu = _run_peer(world, size)
            peer["seconds"].append(seconds)
            peer["cpu"].append(cpu)
            before = _server_seconds(home)
            given = environment(SCOREKEEPER_HOME=str(home), MARKET=f"replay:{world.folder / 'market'}", FEE_BPS="10")
            given.pop("DATABASE_URL", None)
            words = ["backtest", str(world.folder / "log"), "--from", f"{FIRST:%F}", "--to", world.until.isoformat()]
            seconds, cpu = start([*COMMAND, *words, "--json"], given)
            ours["seconds"].append(seconds)
            ours["cpu"].append(cpu)
            ours["postgres"].append(_server_seconds(home) - before)
            ours["both"].append(ours["cpu"][-1] + ours["postgres"][-1])
    finally:
        lease.release()
    return ours, peer


def _run_peer(world: World, size: int) -> tuple[float, float]:
    """freqtrade's seconds and CPU seconds. Raises RuntimeError if it does not make about as many trades."""
    before = os.times()
    began = time.perf_counter()
    done = subprocess.run(  # noqa: S603 - our own program
        [*PYTHON, "-m", "benchmarks.backtest_peer", str(world.folder / "peer")],
        cwd=ROOT, env=environment(ENTRIES=str(world.folder / "peer")), capture_output=True, text=True, check=False,
    )  # fmt: skip
    seconds, after = time.perf_counter() - began, os.times()
    if done.returncode:
        raise RuntimeError(f"{PEER}: {done.stderr.strip()[-500:]}")
    trades = json.loads(done.stdout.splitlines()[-1])["trades"]
    if not 0.98 * size <= trades <= size:
        raise RuntimeError(f"{PEER} made {trades} trades of {size} decisions")
    return seconds, after.children_user + after.children_system - before.children_user - before.children_system


def _server_seconds(home: Path) -> float:
    """CPU seconds of the embedded server so far, its ended processes among them."""
    [note] = (home / "postgres").glob("**/postmaster.pid")
    server = psutil.Process(int(note.read_text().split()[0]))
    return sum(sum(process.cpu_times()[:2]) for process in server.children()) + sum(server.cpu_times()[:4])


def draw(folder: Path, size: int) -> World:
    """Write candles, decisions and what freqtrade reads."""
    minutes = WARM_UP + 60 + size * DAYS_OF * 1_440 // DECISIONS
    for name in ("market", "log", "peer"):
        (folder / name).mkdir()
    dice = np.random.default_rng(1)
    stamps = int(FIRST.timestamp() * 1000) + 60_000 * np.arange(minutes)
    step = (minutes - WARM_UP - 60) / size
    at = WARM_UP + (np.arange(size) * step).astype(int)
    which = np.arange(size) % len(SYMBOLS)
    prices = np.empty(size)
    for number, symbol in enumerate(SYMBOLS):
        candles = _draw_candles(dice, stamps, 1_000.0 * (number + 1))
        name = symbol.replace("/", "-")
        candles.to_csv(folder / "market" / f"{name}.csv", index=False)
        dated = pd.to_datetime(candles.pop("timestamp"), unit="ms", utc=True).rename("date")
        pd.concat([dated, candles], axis=1).to_feather(folder / "peer" / f"{symbol.replace('/', '_')}-1m.feather")
        mine = which == number
        prices[mine] = candles["close"].to_numpy()[at[mine] - 1]
        np.save(folder / "peer" / f"{name}.npy", stamps[at[mine] - 1])
    _write_decisions(folder / "log", at, which, prices, dice)
    return World(folder, FIRST + timedelta(minutes=int(minutes)))


def _draw_candles(dice: np.random.Generator, stamps: np.ndarray, price: float) -> pd.DataFrame:
    """A random walk with tails; prices to the cent."""
    count = len(stamps)
    close = np.round(price * np.exp(np.cumsum(dice.standard_t(4, count) * 0.0006)), 2)
    opened = np.concatenate([close[:1], close[:-1]])
    above, below = (1 + sign * np.abs(dice.normal(0, 0.0003, count)) for sign in (1, -1))
    high, low = np.round(np.maximum(opened, close) * above, 2), np.round(np.minimum(opened, close) * below, 2)
    rows = {"timestamp": stamps, "open": opened, "high": high, "low": low, "close": close}
    return pd.DataFrame(rows | {"volume": np.round(dice.gamma(2, 10, count), 3)})


def _write_decisions(
    folder: Path, at: np.ndarray, which: np.ndarray, prices: np.ndarray, dice: np.random.Generator
) -> None:
    said = ("BUY", "SELL", "NEUTRAL")
    for first in range(0, len(at), IN_A_FILE):
        lines = []
        for number in range(first, min(first + IN_A_FILE, len(at))):
            price, confidences = float(prices[number]), dice.integers(30, 100, AGENTS + 1).tolist()
            agents = {
                f"agent_{agent:02d}": {"signal": said[confidences[agent] % 3], "confidence": confidences[agent]}
                for agent in range(AGENTS)
            }
            decision = {
                "trade_id": f"B{number:08d}", "timestamp": (FIRST + timedelta(minutes=int(at[number]))).isoformat(),
                "symbol": SYMBOLS[which[number]], "interval": "1h", "type": "BUY", "price": price,
                "confidence": confidences[-1], "stop_loss": round(price * 0.995, 2),
                "take_profit": round(price * 1.01, 2), "max_hold_minutes": HOLD,
                "reason": "Momentum turned up on rising volume, and the order book is thin above.",
                "agent_analyses": agents,
            }  # fmt: skip
            lines.append(json.dumps(decision))
        (folder / f"decisions-{first:08d}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
