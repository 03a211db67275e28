"""Weights, votes and adoption in universes whose truth is known."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from benchmarks.learning import universe
from benchmarks.learning.learner import learn
from benchmarks.learning.universe import Planted
from benchmarks.simulated import percent


@dataclass(frozen=True)
class Figure:
    """A mean over simulations, with its Monte-Carlo standard error."""

    value: float
    error: float

    @classmethod
    def mean(cls, values: Sequence[float] | NDArray[np.float64]) -> "Figure":
        """Of one value a simulation."""
        drawn = np.asarray(values, dtype=np.float64)
        return cls(float(drawn.mean()), float(drawn.std(ddof=1) / np.sqrt(len(drawn))))

    @classmethod
    def share(cls, count: int, n: int) -> "Figure":
        """In percent."""
        return cls(*percent(count, n))


@dataclass(frozen=True)
class Bar:
    """What a figure of a universe of so many decisions must reach: `least` or more, `most` or less.

    `figure`: `adopted` (percent of simulations in which the weights ever were), `gain` (what the learned vote earns
    more than the equal one, in basis points a decision before fees), or `second_half` (the gain there).
    """

    planted: Planted
    decisions: int
    figure: str
    least: float = -math.inf
    most: float = math.inf

    def is_reached(self, measured: "Measured", errors: float = 0.0) -> bool:
        """Whether it is, or misses by at most so many standard errors."""
        figure: Figure = getattr(measured, self.figure)
        return self.least - errors * figure.error <= figure.value <= self.most + errors * figure.error

    def __str__(self) -> str:
        if not math.isfinite(self.least):
            return f"≤ {self.most:g}"
        return f"≥ {self.least:g}" if not math.isfinite(self.most) else f"{self.least:g} to {self.most:g}"


NULLS = (universe.NONE_SKILLED, universe.ONE_LOUD, universe.ALL_EQUAL)
FALSE_PCT = 5.0
BARS = (
    *(Bar(null, n, "adopted", most=FALSE_PCT) for n in (5_000, 20_000) for null in (*NULLS, universe.BULL)),
    *(Bar(universe.NONE_SKILLED, n, "gain", -0.3, 0.3) for n in (1_000, 5_000)),
    *(Bar(universe.ALL_EQUAL, n, "gain", -0.3) for n in (1_000, 5_000)),
    Bar(universe.MIXED, 1_000, "gain", 1.0),
    Bar(universe.LOUD_FOOL, 1_000, "gain", 3.0),
    Bar(universe.MIXED, 5_000, "gain", 3.0),
    Bar(universe.STAR, 5_000, "gain", 3.5),
    Bar(universe.INVERSE, 5_000, "gain", 5.0),
    Bar(universe.SWAP, 10_000, "second_half", 0.0),
    *(Bar(one, 5_000, "adopted", 80.0) for one in (universe.MIXED, universe.LOUD_FOOL, universe.INVERSE)),
    Bar(universe.STAR, 5_000, "adopted", 70.0),
    *(
        Bar(one, 10_000, "adopted", 95.0)
        for one in (universe.MIXED, universe.LOUD_FOOL, universe.INVERSE, universe.STAR)
    ),
    *(
        Bar(null.at(*cadence), 2_000, "adopted", most=FALSE_PCT)
        for cadence in (("one a day", 1_440, 1), ("three open", 20, 3), ("sixty open", 1, 60)) for null in NULLS
    ),
)  # fmt: skip
# Measured without a bar: what forgetting by half in 336 independent decisions cannot follow.
OTHERS = ((universe.REVERSED, 10_000),)


@dataclass(frozen=True)
class Measured:
    """One universe, simulated often. Figures in basis points a decision, before fees; `adopted` in percent.

    `today`: the equal vote. `in_use`: what following the weights in use adds to it. `first_adopted`: the median number
    of decisions after which the weights were adopted first, of the simulations in which they were.
    """

    universe: str
    decisions: int
    simulations: int
    adopted: Figure
    first_adopted: float | None
    today: Figure
    gain: Figure
    second_half: Figure
    in_use: Figure


def measure(planted: Planted, decisions: int, simulations: int, seed: int) -> Measured:
    """Simulate a universe; the same seed gives the same figures, whatever else is measured."""
    chances = np.random.default_rng([seed, decisions, *planted.name.encode()]).spawn(simulations)
    first, figures = [], np.empty((simulations, 4))
    for number, chance in enumerate(chances):
        found = learn(universe.draw(planted, decisions, chance))
        gain = found.learned_bps - found.equal_bps
        in_use = found.in_use_bps - found.equal_bps
        figures[number] = found.equal_bps.mean(), gain.mean(), gain[decisions // 2 :].mean(), in_use.mean()
        if found.first_adopted is not None:
            first.append(found.first_adopted)
    return Measured(
        planted.name, decisions, simulations, Figure.share(len(first), simulations),
        float(np.median(first)) if first else None, *(Figure.mean(column) for column in figures.T),
    )  # fmt: skip


def table(measured: Sequence[Measured], bars: Sequence[Bar] = BARS) -> Table:
    """One row per universe and size, with the bars that it must reach."""
    shown = Table(title="Learned weights against equal ones: basis points a decision before fees")
    shown.add_column("universe", no_wrap=True)
    for heading in ("decisions", "runs", "adopted %", "after", "equal vote", "gain", "2nd half", "in use"):
        shown.add_column(heading, justify="right", no_wrap=True)
    shown.add_column("bars")
    for one in measured:
        asked = [bar for bar in bars if (bar.planted.name, bar.decisions) == (one.universe, one.decisions)]
        verdicts = [f"{bar.figure} {bar} {'✓' if bar.is_reached(one) else 'MISSED'}" for bar in asked]
        after = "" if one.first_adopted is None else f"{one.first_adopted:,.0f}"
        figures = (one.today, one.gain, one.second_half, one.in_use)
        shown.add_row(
            one.universe, f"{one.decisions:,}", f"{one.simulations:,}",
            f"{one.adopted.value:.1f} ± {one.adopted.error:.1f}", after,
            *(f"{figure.value:.2f} ± {figure.error:.2f}" for figure in figures), "; ".join(verdicts),
        )  # fmt: skip
    shown.caption = "± one Monte-Carlo standard error; after: decisions until first adopted, median"
    return shown
