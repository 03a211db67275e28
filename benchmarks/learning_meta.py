"""Does the meta-model hold what it promises? In universes whose truth is known, by the product's own functions.

The system decides by an equal vote. A trade is held to its horizon and pays 10 basis points a side. Fits, what they
predict and the verdicts are those of the daily step of learn.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.table import Table

from benchmarks.learning import universe
from benchmarks.learning.learner import learn
from benchmarks.learning.universe import Floats, Planted, Universe
from benchmarks.learning.votes import Figure
from scorekeeper.learning.constants import DAY, HOUR
from scorekeeper.learning.meta_features import Seen, build_features, name_features
from scorekeeper.learning.meta_verdict import Judged, Predicted, judge
from scorekeeper.learning.meta_walk import fit_walk, predict_walk, released_at
from scorekeeper.learning.uniqueness import mean_uniqueness

FEE_PCT = 0.2  # of both sides
BLOCK_US = 4 * HOUR


@dataclass(frozen=True)
class Bar:
    """What a universe of so many decisions must reach: `informs` in percent of simulations, `skill` in percent."""

    planted: Planted
    decisions: int
    informs_least: float = 0.0
    informs_most: float = 100.0
    skill_least: float = -100.0

    def is_reached(self, measured: "Measured", errors: float = 0.0) -> bool:
        """Whether it is, or misses by at most so many standard errors."""
        informs, skill = measured.informs, measured.brier_skill
        slack = errors * informs.error
        return (
            self.informs_least - slack <= informs.value <= self.informs_most + slack
            and skill.value >= self.skill_least - errors * skill.error
        )

    def __str__(self) -> str:
        if self.informs_least:
            return f"informs ≥ {self.informs_least:g}"
        return f"informs ≤ {self.informs_most:g}, Brier skill ≥ {self.skill_least:g}"


NULLS = (universe.NONE_SKILLED, universe.ONE_LOUD)
SKILLED = (universe.MIXED, universe.LOUD_FOOL)
BARS = (
    *(Bar(one, n, informs_most=5.0, skill_least=-0.5) for n in (5_000, 20_000) for one in NULLS),
    *(Bar(one, 5_000, informs_least=50.0) for one in SKILLED),
    *(Bar(one, 20_000, informs_least=90.0) for one in SKILLED),
)
# Measured without a bar: smaller edges, and a drift, by which trades on its side do pay more often.
OTHERS = tuple((one, n) for n in (5_000, 20_000) for one in (universe.ALL_EQUAL, universe.STAR, universe.BULL))


@dataclass(frozen=True)
class Measured:
    """One universe, simulated often; figures in percent.

    `informs`: simulations with this verdict at the end. `ever`: with it at any midnight. `by_evidence`: with evidence
    of 20 at the end. `worth_it`: with that verdict at the end. `brier_skill`: the mean, against the base rate.
    `kept`: trades that would have been kept.
    """

    universe: str
    decisions: int
    simulations: int
    informs: Figure
    ever: Figure
    by_evidence: Figure
    worth_it: Figure
    brier_skill: Figure
    kept: Figure


def measure(planted: Planted, decisions: int, simulations: int, seed: int) -> Measured:
    """Simulate a universe; the same seed gives the same figures, whatever else is measured."""
    chances = np.random.default_rng([seed, decisions, *planted.name.encode()]).spawn(simulations)
    informs = ever = evident = worth = 0
    skill, kept = np.empty(simulations), np.empty(simulations)
    for number, chance in enumerate(chances):
        judged = foretell(universe.draw(planted, decisions, chance))
        last = len(judged.e_value) - 1
        informs += judged.informs(last) is True
        ever += any(judged.informs(place) is True for place in range(last + 1))
        evident += bool(judged.e_value[last] >= 20)
        worth += judged.worth_it(last) is True
        skill[number] = 100 * judged.brier_skill[last]
        kept[number] = 100 * judged.kept.n[last] / max(1, judged.gain.n[last])
    verdicts = [Figure.share(count, simulations) for count in (informs, ever, evident, worth)]
    return Measured(planted.name, decisions, simulations, *verdicts, *map(Figure.mean, (skill, kept)))


def foretell(drawn: Universe) -> Judged:
    """Fit, predict and judge at each midnight, as the step of learn does from rows."""
    learned = learn(drawn)
    n, agents = drawn.directions.shape
    side = np.sign((drawn.directions * drawn.confidences).sum(axis=1)).astype(np.int8)
    trades = np.flatnonzero(side)
    hour_size, day_size, hour_return = _moves(drawn)
    seen = Seen(
        drawn.opened, drawn.expires, side, np.full(n, np.nan), np.zeros(n, dtype=np.int32), learned.scores, hour_size,
        day_size, hour_return, (drawn.directions != 0).sum(axis=1).astype(np.float64),
        (drawn.directions == side[:, None]).sum(axis=1).astype(np.float64), drawn.directions, drawn.confidences / 100,
    )[trades]  # fmt: skip
    features, names = build_features(seen, 1), name_features([f"agent {one}" for one in range(agents)], ["S"])
    net = side[trades] * drawn.h[trades] - FEE_PCT
    uniqueness = mean_uniqueness(drawn.opened, drawn.expires)[trades]
    midnights = np.arange(seen.expires[0] // DAY + 1, -(-seen.expires[-1] // DAY) + 1) * DAY
    released = released_at(seen.opened, seen.expires)
    walked = fit_walk(features, names, net, uniqueness, released, midnights, 0.0)
    said = predict_walk([(at, model) for at, _, model in walked], features, names, seen.opened)
    told = np.flatnonzero(~np.isnan(said.p))
    predicted = Predicted(
        seen.opened[told], seen.expires[told], said.p[told], said.market[told], said.base[told], said.kept[told],
        uniqueness[told], net[told],
    )  # fmt: skip
    return judge(predicted, midnights, BLOCK_US)


def _moves(drawn: Universe) -> tuple[Floats, Floats, Floats]:
    """How the market moved before each decision: sizes over an hour and a day, and the return of the last hour.

    A universe has no candles. The horizons that ended by then stand for them: the last one, and those of a day.
    """
    known = np.searchsorted(drawn.expires, drawn.opened, side="right")
    total = np.concatenate([[0.0], np.cumsum(np.abs(drawn.h))])

    def mean_size(count: int) -> Floats:
        sizes = (total[known] - total[np.maximum(known - count, 0)]) / count / 100
        return np.where(known >= count, sizes, np.nan)

    last = np.where(known > 0, drawn.h[np.maximum(known - 1, 0)] / 100, np.nan)
    return mean_size(10), mean_size(240), last


def table(measured: Sequence[Measured], bars: Sequence[Bar] = BARS) -> Table:
    """One row per universe and size, with the bars that it must reach."""
    shown = Table(title="The meta-model: does it predict which trades pay?")
    shown.add_column("universe", no_wrap=True)
    for heading in ("decisions", "runs", "informs %", "ever %", "evidence %", "worth it %", "Brier skill %", "kept %"):
        shown.add_column(heading, justify="right", no_wrap=True)
    shown.add_column("bars")
    for one in measured:
        asked = [bar for bar in bars if (bar.planted.name, bar.decisions) == (one.universe, one.decisions)]
        figures = (one.informs, one.ever, one.by_evidence, one.worth_it, one.brier_skill, one.kept)
        shown.add_row(
            one.universe, f"{one.decisions:,}", f"{one.simulations:,}",
            *(f"{figure.value:.2f} ± {figure.error:.2f}" for figure in figures),
            "; ".join(f"{bar} {'✓' if bar.is_reached(one) else 'MISSED'}" for bar in asked),
        )  # fmt: skip
    shown.caption = "± one Monte-Carlo standard error; ever: at any midnight; evidence: an e-value of 20 at the end"
    return shown
