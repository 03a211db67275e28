"""Trades and signals to hold the figures against: edges by name, and random ones by seed."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from scorekeeper.metrics.day_sums import DaySums
from scorekeeper.metrics.formulas import compose_agent, compose_system
from scorekeeper.verify.recount_agents import JudgedSignal, count_agent_day
from tests.plain_counts import ClosedTrade, count_day

START = datetime(2025, 3, 1, 9, 0, tzinfo=UTC)
TIGHT = 1e-9


@dataclass(frozen=True)
class Trades:
    """Closed trades in order: when each closed, and what it brought, in percent."""

    exits: list[datetime]
    gains: list[float]

    @property
    def figures(self) -> dict[str, Any]:
        """Ours, composed from daily pieces as in the product."""
        days: defaultdict[date, list[ClosedTrade]] = defaultdict(list)
        for number, (at, gain) in enumerate(zip(self.exits, self.gains, strict=True)):
            trade = ClosedTrade(f"t{number:06d}", at - timedelta(hours=1), at, gain, max(gain, 0.0), min(gain, 0.0))
            days[at.date()].append(trade)
        return compose_system([DaySums(day, **count_day(trades)) for day, trades in sorted(days.items())])

    @property
    def series(self) -> pd.Series:
        """The gains, for peers that take a series of trades."""
        return pd.Series(self.gains, dtype=float)

    @property
    def daily(self) -> np.ndarray:
        """The sum of each calendar day, idle ones 0, for peers that take returns."""
        if not self.exits:
            return np.array([])
        days = pd.Series(self.gains, index=pd.DatetimeIndex(self.exits)).resample("D").sum()
        return days.to_numpy()


def _each_hour(gains: list[float], hours: float = 1) -> Trades:
    return Trades([START + timedelta(hours=hours * n) for n in range(len(gains))], gains)


def _random(seed: int) -> Trades:
    chance = np.random.default_rng(seed)
    n = int(chance.integers(2, 400))
    gains = chance.standard_t(3, n) * chance.choice([0.01, 1.0, 40.0]) + chance.normal(0, 0.2)
    gains[chance.random(n) < chance.choice([0, 0.1])] = 0.0
    minutes = np.sort(chance.choice(60 * 24 * int(chance.integers(1, 120)), n, replace=True)).cumsum() % 200_000
    exits = [START + timedelta(minutes=int(m)) for m in sorted(set(map(int, minutes)))]
    return Trades(exits, [float(g) for g in gains[: len(exits)]])


EDGES = {
    "none": Trades([], []),
    "one win": _each_hour([1.5]),
    "one loss": _each_hour([-1.5]),
    "one break-even": _each_hour([0.0]),
    "all wins": _each_hour([0.3, 1.1, 0.2, 2.5] * 8, 17),
    "all losses": _each_hour([-0.3, -1.1, -0.2, -2.5] * 8, 17),
    "constant wins": _each_hour([0.1] * 30, 24),
    "constant losses": _each_hour([-0.1] * 30, 24),
    "break-even only": _each_hour([0.0] * 30, 24),
    "with break-even": _each_hour([1.0, 0.0, -2.0, 0.0, 0.5, 0.0] * 6, 11),
    "gains over 100 %": _each_hour([150.0, 320.0, 101.0, 240.0], 24),
    "gains over 100 %, and losses": _each_hour([150.0, -20.0, 320.0, -99.0] * 6, 24),
    "idle days": _each_hour([1.0, -0.5, 2.0, -0.7, 0.3], 24 * 9),
    "all in one day": _each_hour([1.0, -0.5, 2.0]),
    "two days": _each_hour([1.0, -0.5], 24),
    "twenty days": _each_hour([(-1.1) ** n for n in range(20)], 24),
    "twenty-one days": _each_hour([(-1.1) ** n for n in range(21)], 24),
}
EVERY_CASE = EDGES | {f"random {seed}": _random(seed) for seed in range(60)}


@dataclass(frozen=True)
class Calls:
    """What one agent said: direction, confidence 0..100 or None, and the horizon return, in percent."""

    said: list[tuple[int, float | None, float]]

    @property
    def figures(self) -> dict[str, Any]:
        return compose_agent(count_agent_day([JudgedSignal(d, c, h, None, None) for d, c, h in self.said]))

    @property
    def judged(self) -> tuple[np.ndarray, np.ndarray]:
        """(probability, 1 if it came true) of the calls with a confidence and a move."""
        kept = [(c / 100, float(d * h > 0)) for d, c, h in self.said if d and c is not None and h]
        return np.array([p for p, _ in kept]), np.array([y for _, y in kept])


def _random_calls(seed: int, whole: bool) -> Calls:
    chance = np.random.default_rng(seed)
    n = int(chance.integers(1, 300))
    confidences = chance.uniform(0, 100, n)
    said = [
        (
            int(chance.choice([-1, 0, 1])),
            None if chance.random() < 0.1 else float(round(c) if whole else c),
            0.0 if chance.random() < 0.05 else float(chance.normal()),
        )
        for c in confidences
    ]
    return Calls(said)


EVERY_AGENT = {
    "none": Calls([]),
    "abstentions only": Calls([(0, 80.0, 1.0), (0, None, -1.0)]),
    "one right": Calls([(1, 80.0, 1.0)]),
    "one wrong": Calls([(1, 80.0, -1.0)]),
    "no confidence": Calls([(1, None, -1.0), (-1, None, -1.0)]),
    "no move": Calls([(1, 60.0, 0.0), (-1, 70.0, 0.0)]),
    "all right": Calls([(1, float(c), 0.5) for c in range(0, 101, 5)]),
    "all wrong": Calls([(-1, float(c), 0.5) for c in range(0, 101, 5)]),
    "edges of the bins": Calls([(1 if c % 20 else -1, float(c), 0.5) for c in range(0, 101, 10)]),
    "sure and right, unsure and wrong": Calls([(1, 100.0, 0.5), (1, 0.0, -0.5)] * 5),
    "constant confidence": Calls([(1, 70.0, h) for h in (0.5, -0.5, 0.2, 0.1)]),
    **{f"random {seed}": _random_calls(seed, whole=False) for seed in range(30)},
    **{f"random, whole numbers {seed}": _random_calls(seed, whole=True) for seed in range(30, 60)},
}
