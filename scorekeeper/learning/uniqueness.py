"""How much of each call is its own: calls whose lives overlap are about the same stretch of the market."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_UNITS = 14  # a segment of a life is counted in units of 2^-14 microseconds


def mean_uniqueness(opened: Ints, expires: Ints) -> Floats:
    """The mean over each life [opened, expires) of 1 / (lives that are open): 0 to 1, for lives in microseconds.

    Ten calls that overlap all the time have 0.1 each. `opened` and `expires` have one entry per life, in any order.
    A life longer than 17 years overflows. The sums are of whole numbers, so that an entry depends on the lives that
    overlap with it alone, to the bit. Reference: López de Prado, Advances in Financial Machine Learning (2018), 4.4.

    >>> mean_uniqueness(np.array([0, 0, 20]), np.array([10, 20, 30])).tolist()
    [0.5, 0.75, 1.0]
    """
    times = np.concatenate([opened, expires])
    order = np.argsort(times, kind="stable")
    times = times[order]
    is_open = np.cumsum(np.where(order < len(opened), 1, -1))
    share = np.zeros(len(times), dtype=np.int64)  # what a life that is open has gathered between events
    if len(times):
        some = is_open[:-1] > 0
        share[1:][some] = (np.diff(times)[some] << _UNITS) // is_open[:-1][some]
    gathered = np.cumsum(share)
    own = gathered[np.searchsorted(times, expires)] - gathered[np.searchsorted(times, opened)] if len(times) else share
    return own.astype(np.float64) / ((expires - opened).astype(np.float64) * 2.0**_UNITS)


def call_uniqueness(opened: Ints, expires: Ints, decision: NDArray[Any], agent: NDArray[Any], agents: int) -> Floats:
    """mean_uniqueness among the calls of the same agent, for each call.

    `opened`, `expires`: lives of decisions in microseconds. `decision`, `agent`: the place of each call's decision and
    the number of its agent, below `agents`.
    """
    own = np.empty(len(decision))
    order = np.argsort(agent, kind="stable")
    ends = np.searchsorted(agent[order], np.arange(agents + 1))
    for number in range(agents):
        calls = order[ends[number] : ends[number + 1]]
        own[calls] = mean_uniqueness(opened[decision[calls]], expires[decision[calls]])
    return own
