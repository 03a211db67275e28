"""Means with robust intervals after each of many moments, from running sums.

analysis/intervals.py gives the same interval for one moment. Here values are in the order in which they became known,
so that what is known at a moment comes first.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scorekeeper.analysis.intervals import FEWEST_INDEPENDENT, GROUPS, T95
from scorekeeper.metrics.daily_series import SMALLEST_STD

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]



@dataclass(frozen=True)
class Means:
    """Means after each moment, shape (moments,). NaN: undefined.

    `independent`: how many of the values have spans of which no two overlap.
    """

    n: Ints
    independent: Ints
    mean: Floats
    low: Floats
    high: Floats


def running_means(values: ArrayLike, opened: Ints, expires: Ints, known: Ints) -> Means:
    """The mean of the first `known[j]` values, with its 95 % interval, for each j.

    `values`, `opened`, `expires`: shape (n,), in order of `expires`. `known`: shape (moments,), 0..n.

    The interval is Student's t over the means of eight consecutive groups of known/8 values (batch means); a value at a
    cut counts in both groups by its share: Schmeiser (1982), Batch size effects in the analysis of simulation output.
    It is NaN below 20 values whose spans do not overlap, or where the groups do not differ.

    >>> opened = np.arange(24)
    >>> found = running_means([1.0, 3.0, 2.0] * 8, opened, opened + 1, np.array([3, 24]))
    >>> found.mean.tolist(), found.independent.tolist(), found.low.tolist()
    ([2.0, 2.0], [3, 24], [nan, nan])
    """
    x = np.asarray(values, dtype=np.float64)
    total = np.concatenate([[0.0], np.cumsum(x)])
    independent = count_running(opened, expires)[known]
    some = np.maximum(known, 1)
    mean = np.where(known > 0, total[known] / some, np.nan)
    cuts = known[:, None] * np.arange(GROUPS + 1) / GROUPS
    means = np.diff(np.interp(cuts, np.arange(len(total)), total), axis=1) / (some[:, None] / GROUPS)
    spread = np.std(means, axis=1, ddof=1)
    told = (independent >= FEWEST_INDEPENDENT) & (spread >= SMALLEST_STD)
    half = np.where(told, T95 * spread / math.sqrt(GROUPS), np.nan)
    return Means(known, independent, mean, mean - half, mean + half)


def count_running(opened: Ints, expires: Ints) -> Ints:
    """The largest number of spans [opened, expires) of which no two overlap, among the first 0, 1, … n spans.

    Spans in order of `expires`, none empty. The one that ends first is chosen, then the next that begins after it:
    Kleinberg and Tardos (2005), Algorithm Design, 4.1.

    >>> count_running(np.array([0, 5, 10]), np.array([10, 15, 20])).tolist()
    [0, 1, 1, 2]
    """
    chosen = np.zeros(len(opened) + 1, dtype=np.int64)
    place, n, look = 0, len(opened), 64
    while place < n:
        chosen[place + 1] = 1
        end, place = expires[place], place + 1
        while place < n:  # the next span that begins at or after `end`
            found = np.flatnonzero(opened[place : place + look] >= end)
            if len(found):
                place += int(found[0])
                break
            place += look
    return np.cumsum(chosen)
