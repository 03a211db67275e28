"""Do intervals, ranking and verdicts hold what they promise? Against simulations whose truth is known.

The simulations (benchmarks/simulated.py) call the product's own functions: the intervals are those that a user sees.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track
from rich.table import Table
from scipy import stats

from benchmarks import planted
from benchmarks.result import Run, open_console
from benchmarks.simulated import GAPS, MEAN_RETURN, MEAN_SIZE, Floats, Spans, is_right, market, percent, spans
from scorekeeper.analysis.intervals import RobustMean, robust_gap, robust_mean, robust_rate
from scorekeeper.metrics.formulas import wilson

SIMULATIONS = 4_000
SEED = 20_251
INDEPENDENT = (20, 50, 100, 400)
CHUNK = 250
# Coverage that is asked for, in percent, from so many independent trades on.
TARGETS = ((100, 93.5, 96.5), (20, 92.0, 97.0))
Z95 = float(stats.norm.ppf(0.975))


class Kind(Enum):
    """How the product answers a question: as a mean, a rate (0 or 100), or a gap between what was said and a rate."""

    MEAN = "mean"
    RATE = "rate"
    GAP = "gap"


@dataclass(frozen=True)
class Question:
    """A figure whose truth is known: `draw` gives its values per trade, shape (simulations, n).

    Those of a gap are what was stated, in whole percent, less 100 where it was right.
    """

    name: str
    truth: float
    draw: Callable[[np.random.Generator, int, Spans], Floats]
    kind: Kind = Kind.MEAN

    @property
    def is_rate(self) -> bool:
        """Whether the values are 0 or 100."""
        return self.kind is Kind.RATE

    def robust(self, values: Floats, over: Spans) -> RobustMean:
        """As the product answers it."""
        spans = over.opened * 60, over.closed * 60
        if self.kind is Kind.GAP:
            right = np.where(values < 0, 100.0, 0.0)  # stated above 0, below 100
            return robust_gap(values + right, right, *spans)
        return robust_rate(values, *spans) if self.is_rate else robust_mean(values, *spans)

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
        return 100.0 * is_right(chance, simulations, over, skill).astype(np.float64)

    return Question(f"accuracy of an agent right in {100 * skill:.0f} %", 100 * skill, draw, Kind.RATE)


def call_return_of(skill: float) -> Question:
    """What the calls of an agent earn that is right with chance `skill`."""

    def draw(chance: np.random.Generator, simulations: int, over: Spans) -> Floats:
        size = np.abs(market(chance, simulations, over))
        earned: Floats = np.where(is_right(chance, simulations, over, skill), size, -size)
        return earned

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
        stated = 1.0 * chance.integers(65, 95, (simulations, len(over.opened)))
        return stated - 100.0 * is_right(chance, simulations, over, stated / 100 - too_sure)

    return Question(name, 100 * too_sure, draw, Kind.GAP)


QUESTIONS = (
    Question("expectancy, always long", MEAN_RETURN, market),
    Question(
        "win rate, always long",
        50.0,
        lambda c, s, over: 100.0 * (market(c, s, over) > 0).astype(np.float64),
        Kind.RATE,
    ),
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


def run(sizes: list[int], simulations: int, seed: int, output: Path) -> None:
    """Simulate everything, print the tables, write the figures into `output`."""
    console = open_console()
    options = {"size": sizes, "simulations": simulations, "seed": seed}
    result = Run("coverage", "intervals, ranking and verdicts", "the truth", "independent trades", options)
    exact = [
        cover_exactly(rate, n, simulations, seed)
        for rate in track((0.5, 0.6, 0.75, 0.9), "Wilson, independent trades", console=console)
        for n in sizes
    ]
    cases = [(q, spacing, n) for q in QUESTIONS for spacing in GAPS for n in sizes]
    covered = [
        cover(question, spacing, n, simulations, seed)
        for question, spacing, n in track(cases, "robust intervals", console=console)
    ]
    few = max(100, simulations // 10)  # what goes through the whole analysis takes its time
    ranked = [
        planted.rank(spacing, n, few, seed)
        for spacing, n in track(
            [("apart", 100), ("apart", 400), ("apart", 1_600), ("nine overlap", 100), ("nine overlap", 400)],
            "ranking by Shapley value", console=console,
        )
    ]  # fmt: skip
    called = [
        planted.call(skill, agents, spacing, n, simulations // 2 if skill == 0.5 else few, seed)
        for skill, agents, spacing, n in track(
            [
                (skill, agents, spacing, n)
                for skill, agents in ((0.5, 1), (0.5, 5), (0.6, 5)) for spacing in GAPS for n in (20, 100)
            ],
            "verdicts", console=console,
        )
    ]  # fmt: skip
    tables = exact_table(exact), coverage_table(covered), planted.ranking_table(ranked), planted.verdict_table(called)
    for table in tables:
        console.print(table)
    parts: dict[str, Sequence[Any]] = {"exact": exact, "coverage": covered, "ranking": ranked, "verdicts": called}
    result.figures = {name: [asdict(one) for one in part] for name, part in parts.items()}
    result.finish(console, output)


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
