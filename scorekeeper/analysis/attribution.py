"""What each agent contributed: Shapley value, leave-one-out, rank correlation. Pure functions over columns.

A decision with horizon return h is a cooperative game: a set S of its agents earns v(S) = sign(sum of their weights)
times h. An agent's weight is its direction times its confidence, or times 50 if it gave none. The empty set earns 0. A
sum within 1e-9 of 0 has sign 0.
"""

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scorekeeper.analysis.input_columns import Floats, Ints

NO_CONFIDENCE = 50.0
TOLERANCE = 1e-9
MOST_EXACT = 12  # agents with a weight in one decision: 4,096 coalitions
PERMUTATIONS = 256
_CELLS = 1 << 21  # numbers held at once: what is drawn hangs on it, and the last digit of a product of matrices
_SLICE = 1 << 17  # of these counted at once: bincount makes wide copies of what it counts
_READ = 1 << 17  # signals whose weights are looked at once
_MOST_RANKS = 1 << 16  # whole numbers that are ranked by counting


@dataclass(frozen=True)
class Attribution:
    """Per signal: its Shapley value in percent, and the sampling variance (0 where exact).

    `swing`: the sign of the vote of all, minus that of the vote without this signal.
    """

    shapley: Floats
    variance: Floats
    swing: Ints


def weigh(direction: Ints, confidence: Floats) -> Floats:
    """The weight of each signal, -100..100; 0 for an abstention.

    `direction`: +1, 0 or -1. `confidence`: 0..100, NaN for none.

    >>> weigh(np.array([1, -1, 0]), np.array([80.0, np.nan, 90.0])).tolist()
    [80.0, -50.0, 0.0]
    """
    return np.where(np.isnan(confidence), confidence.dtype.type(NO_CONFIDENCE), confidence) * direction


def sign(sums: Floats) -> Floats:
    """-1, 0 or 1; 0 for a sum within 1e-9 of 0."""
    return np.subtract(sums > TOLERANCE, sums < -TOLERANCE, dtype=np.float64)


def attribute(decision: Ints, weight: Floats, returns: Floats) -> Attribution:
    """Each signal's Shapley value in percent, and what leaving it out swings.

    `decision` (ascending indices into `returns`) and `weight` have shape (signals,), `returns` (decisions,) in percent.

    The Shapley value of an agent is its mean marginal contribution over all orders in which the agents may arrive; the
    values of a decision's agents sum to what all of them earn together. Leave-one-out is v(all) - v(all but this one):
    the swing times the return.
    An agent of weight 0 has value 0, and does not change the others' values. The result is exact up to twelve agents
    with a weight in a decision. Beyond, it is the mean over 256 random orders, whose seed is made from the data.

    Two agents for +1, one weaker agent against, and a return of 2 %:

    >>> shares = attribute(np.array([0, 0, 0]), np.array([60.0, 60.0, -50.0]), np.array([2.0]))
    >>> shares.shapley.round(3).tolist(), (shares.swing * 2.0).tolist()
    ([1.333, 1.333, -0.667], [0.0, 0.0, 0.0])

    Shapley (1953), A value for n-person games. Castro, Gómez and Tejada (2009), Polynomial calculation of the Shapley
    value based on sampling.
    """
    shares = Attribution(np.zeros(len(weight)), np.zeros(len(weight)), np.zeros(len(weight), dtype=np.int8))
    for places in _list_blocks(decision, weight):
        weights, h = weight[places].astype(np.float64), returns[decision[places[:, 0]]][:, None]
        total = weights.sum(axis=1, keepdims=True)
        shares.swing[places] = sign(total) - sign(total - weights)
        if weights.shape[1] <= MOST_EXACT:
            shares.shapley[places] = _exact(weights) * h
        else:
            mean, variance = _sampled(weights)
            shares.shapley[places], shares.variance[places] = mean * h, variance * h * h
    return shares


def _list_blocks(decision: Ints, weight: Floats) -> Iterator[Ints]:
    """The places of the signals with a weight, shape (decisions, agents), by blocks of decisions with as many agents.

    A block has as many decisions as fit into _CELLS, in order: so the blocks do not depend on what is read at once.
    """
    waiting: defaultdict[int, list[Ints]] = defaultdict(list)
    start = 0
    while start < len(decision):
        # To the end of a decision.
        last = decision[min(start + _READ, len(decision)) - 1]
        end = start + int(np.searchsorted(decision[start:], last, side="right"))
        places = (np.flatnonzero(weight[start:end]) + start).astype(np.int32)
        firsts = np.flatnonzero(np.diff(decision[places], prepend=-1))
        counts = np.diff(firsts, append=len(places))
        for k in np.unique(counts).tolist():
            waiting[k].append(places[firsts[counts == k][:, None] + np.arange(k)])
            many = max(1, _CELLS // (1 << k if k <= MOST_EXACT else k * PERMUTATIONS))
            if sum(map(len, waiting[k])) >= many:
                found = np.concatenate(waiting.pop(k))
                whole = len(found) // many * many
                yield from (found[first : first + many] for first in range(0, whole, many))
                waiting[k] = [found[whole:].copy()]
        start = end
    yield from (found for some in waiting.values() if len(found := np.concatenate(some)))


def _exact(weights: Floats) -> Floats:
    """Shapley values of the sign game, shape (decisions, agents), summed over every coalition."""
    k = weights.shape[1]
    within = (np.arange(1 << k)[:, None] >> np.arange(k)) & 1  # (coalitions, agents)
    size = within.sum(axis=1)
    # share[s]: the share of orders in which a given set of s agents, and no other, arrives before an agent.
    share = np.array([math.factorial(s) * math.factorial(k - s - 1) / math.factorial(k) for s in range(k)])
    gives = np.where(within == 1, share[np.maximum(size - 1, 0)][:, None], -share[np.minimum(size, k - 1)][:, None])
    sums = weights @ within.T.astype(np.float64)
    np.subtract(sums > TOLERANCE, sums < -TOLERANCE, out=sums, dtype=np.float64)  # sign, in place
    return np.asarray(sums @ gives)


def _sampled(weights: Floats) -> tuple[Floats, Floats]:
    """Means over random orders, and the variances of these means, both of shape (decisions, agents)."""
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
    """Spearman's rank correlation of an agent's weights with the returns, -1..1.

    None below 3 values, or if either is constant.

    >>> information_coefficient(np.array([10.0, 20.0, 30.0]), np.array([0.1, 0.2, 5.0]))
    1.0
    """
    if len(weight) < 3 or not np.ptp(weight) or not np.ptp(returns):
        return None
    return correlate_ranks(number(weight), number(returns))


def correlate_ranks(one: Ints, other: Ints) -> float:
    """The correlation of the ranks of whole numbers, 0 or more, of which each array has different ones.

    >>> correlate_ranks(np.array([0, 1, 2]), np.array([2, 1, 0]))
    -1.0
    """
    return float(np.corrcoef(np.stack([mean_ranks(one), mean_ranks(other)]))[1, 0])


def number(values: Floats) -> Ints:
    """The values, shape (n,), as whole numbers from 0 on that are in the same order, and equal where they are.

    >>> number(np.array([0.5, -2.0, 0.5])).tolist()
    [1, 0, 1]
    """
    if len(values) and float(values.max()) - float(values.min()) < _MOST_RANKS:
        whole = (values - values.min()).astype(np.int32)
        if (whole + values.min() == values).all():
            return np.asarray(whole)
    numbers: Ints = np.unique(values, return_inverse=True)[1].astype(np.int32)
    return numbers


def mean_ranks(numbers: Ints) -> Floats:
    """The rank of each of the numbers, from 1 on; equal ones have the mean of their ranks.

    `numbers`, shape (n,): whole, 0 or more.

    >>> mean_ranks(np.array([7, 0, 7], dtype=np.int32)).tolist()
    [2.5, 1.0, 2.5]
    """
    counts = np.bincount(numbers)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[numbers])


def votes(decision: Ints, weight: Floats | Ints, decisions: int) -> Floats:
    """The direction of the weighted vote in each of `decisions` decisions: -1, 0 or 1. `decision` ascends."""
    sums = np.zeros(decisions)
    bounds = range(0, decisions + _SLICE, _SLICE)
    places = np.searchsorted(decision, np.minimum(bounds, decisions).astype(decision.dtype)).tolist()
    for bound, start, end in zip(bounds, places, places[1:], strict=False):
        some = sums[bound : bound + _SLICE]
        some += np.bincount(decision[start:end] - bound, weights=weight[start:end], minlength=len(some))
    return sign(sums)


def count_signals(agents: Ints, number: int) -> list[int]:
    """How many signals each of `number` agents has."""
    counts = np.zeros(number, dtype=np.int64)
    for start in range(0, len(agents), _SLICE):
        counts += np.bincount(agents[start : start + _SLICE], minlength=number)
    return [int(count) for count in counts]


def of_agent(agents: Ints, agent: int) -> NDArray[np.intp]:
    """The indices of the signals of an agent, in order."""
    return np.flatnonzero(agents == agent)
