"""The weights of agents: shrunk log-odds of being right, from evidence that is forgotten as new evidence comes.

The sums of gamma * u never change by time alone, but shrink with each outcome. They are kept times 2^(N / 336), which
turns forgetting into adding. N is taken from the last multiple of 64 * 336, so that numbers stay small: at each
multiple the sums are divided by 2^64, without rounding. Every sum adds outcome by outcome, so that it is the same to
the bit, however the outcomes are divided into runs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scorekeeper.learning.constants import HALF_LIFE, PRIOR_CALLS, PRIOR_MOVES, PRIOR_RIGHT, ZERO_SCORE

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

HALVINGS = 64  # after so many, the sums are divided
_PERIOD = HALF_LIFE * HALVINGS
_FALL = 2.0**-HALVINGS


@dataclass(frozen=True)
class AgentSums:
    """One entry per agent, in order of names: the sums of its calls on outcomes so far.

    `evidence`: right on a move up, right on a move down, wrong on a move up, wrong on a move down; a row per agent,
    scaled. `calls`, `ups`: how many, and how many of them were up. `independent`: the sum of their uniqueness.
    """

    names: list[str]
    evidence: Floats
    calls: Floats
    ups: Floats
    independent: Floats

    def among(self, names: list[str]) -> "AgentSums":
        """The same for `names`, which hold all of these agents; a new one has zeros."""
        places = np.searchsorted(names, self.names) if self.names else np.empty(0, dtype=np.int64)
        evidence, counts = np.zeros((len(names), 4)), np.zeros((3, len(names)))
        evidence[places] = self.evidence
        counts[:, places] = self.calls, self.ups, self.independent
        return AgentSums(names, evidence, *counts)


@dataclass(frozen=True)
class MarketSums:
    """The sums over outcomes so far: how many, N, and the rest.

    `up`, `down`: the weight of moves, scaled. `squares`, `sizes`: of returns in percent. `advantage`: of
    (learned direction - equal direction) * return, in percent.
    """

    outcomes: int = 0
    independent: float = 0.0
    up: float = 0.0
    down: float = 0.0
    squares: float = 0.0
    sizes: float = 0.0
    advantage: float = 0.0


@dataclass(frozen=True)
class Outcomes:
    """One entry per outcome, in order of (expires_at, trade_id): its decision's uniqueness, its return in percent."""

    uniqueness: Floats
    returns: Floats


@dataclass(frozen=True)
class Calls:
    """One entry per call on an outcome, in order of (outcome, agent): their places, direction and uniqueness."""

    outcome: Ints
    agent: Ints
    direction: Ints
    uniqueness: Floats


@dataclass(frozen=True)
class MarketPath:
    """The sums after 0, 1, 2 … outcomes from a state; `epoch`: how often they were divided; `shrink`: 2^-(N / 336)."""

    independent: Floats
    epoch: Ints
    shrink: Floats
    up: Floats
    down: Floats
    squares: Floats
    sizes: Floats


@dataclass(frozen=True)
class AgentPath:
    """The sums of one agent after 0, 1, 2 … outcomes; see AgentSums. `evidence`: four rows."""

    evidence: Floats
    calls: Floats
    ups: Floats
    independent: Floats


def follow_market(state: MarketSums, outcomes: Outcomes) -> MarketPath:
    """The sums of the market after each of the outcomes that follow `state`."""
    independent = running(state.independent, outcomes.uniqueness)
    epoch = np.floor(independent / _PERIOD).astype(np.int64)
    exponent = (independent - epoch * _PERIOD) / HALF_LIFE
    weight = outcomes.uniqueness * np.exp2(exponent[1:])
    went_up = outcomes.returns > 0
    return MarketPath(
        independent,
        epoch,
        np.exp2(-exponent),
        _scaled(state.up, np.where(went_up, weight, 0.0), epoch),
        _scaled(state.down, np.where(went_up, 0.0, weight), epoch),
        running(state.squares, outcomes.returns**2),
        running(state.sizes, np.abs(outcomes.returns)),
    )


def follow_agents(state: AgentSums, market: MarketPath, outcomes: Outcomes, calls: Calls) -> Iterator[AgentPath]:
    """The sums of each agent after each of the outcomes, an agent at a time, since all of them would be many."""
    growth = 1.0 / market.shrink[1:]
    up, right = outcomes.returns[calls.outcome] > 0, calls.direction * outcomes.returns[calls.outcome] > 0
    kind = np.where(right, 0, 2) + np.where(up, 0, 1)
    order = np.argsort(calls.agent, kind="stable")
    ends = np.searchsorted(calls.agent[order], np.arange(len(state.names) + 1))
    for number in range(len(state.names)):
        own = order[ends[number] : ends[number + 1]]
        place, which = calls.outcome[own], kind[own]
        values = np.zeros((4, len(growth)))
        values[which, place] = calls.uniqueness[own] * growth[place]
        counts = np.zeros((3, len(growth)))
        counts[0, place] = 1.0
        counts[1, place] = calls.direction[own] > 0
        counts[2, place] = calls.uniqueness[own]
        yield AgentPath(
            np.stack([_scaled(float(state.evidence[number, k]), values[k], market.epoch) for k in range(4)]),
            running(float(state.calls[number]), counts[0]),
            running(float(state.ups[number]), counts[1]),
            running(float(state.independent[number]), counts[2]),
        )


def p_right(evidence: Floats, market: MarketPath, at: Ints) -> Floats:
    """How probable it is that an agent's next call is right, after each of the numbers `at` of outcomes.

    `evidence`: AgentPath.evidence. Each call weighs .5 / (share of moves in its outcome's direction); a prior of 100
    independent calls at 55 % right is added.
    """
    shrink = market.shrink[at]
    up, down = market.up[at] * shrink, market.down[at] * shrink
    both = up + down + 2.0 * PRIOR_MOVES
    up_factor, down_factor = 0.5 / ((up + PRIOR_MOVES) / both), 0.5 / ((down + PRIOR_MOVES) / both)
    good = (evidence[0, at] * up_factor + evidence[1, at] * down_factor) * shrink
    bad = (evidence[2, at] * up_factor + evidence[3, at] * down_factor) * shrink
    return np.asarray((good + PRIOR_CALLS * PRIOR_RIGHT) / (good + bad + PRIOR_CALLS))


def weigh(p: Floats, known: Flags, evident: Flags) -> Floats:
    """The published weights: log-odds, divided by the mean of their sizes. One row per moment, one column per agent.

    `known`: agents that have spoken by then; the others weigh 1. `evident`: moments with any evidence; before it, every
    weight is exactly 1.

    >>> weigh(np.array([[0.6, 0.5, 0.4], [0.55, 0.55, 0.55]]), np.ones((2, 3), dtype=bool), np.array([True, False]))
    array([[ 1.5,  0. , -1.5],
           [ 1. ,  1. ,  1. ]])
    """
    odds = np.where(known, np.log(p / (1.0 - p)), 0.0)
    size, agents = np.zeros(len(p)), known.sum(axis=1)
    for column in range(p.shape[1]):
        size = size + np.abs(odds[:, column])
    told = evident & (size > 0)
    scaled = odds * (agents / np.where(told, size, 1.0))[:, None]
    return np.where(known & told[:, None], scaled, 1.0)


@dataclass(frozen=True)
class Votes:
    """One entry per decision: the learned and the equal score, -1 to 1, and their directions."""

    score: Floats
    equal_score: Floats
    direction: Ints
    equal_direction: Ints


def vote(weights: Floats, agents: Ints, decision: Ints, agent: Ints, call: Floats) -> Votes:
    """The votes on decisions: sums of weight * call over signals in order of (decision, agent), over `agents`.

    `weights`: a row per decision, a column per agent. `agents`: how many are known at each decision; a score of none is
    0. `call`: direction * confidence of each signal, confidence as a fraction.

    >>> said = vote(np.array([[1.5, 0.5]]), np.array([2]), np.array([0, 0]), np.array([0, 1]), np.array([0.5, -0.9]))
    >>> said.score.round(3).tolist(), said.equal_score.round(3).tolist(), said.equal_direction.tolist()
    ([0.15], [-0.2], [-1])
    """
    count = len(agents)
    learned = np.bincount(decision, weights[decision, agent] * call, count).astype(np.float64)
    equal = np.bincount(decision, call, count).astype(np.float64)
    some = np.maximum(agents, 1)
    return Votes(learned / some, equal / some, _sign(learned), _sign(equal))


def _sign(score: Floats) -> Ints:
    return np.where(np.abs(100.0 * score) <= ZERO_SCORE, 0, np.sign(score)).astype(np.int64)


def running(start: float, values: NDArray[Any]) -> Floats:
    """The sums after 0, 1, 2 … values, each added to the one before.

    >>> running(1.0, np.array([2.0, 3.0])).tolist()
    [1.0, 3.0, 6.0]
    """
    return np.cumsum(np.concatenate([[start], values]))


def _scaled(start: float, values: Floats, epoch: Ints) -> Floats:
    """_running, divided by 2^64 whenever the epoch grows by one."""
    sums = np.empty(len(epoch))
    ends = [*(np.flatnonzero(np.diff(epoch)) + 1).tolist(), len(epoch)]
    sums[: ends[0]] = running(start, values[: ends[0] - 1])
    for begin, end in pairwise(ends):
        holding = float(sums[begin - 1])
        for _ in range(int(epoch[begin] - epoch[begin - 1])):
            holding *= _FALL
        sums[begin:end] = running(holding, values[begin - 1 : end - 1])[1:]
    return sums
