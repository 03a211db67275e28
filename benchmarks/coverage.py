"""Do the intervals hold what they promise? Simulated agents of known skill and calibration, in simulated markets.

A price is a Gaussian random walk in logarithms, looked at when trades open and close. An agent is right with a known
chance; whether it is right persists as its trades do: the chance is met by a random walk of the agent's own over the
trade's life, so that trades that share nine tenths of their time mostly share their luck. Decisions come every 60
minutes (no two trades overlap) or every 6.5 (each overlaps nine others); every trade is held for 60.

What is simulated is held against the product's own functions: the intervals are those that a user sees.
"""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy import stats

from scorekeeper.domain.metrics import wilson
from scorekeeper.domain.robust import RobustMean, robust_mean, robust_rate

SIMULATIONS = 4_000
SEED = 20_251
HELD_MINUTES = 60.0
GAPS = {"apart": 60.0, "nine overlap": 6.5}
INDEPENDENT = (20, 50, 100, 400)
SIGMA = 0.006  # of the logarithm of the price, over the time held
CHUNK = 250
OUTPUT = Path("coverage.json")
# Coverage that is asked for, in percent, from so many independent trades on.
TARGETS = ((100, 93.5, 96.5), (20, 92.0, 97.0))
Z95 = float(stats.norm.ppf(0.975))

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Spans:
    """When trades open and close, in minutes; shape (n,)."""

    opened: Floats
    closed: Floats


def spans(gap_minutes: float, independent: int) -> Spans:
    """As many trades, `gap_minutes` apart, as have `independent` among them that do not overlap."""
    per_free = math.ceil(HELD_MINUTES / gap_minutes)
    opened = np.arange(independent * per_free) * gap_minutes
    return Spans(opened, opened + HELD_MINUTES)


def moves(chance: np.random.Generator, simulations: int, over: Spans) -> Floats:
    """How far a random walk comes over each trade's life, in standard deviations; shape (simulations, n)."""
    moments = np.unique(np.concatenate([over.opened, over.closed]))
    steps = chance.standard_normal((simulations, len(moments) - 1)) * np.sqrt(np.diff(moments) / HELD_MINUTES)
    walk = np.concatenate([np.zeros((simulations, 1)), np.cumsum(steps, axis=1)], axis=1)
    gone: Floats = walk[:, np.searchsorted(moments, over.closed)] - walk[:, np.searchsorted(moments, over.opened)]
    return gone


def market(chance: np.random.Generator, simulations: int, over: Spans) -> Floats:
    """Horizon returns in percent."""
    returns: Floats = 100 * np.expm1(SIGMA * moves(chance, simulations, over))
    return returns


def is_right(chance: np.random.Generator, simulations: int, over: Spans, skill: float | Floats) -> NDArray[np.bool_]:
    """Whether an agent is right, which it is with chance `skill` (0..1), as long as its luck lasts."""
    luck: Floats = stats.norm.cdf(moves(chance, simulations, over))
    return luck < skill


# The mean of a horizon return, and of its size, in percent: the log-normal's.
MEAN_RETURN = 100 * math.expm1(SIGMA**2 / 2)
MEAN_SIZE = 100 * math.exp(SIGMA**2 / 2) * (2 * float(stats.norm.cdf(SIGMA)) - 1)


@dataclass(frozen=True)
class Question:
    """A figure whose truth is known: `draw` gives its values per trade, shape (simulations, n)."""

    name: str
    truth: float
    draw: Callable[[np.random.Generator, int, Spans], Floats]
    is_rate: bool = False

    def robust(self, values: Floats, over: Spans) -> RobustMean:
        """As the product answers it."""
        ask = robust_rate if self.is_rate else robust_mean
        return ask(values, over.opened * 60, over.closed * 60)

    def naive(self, values: Floats) -> tuple[float, float]:
        """As if trades were independent: Wilson's, or Student's t over all of them."""
        if self.is_rate:
            low, high = wilson(int(np.count_nonzero(values)), len(values)) or (0.0, 100.0)
            return low, high
        half = float(stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / math.sqrt(len(values)))
        return float(values.mean()) - half, float(values.mean()) + half


def accuracy_of(skill: float) -> Question:
    """An agent that is right with chance `skill`."""

    def draw(chance: np.random.Generator, simulations: int, over: Spans) -> Floats:
        return 100.0 * is_right(chance, simulations, over, skill)

    return Question(f"accuracy of an agent right in {100 * skill:.0f} %", 100 * skill, draw, is_rate=True)


def call_return_of(skill: float) -> Question:
    """What the calls of an agent earn that is right with chance `skill`."""

    def draw(chance: np.random.Generator, simulations: int, over: Spans) -> Floats:
        size = np.abs(market(chance, simulations, over))
        return np.where(is_right(chance, simulations, over, skill), size, -size)

    return Question(f"call return of an agent right in {100 * skill:.0f} %", (2 * skill - 1) * MEAN_SIZE, draw)


def paired_difference_of(one: float, other: float) -> Question:
    """What two agents' calls on the same decisions earn more, one than the other."""

    def draw(chance: np.random.Generator, simulations: int, over: Spans) -> Floats:
        size = np.abs(market(chance, simulations, over))
        first, second = (is_right(chance, simulations, over, skill).astype(float) for skill in (one, other))
        difference: Floats = 2 * (first - second) * size
        return difference

    name = f"paired difference, right in {100 * one:.0f} % and {100 * other:.0f} %"
    return Question(name, 2 * (one - other) * MEAN_SIZE, draw)


def overconfidence_of(name: str, too_sure: float) -> Question:
    """Stated confidence less outcome: 0 for a calibrated agent, else by how much it is too sure of itself."""

    def draw(chance: np.random.Generator, simulations: int, over: Spans) -> Floats:
        stated = chance.integers(65, 95, (simulations, len(over.opened))) / 100
        return stated - 1.0 * is_right(chance, simulations, over, stated - too_sure)

    return Question(name, too_sure, draw)


QUESTIONS = (
    Question("expectancy, always long", MEAN_RETURN, market),
    Question("win rate, always long", 50.0, lambda c, s, over: 100.0 * (market(c, s, over) > 0), is_rate=True),
    accuracy_of(0.60),
    accuracy_of(0.75),
    accuracy_of(0.90),
    call_return_of(0.55),
    paired_difference_of(0.60, 0.50),
    overconfidence_of("confidence less outcome, calibrated", 0.0),
    overconfidence_of("confidence less outcome, 20 points too sure", 0.2),
)


@dataclass(frozen=True)
class Covered:
    """How often intervals held the truth, in percent of simulations, with its Monte-Carlo standard error in points.

    `undefined_pct`: simulations in which the robust interval was None; they count neither way.
    `width_ratio`: median width of the robust interval over that of the naive one.
    """

    question: str
    spacing: str
    trades: int
    independent: int
    simulations: int
    robust_pct: float
    robust_se: float
    naive_pct: float
    naive_se: float
    undefined_pct: float
    width_ratio: float

    @property
    def target(self) -> tuple[float, float]:
        return next((low, high) for fewest, low, high in TARGETS if self.independent >= fewest)

    @property
    def reached(self) -> bool:
        return self.target[0] <= self.robust_pct <= self.target[1]


def cover(question: Question, spacing: str, independent: int, simulations: int, seed: int) -> Covered:
    """Simulate `question` and count; the same seed gives the same figures, whatever else is asked."""
    over = spans(GAPS[spacing], independent)
    chance = np.random.default_rng([seed, independent, list(GAPS).index(spacing), *question.name.encode()])
    robust = naive = undefined = 0
    ratios = []
    for values in _draws(question, chance, simulations, over):
        answer, (low, high) = question.robust(values, over), question.naive(values)
        assert answer.independent == independent
        naive += low <= question.truth <= high
        if answer.ci95 is None:
            undefined += 1
            continue
        robust += answer.ci95[0] <= question.truth <= answer.ci95[1]
        ratios.append((answer.ci95[1] - answer.ci95[0]) / (high - low))
    defined = simulations - undefined
    return Covered(
        question.name, spacing, len(over.opened), independent, simulations, *percent(robust, defined),
        *percent(naive, simulations), 100 * undefined / simulations, float(np.median(ratios)),
    )  # fmt: skip


def _draws(question: Question, chance: np.random.Generator, simulations: int, over: Spans) -> Iterator[Floats]:
    for first in range(0, simulations, CHUNK):
        yield from question.draw(chance, min(CHUNK, simulations - first), over)


def percent(count: int, n: int) -> tuple[float, float]:
    """A share in percent, with its standard error in points."""
    share = count / n
    return 100 * share, 100 * math.sqrt(share * (1 - share) / n)


@dataclass(frozen=True)
class Exact:
    """Coverage of Wilson's interval over independent trades: simulated, and as the binomial distribution has it."""

    rate_pct: float
    trades: int
    simulations: int
    simulated_pct: float
    simulated_se: float
    exact_pct: float

    @property
    def reached(self) -> bool:
        return abs(self.simulated_pct - self.exact_pct) <= 3.5 * self.simulated_se


def exact_coverage(rate: float, n: int) -> float:
    """Percent of samples of n independent trades whose Wilson interval holds `rate` (0..1), by the distribution."""
    hits = np.arange(n + 1)
    holds = [low <= 100 * rate <= high for low, high in (wilson(int(k), n) or (0.0, 0.0) for k in hits)]
    return 100 * math.fsum(stats.binom.pmf(hits, n, rate)[holds])


def cover_exactly(rate: float, n: int, simulations: int, seed: int) -> Exact:
    """Simulate an agent right with chance `rate` over n trades that do not overlap."""
    chance = np.random.default_rng([seed, n, round(100 * rate)])
    over = spans(GAPS["apart"], n)
    held = 0
    for values in _draws(accuracy_of(rate), chance, simulations, over):
        low, high = wilson(int(np.count_nonzero(values)), n) or (0.0, 0.0)
        held += low <= 100 * rate <= high
    return Exact(100 * rate, n, simulations, *percent(held, simulations), exact_coverage(rate, n))


def run(simulations: int, seed: int, output: Path) -> None:
    """Simulate everything, print the tables, write `output`."""
    console = Console()
    exact = [
        cover_exactly(rate, n, simulations, seed)
        for rate in track((0.5, 0.6, 0.75, 0.9), "Wilson, independent trades", console=console)
        for n in INDEPENDENT
    ]
    cases = [(q, spacing, n) for q in QUESTIONS for spacing in GAPS for n in INDEPENDENT]
    covered = [
        cover(question, spacing, n, simulations, seed)
        for question, spacing, n in track(cases, "robust intervals", console=console)
    ]
    for table in (exact_table(exact), coverage_table(covered)):
        console.print(table)
    results = {"exact": [asdict(one) for one in exact], "coverage": [asdict(one) for one in covered]}
    output.write_text(json.dumps({"seed": seed, "simulations": simulations, **results}, indent=1) + "\n", "utf-8")
    console.print(f"{output}: the figures")


def coverage_table(covered: list[Covered]) -> Table:
    """One row per figure, spacing and size."""
    table = Table(title=f"95 % intervals that hold the truth, percent of {covered[0].simulations:,} simulations")
    table.add_column("figure")
    for heading in ("spacing", "trades", "independent", "robust", "naive", "undefined", "width", "target"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in covered:
        low, high = one.target
        table.add_row(
            one.question, one.spacing, f"{one.trades:,}", f"{one.independent}",
            f"{one.robust_pct:.1f} ± {one.robust_se:.1f}", f"{one.naive_pct:.1f} ± {one.naive_se:.1f}",
            f"{one.undefined_pct:.1f}", f"{one.width_ratio:.1f}",
            f"{low}–{high} " + ("✓" if one.reached else "MISSED"),
        )  # fmt: skip
    table.caption = "± one Monte-Carlo standard error; width: robust over naive, median"
    return table


def exact_table(exact: list[Exact]) -> Table:
    """One row per rate and size."""
    table = Table(title="Wilson's interval over independent trades: percent that hold the rate")
    for heading in ("rate", "trades", "simulated", "exact", "agree"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in exact:
        table.add_row(
            f"{one.rate_pct:.0f} %", f"{one.trades}", f"{one.simulated_pct:.1f} ± {one.simulated_se:.1f}",
            f"{one.exact_pct:.1f}", "✓" if one.reached else "NO",
        )  # fmt: skip
    return table
