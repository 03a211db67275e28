"""Recalibration maps of agents whose chance of being right is known at each confidence."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.table import Table

from benchmarks.learning.universe import ABSTAINS, MINUTE_US, Floats
from benchmarks.learning.votes import Figure
from benchmarks.simulated import Spans, is_right, spans
from scorekeeper.learning.recalibration import MAP_ROW, StatedCalls, Tally, add_days, calibrated
from scorekeeper.learning.uniqueness import mean_uniqueness

SIZES = (50, 200, 1_000, 5_000)
GAPS = {"apart": 60.0, "nine overlap": 6.0}
PERCENTS = np.arange(50, 96)
# Of the mean squared error of an overconfident agent's map, times 10^4, by calls.
BARS = {200: 60.0, 1_000: 15.0}
MOST_HELPS_PCT = 5.0  # of calibrated agents whose map is said to help


@dataclass(frozen=True)
class Stated:
    """An agent: it says 50 to 95 %, and is right with the chance 50 % + `slope` of what it says above 50."""

    name: str
    slope: float

    def chance(self, percent: Floats) -> Floats:
        """Of being right at a confidence, 0 to 1."""
        return 0.5 + self.slope * (percent / 100 - 0.5)


OVERCONFIDENT, CALIBRATED, OPPOSITE = Stated("overconfident", 0.43), Stated("calibrated", 1.0), Stated("opposite", -0.3)


@dataclass(frozen=True)
class Mapped:
    """How far stated confidences and maps are from the truth: mean squared errors, times 10^4.

    `calls`: so many; `independent`: that do not overlap. `without`: simulations without a map, in percent; the error is
    that of the others. `helps`: in which recalibration was said to help, in percent.
    """

    agent: str
    spacing: str
    calls: int
    independent: float
    simulations: int
    stated: float
    mapped: Figure | None
    without: Figure
    helps: Figure

    @property
    def reached(self) -> bool | None:
        """None where nothing is asked for."""
        if self.agent == CALIBRATED.name:
            return self.helps.value <= MOST_HELPS_PCT
        bar = BARS.get(self.calls) if self.agent == OVERCONFIDENT.name else None
        return None if bar is None or self.mapped is None else self.mapped.value <= bar


def measure(agent: Stated, spacing: str, calls: int, simulations: int, seed: int) -> Mapped:
    """Simulate an agent whose luck lasts as its calls overlap, and that abstains from a fifth of the decisions.

    The same seed gives the same figures.
    """
    chance = np.random.default_rng([seed, calls, *f"{agent.name}, {spacing}".encode()])
    every = spans(GAPS[spacing], round(calls / (1 - ABSTAINS)))
    kept = np.sort(chance.permutation(round(calls / (1 - ABSTAINS)))[:calls])
    lives = Spans(every.opened[kept], every.closed[kept])
    opened, expires = ((one * MINUTE_US).astype(np.int64) for one in (lives.opened, lives.closed))
    uniqueness = mean_uniqueness(opened, expires)
    independent = np.cumsum(uniqueness)
    truth, errors, helps = agent.chance(PERCENTS.astype(np.float64)), [], 0
    for _ in range(simulations):
        percent = chance.choice(PERCENTS, calls).astype(np.float64)
        right = is_right(chance, 1, lives, agent.chance(percent))[0]
        said = StatedCalls(opened, expires, percent, right, uniqueness, independent)
        rows, _ = add_days(np.empty(0, MAP_ROW), Tally.empty(), said, (expires, independent))
        last = rows[-1]
        helps += bool(last["gain_low"] > 0)
        if not np.isnan(last["a"]):
            errors.append(1e4 * float(((calibrated(last["a"], last["b"], PERCENTS) - truth) ** 2).mean()))
    return Mapped(
        agent.name, spacing, calls, float(independent[-1]), simulations,
        1e4 * float(((PERCENTS / 100 - truth) ** 2).mean()), Figure.mean(errors) if len(errors) > 1 else None,
        Figure.share(simulations - len(errors), simulations), Figure.share(helps, simulations),
    )  # fmt: skip


def cases(largest: int) -> list[tuple[Stated, str, int]]:
    """Agents, spacings and sizes."""
    return [
        (agent, spacing, calls)
        for agent in (OVERCONFIDENT, CALIBRATED, OPPOSITE)
        for spacing in GAPS
        for calls in SIZES
        if calls <= largest
    ]


def table(mapped: Sequence[Mapped]) -> Table:
    """One row per agent, spacing and size."""
    shown = Table(title="Recalibration: mean squared error of the chance of being right, times 10^4")
    for heading in ("agent", "spacing", "calls", "independent", "stated", "map", "without a map %", "helps %", "bar"):
        shown.add_column(heading, justify="right", no_wrap=True)
    for one in mapped:
        asked = f"helps ≤ {MOST_HELPS_PCT:g}" if one.agent == CALIBRATED.name else f"map ≤ {BARS.get(one.calls, 0):g}"
        shown.add_row(
            one.agent, one.spacing, f"{one.calls:,}", f"{one.independent:,.0f}", f"{one.stated:.0f}",
            "" if one.mapped is None else f"{one.mapped.value:.1f} ± {one.mapped.error:.1f}",
            f"{one.without.value:.0f}", f"{one.helps.value:.1f} ± {one.helps.error:.1f}",
            "" if one.reached is None else f"{asked} " + ("✓" if one.reached else "MISSED"),
        )  # fmt: skip
    return shown
