"""Learns from a universe by the product's own functions, as its flow does from rows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.learning.universe import Floats, Universe
from scorekeeper.learning import evidence, weights
from scorekeeper.learning.uniqueness import call_uniqueness, mean_uniqueness

Flags = NDArray[np.bool_]

HOUR_US = 3_600_000_000


@dataclass(frozen=True)
class Learned:
    """What was learned of a universe of n decisions.

    `weights`: at each opening, shape (n, agents). `learned_bps`, `equal_bps`, `in_use_bps`: what each decision's vote
    earned at the horizon before fees. `ends`: the block's end in microseconds, `e_value` and `adopted`: after it.
    `decisions`: known by then.
    """

    weights: Floats
    scores: Floats
    learned_bps: Floats
    equal_bps: Floats
    in_use_bps: Floats
    ends: NDArray[np.int64]
    e_value: Floats
    adopted: Flags
    decisions: NDArray[np.int64]

    @property
    def first_adopted(self) -> int | None:
        """After how many decisions the weights were first adopted; None: never."""
        return int(self.decisions[np.argmax(self.adopted)]) if self.adopted.any() else None


def learn(universe: Universe) -> Learned:
    """Walk forward over the universe: each decision by what was known when it opened."""
    opened, expires, h = universe.opened, universe.expires, universe.h
    n, agents = universe.directions.shape
    decision, agent = np.nonzero(universe.directions)
    direction = universe.directions[decision, agent].astype(np.int64)
    own = mean_uniqueness(opened, expires)
    # All are held for the same time, so that the order of outcomes is that of decisions.
    outcomes = weights.Outcomes(own, h)
    calls = weights.Calls(decision, agent, direction, call_uniqueness(opened, expires, decision, agent, agents))
    market = weights.follow_market(weights.MarketSums(), outcomes)
    known = np.searchsorted(expires, opened, side="right")
    names = [f"agent {number}" for number in range(agents)]
    nothing = weights.AgentSums(names, np.zeros((agents, 4)), *np.zeros((3, agents)))
    p, evident = np.empty((n, agents)), np.zeros(n, dtype=bool)
    for number, path in enumerate(weights.follow_agents(nothing, market, outcomes, calls)):
        p[:, number] = weights.p_right(path.evidence, market, known)
        evident |= (path.evidence.sum(axis=0) > 0)[known]
    weight = weights.weigh(p, np.ones((n, agents), dtype=bool), evident)
    stated = direction * universe.confidences[decision, agent] / 100.0
    votes = weights.vote(weight, np.full(n, agents), decision, agent, stated)
    scale = np.where(known > 0, np.sqrt(market.squares[known] / np.maximum(known, 1)), np.nan)
    excess = evidence.excess(votes.score, votes.equal_score, h, scale)
    hours = evidence.choose_block_hours(expires - opened)
    assert hours is not None, "a universe has 20 decisions or more"
    places, block = evidence.find_blocks(opened, expires, hours * HOUR_US)
    numbers, which = np.unique(block, return_inverse=True)
    path_of = evidence.follow_blocks(
        evidence.EvidenceState(), np.bincount(which, excess[places]) / np.bincount(which)
    )
    ends = (numbers + 1) * hours * HOUR_US
    last = np.searchsorted(ends, opened, side="right") - 1
    in_use = (last >= 0) & path_of.adopted[last]
    return Learned(
        weight,
        votes.score,
        100 * votes.direction * h,
        100 * votes.equal_direction * h,
        100 * np.where(in_use, votes.direction, votes.equal_direction) * h,
        ends,
        path_of.e_value,
        path_of.adopted,
        np.searchsorted(opened, ends),
    )
