"""What each agent contributed: Shapley value, leave-one-out, rank correlation. Pure functions over columns.

The game of a decision with return h: v(S) = sign(sum of the weights of S) · h, where an agent's weight is its direction
times its confidence (50 if it gave none); v of nobody is 0, and a sum within 1e-9 of 0 has sign 0.
"""

import hashlib
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from scorekeeper.analysis.input_columns import Floats, Ints

NO_CONFIDENCE = 50.0
TOLERANCE = 1e-9
MOST_EXACT = 12  # agents with a weight in one decision: 4,096 coalitions
PERMUTATIONS = 256
_CELLS = 1 << 21  # numbers held at once


@dataclass(frozen=True)
class Attribution:
    """Per signal, in percent: its share of what the vote of all earned; `variance` is that of sampling, 0 if exact."""

    shapley: Floats
    variance: Floats
    leave_one_out: Floats


def weigh(direction: Ints, confidence: Floats) -> Floats:
    """The weight of each signal, -100..100: an abstention weighs nothing."""
    return np.where(np.isnan(confidence), NO_CONFIDENCE, confidence) * direction


def sign(sums: Floats) -> Floats:
    """-1, 0 or 1; what is within 1e-9 of 0 is 0."""
    return np.where(np.abs(sums) <= TOLERANCE, 0.0, np.sign(sums))


def attribute(decision: Ints, weight: Floats, returns: Floats) -> Attribution:
    """Each signal's Shapley value and leave-one-out.

    `decision` (ascending numbers into `returns`) and `weight` have one entry per signal. Exact up to twelve weighing
    agents in a decision (who weighs nothing changes no coalition: his value is 0, and the others' do not depend on
    him); beyond, the mean over 256 random orders (Castro, Gómez and Tejada 2009), the seed being made from the data.
    """
    answer = Attribution(*(np.zeros(len(weight)) for _ in range(3)))
    weighs = np.flatnonzero(weight)
    counts = np.bincount(decision[weighs], minlength=len(returns))
    starts = np.cumsum(counts) - counts
    for k in np.unique(counts[counts > 0]).tolist():
        decisions = np.flatnonzero(counts == k)
        many = max(1, _CELLS // (1 << k if k <= MOST_EXACT else k * PERMUTATIONS))
        for first in range(0, len(decisions), many):
            some = decisions[first : first + many]
            places = weighs[starts[some][:, None] + np.arange(k)]
            weights, h = weight[places], returns[some][:, None]
            total = weights.sum(axis=1, keepdims=True)
            answer.leave_one_out[places] = (sign(total) - sign(total - weights)) * h
            if k <= MOST_EXACT:
                answer.shapley[places] = _exact(weights) * h
            else:
                mean, variance = _sampled(weights)
                answer.shapley[places], answer.variance[places] = mean * h, variance * h * h
    return answer


def _exact(weights: Floats) -> Floats:
    """Shapley values of the signs, shape (decisions, agents), from every coalition of the agents."""
    k = weights.shape[1]
    within = (np.arange(1 << k)[:, None] >> np.arange(k)) & 1  # (coalitions, agents)
    size = within.sum(axis=1)
    # The share of orders in which exactly so many come before an agent, for coalitions with it and without it.
    share = np.array([math.factorial(s) * math.factorial(k - s - 1) / math.factorial(k) for s in range(k)])
    gives = np.where(within == 1, share[np.maximum(size - 1, 0)][:, None], -share[np.minimum(size, k - 1)][:, None])
    return np.asarray(sign(weights @ within.T.astype(np.float64)) @ gives)


def _sampled(weights: Floats) -> tuple[Floats, Floats]:
    """Means over random orders, and the variances of these means, both (decisions, agents)."""
    m, k = weights.shape
    chance = np.random.default_rng(int.from_bytes(hashlib.sha256(weights.tobytes()).digest()[:8]))
    orders = chance.random((m, PERMUTATIONS, k)).argsort(axis=2)
    arriving = np.take_along_axis(np.broadcast_to(weights[:, None, :], orders.shape), orders, axis=2)
    signs = sign(np.cumsum(arriving, axis=2))
    gained = np.diff(signs, axis=2, prepend=0.0)
    by_agent = np.empty_like(gained)
    np.put_along_axis(by_agent, orders, gained, axis=2)
    return by_agent.mean(axis=1), by_agent.var(axis=1, ddof=1) / PERMUTATIONS


def information_coefficient(weight: Floats, returns: Floats) -> float | None:
    """Spearman's rank correlation of an agent's weights with the returns; None below 3, or if either is constant."""
    if len(weight) < 3 or not np.ptp(weight) or not np.ptp(returns):
        return None
    return float(stats.spearmanr(weight, returns).statistic)


def votes(decision: Ints, weight: Floats, decisions: int) -> Floats:
    """The direction that the weighted vote takes in each of so many decisions: -1, 0 or 1."""
    return sign(np.bincount(decision, weights=weight, minlength=decisions).astype(np.float64))


def of_agent(agents: Ints, number: int) -> list[NDArray[np.intp]]:
    """The places of each of so many agents' signals, in their order."""
    order = np.argsort(agents, kind="stable")
    return np.split(order, np.searchsorted(agents[order], np.arange(1, number))) if number else []
