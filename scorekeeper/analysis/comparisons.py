"""Compares means with values and with each other, and gives verdicts that allow for many comparisons."""

import math
from collections.abc import Sequence

import numpy as np

from scorekeeper.analysis.document import Claim
from scorekeeper.analysis.input_columns import DecisionColumns, Floats, Ints
from scorekeeper.analysis.intervals import GROUPS, T95, RobustMean, robust_mean

FALSE_DISCOVERIES = 0.05


def adjust(p_values: Sequence[float | None]) -> list[float | None]:
    """The p-values adjusted by Benjamini and Hochberg (1995) over those that are defined; None stays None.

    >>> adjust([0.01, None, 0.04])
    [0.02, None, 0.04]
    """
    known = [p for p in p_values if p is not None]
    adjusted = iter(_benjamini_hochberg(np.array(known)).tolist())
    return [None if p is None else next(adjusted) for p in p_values]


def _benjamini_hochberg(p_values: Floats) -> Floats:
    """The least p(i) m / i of the i-th smallest p-value and all larger ones, at most 1."""
    order, m = np.argsort(p_values), len(p_values)
    scaled = p_values[order] * (m / np.arange(1.0, m + 1))
    adjusted = np.empty(m)
    adjusted[order] = np.minimum.accumulate(scaled[::-1])[::-1]
    return np.clip(adjusted, 0.0, 1.0)


def judge(family: Sequence[tuple[RobustMean, float]]) -> list[Claim]:
    """A claim for each pair of a mean and the value to compare it with. The family is all that is shown together."""
    adjusted = adjust([estimate.p for estimate, _ in family])
    return [
        Claim(estimate, null, p, _verdict(estimate, null, p))
        for (estimate, null), p in zip(family, adjusted, strict=True)
    ]


def _verdict(estimate: RobustMean, null: float, p_adjusted: float | None) -> str | None:
    if estimate.ci95 is None or p_adjusted is None or p_adjusted >= FALSE_DISCOVERIES:
        return None
    low, high = estimate.ci95
    return "above" if low > null else "below" if high < null else None


def compare_paired(one: Floats, other: Floats, opened: Floats, closed: Floats) -> RobustMean:
    """The mean of the paired differences, one minus other; `opened` and `closed` in seconds."""
    return robust_mean(one - other, opened, closed)


def compare_apart(one: RobustMean, other: RobustMean) -> RobustMean:
    """The difference of two unpaired means, with the interval of Welch (1947).

    Each mean's standard error is that of its eight groups. `n` counts the values of both; `independent` is the smaller
    of the two.
    """
    n, independent = one.n + other.n, min(one.independent, other.independent)
    if one.mean is None or other.mean is None:
        return RobustMean(None, n, independent, None, None)
    difference = one.mean - other.mean
    if one.ci95 is None or other.ci95 is None:
        return RobustMean(difference, n, independent, None, None)
    from scipy import special  # here: what only shows claims must not import it, see intervals.T95

    a, b = (((each.ci95[1] - each.ci95[0]) / 2 / T95) ** 2 for each in (one, other) if each.ci95)
    error, freedom = math.sqrt(a + b), (a + b) ** 2 / ((a * a + b * b) / (GROUPS - 1))
    half = float(special.stdtrit(freedom, 0.975)) * error
    p = 2 * float(special.stdtr(freedom, -(abs(difference) / error)))
    return RobustMean(difference, n, independent, (difference - half, difference + half), p)


def compare_versions(decisions: DecisionColumns, one: int, other: int) -> RobustMean:
    """The paired difference of two versions, one minus other, over the slots in which both decided.

    A slot is a symbol, the length of an interval and a bucket of that length, counted from 1970 in UTC. A version's
    value in a slot is the mean of its decisions' horizon returns, signed by the action (0 for an action that opens no
    trade). A slot spans from its first decision to the last expiry.
    """
    (slots_a, *a), (slots_b, *b) = (_by_slot(decisions, version) for version in (one, other))
    _, in_a, in_b = np.intersect1d(slots_a, slots_b, assume_unique=True, return_indices=True)
    opened, closed = np.minimum(a[1][in_a], b[1][in_b]), np.maximum(a[2][in_a], b[2][in_b])
    return compare_paired(a[0][in_a], b[0][in_b], opened, closed)


def _by_slot(decisions: DecisionColumns, version: int) -> tuple[Ints, Floats, Floats, Floats]:
    """A version's slots in ascending order, each with its mean signed return, first opening and last expiry."""
    ours = (decisions.version == version) & (decisions.slot >= 0)
    slots, place = np.unique(decisions.slot[ours], return_inverse=True)
    signed = decisions.direction[ours] * decisions.return_pct[ours]
    first, last = np.full(len(slots), np.inf), np.full(len(slots), -np.inf)
    np.minimum.at(first, place, decisions.opened[ours])
    np.maximum.at(last, place, decisions.expires[ours])
    mean = np.bincount(place, weights=signed, minlength=len(slots)) / np.bincount(place, minlength=len(slots))
    return slots, mean, first, last
