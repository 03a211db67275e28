"""Means with intervals that hold when trades overlap in time."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from scorekeeper.metrics.daily_series import SMALLEST_STD
from scorekeeper.metrics.formulas import wilson

GROUPS = 8
FEWEST_INDEPENDENT = 20
# The 97.5th percentile of Student's t with seven degrees of freedom.
T95 = float(stats.t.ppf(0.975, GROUPS - 1))

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class RobustMean:
    """A mean in the values' own unit, with what can be said about it.

    `n`: values; `independent`: the most of them that overlap nowhere in time; `ci95`: low and high; `p`: two-sided,
    against the null. The last two are None where the spans or the spread say too little.
    """

    mean: float | None
    n: int
    independent: int
    ci95: tuple[float, float] | None
    p: float | None


def count_independent(opened: ArrayLike, closed: ArrayLike) -> int:
    """The largest number of spans [opened, closed) of which no two overlap; times in seconds.

    Greedy, by earliest end, which is optimal (Kleinberg and Tardos, Algorithm Design, 4.1). Spans that only touch do
    not overlap; of empty ones at the same instant one counts.
    """
    starts, ends = _floats(opened), _floats(closed)
    order = np.lexsort((starts, ends))
    count, chosen = 0, (-math.inf, -math.inf)
    for span in zip(starts[order].tolist(), ends[order].tolist(), strict=True):
        if span[0] >= chosen[1] and span != chosen:
            count, chosen = count + 1, span
    return count


def robust_mean(values: ArrayLike, opened: ArrayLike, closed: ArrayLike, *, null: float = 0.0) -> RobustMean:
    """The mean of `values` with a 95 % interval and a p-value by batch means, over spans given in seconds.

    The values are put in order of `opened` (ties as they come: give them in order of trade_id) and cut into eight
    consecutive groups of n/8 values each; where n/8 is no whole number, a value at a cut counts in both groups by
    share, so that the groups' means average to the mean itself. Student's t over the eight means (Schmeiser 1982,
    Batch size effects in the analysis of simulation output) needs only that groups, not trades, are about
    independent. For rates use `robust_rate`.

    Undefined, so None: ci95 and p below 20 independent spans, or when the groups do not differ; the mean over nothing.
    Raises ValueError for arrays of different lengths, or values that are not finite.
    """
    mean, n, independent, error = _mean_and_error(values, opened, closed)
    if mean is None or error is None:
        return RobustMean(mean, n, independent, None, None)
    interval = (mean - T95 * error, mean + T95 * error)
    return RobustMean(mean, n, independent, interval, _p_value((mean - null) / error))


def robust_rate(values: ArrayLike, opened: ArrayLike, closed: ArrayLike, *, null: float = 50.0) -> RobustMean:
    """A rate in percent, of values that are 0 or 100, with the interval that Wilson's becomes when trades overlap.

    As `robust_mean`, but the standard error is the one that the eight groups show, scaled to what it would be if the
    rate were the value it is held against: Wilson's (1927) step, without which an interval for a rate is too short
    where trades are few or the rate is far from 50 (benchmarks/coverage.py: 92 % instead of 95 % of intervals hold 50 %
    at 20 trades, 87 % hold 90 %). A rate of 0 or 100, which shows no spread, gets Wilson's interval over as many trades
    as are independent: all of those hit or missed too. It lies within 0..100, and excludes `null` where p < 0.05.

    `null` lies between 0 and 100. Undefined as in `robust_mean`. Raises ValueError also for other values.
    """
    _check_rate(values)
    if not 0 < null < 100:
        raise ValueError("a rate is held against one between 0 and 100")
    mean, n, independent, error = _mean_and_error(values, opened, closed)
    interval, p = _wilson_step(mean, error, independent, null)
    return RobustMean(mean, n, independent, interval, p)


def robust_gap(stated: ArrayLike, right: ArrayLike, opened: ArrayLike, closed: ArrayLike) -> RobustMean:
    """By how many points stated confidences exceed the rate of what was right, with interval and p-value against 0.

    `stated`: percent, as they were said, so without an error of their own; `right`: 0 or 100. The standard error is the
    one that the gaps show by batch means; from there as `robust_rate`, for the rate that would have to be true: as a
    plain mean, 92 % instead of 95 % of intervals hold the 0 of a calibrated agent at 20 calls (benchmarks/coverage.py).

    Undefined as in `robust_mean`. Raises ValueError for other values.
    """
    _check_rate(right)
    said, were = _floats(stated), _floats(right)
    if said.shape != were.shape or not ((said >= 0) & (said <= 100)).all():
        raise ValueError("each is stated in percent, 0 to 100")
    gap, n, independent, error = _mean_and_error(said - were, opened, closed)
    if gap is None:
        return RobustMean(None, n, independent, None, None)
    expected, rate = math.fsum(said) / n, math.fsum(were) / n
    interval, p = _wilson_step(rate, error, independent, expected)
    between = None if interval is None else (expected - interval[1], expected - interval[0])
    return RobustMean(gap, n, independent, between, p)


def _check_rate(values: ArrayLike) -> None:
    if not np.isin(values, (0.0, 100.0)).all():
        raise ValueError("a rate is of values that are 0 or 100")


def _wilson_step(
    rate: float | None, error: float | None, independent: int, null: float
) -> tuple[tuple[float, float] | None, float | None]:
    """The interval for a rate in percent with that standard error, and the p-value of `null`; None where undefined."""
    if rate is None or independent < FEWEST_INDEPENDENT:
        return None, None
    if rate in (0.0, 100.0):
        interval = wilson(round(rate / 100 * independent), independent)
        at_null = math.sqrt(null * (100 - null) / independent)
        assert interval is not None
        return (interval[0], interval[1]), 2 * float(stats.norm.sf(_distance(rate, null, at_null)))
    if error is None:
        return None, None
    p, t2 = rate / 100, T95 * T95
    # So many independent trades would give this standard error.
    effective = p * (1 - p) / (error / 100) ** 2
    middle = (p + t2 / (2 * effective)) / (1 + t2 / effective)
    half = T95 / (1 + t2 / effective) * math.sqrt(p * (1 - p) / effective + t2 / (4 * effective**2))
    at_null = error * math.sqrt(null * (100 - null) / (rate * (100 - rate)))
    return (100 * max(0.0, middle - half), 100 * min(1.0, middle + half)), _p_value(_distance(rate, null, at_null))


def _distance(rate: float, null: float, error: float) -> float:
    """By how many standard errors a rate misses; what is stated for certain is missed by any other rate."""
    if error:
        return abs(rate - null) / error
    return 0.0 if rate == null else math.inf


def _mean_and_error(
    values: ArrayLike, opened: ArrayLike, closed: ArrayLike
) -> tuple[float | None, int, int, float | None]:
    """The mean, n, the independent spans, and the mean's standard error by batch means."""
    x, starts, ends = _floats(values), _floats(opened), _floats(closed)
    if not x.shape == starts.shape == ends.shape:
        raise ValueError("values, opened and closed differ in length")
    if not all(np.isfinite(each).all() for each in (x, starts, ends)):
        raise ValueError("values, opened and closed must be finite")
    n, independent = len(x), count_independent(starts, ends)
    mean = math.fsum(x) / n if n else None
    if independent < FEWEST_INDEPENDENT:
        return mean, n, independent, None
    spread = float(np.std(group_means(x[np.argsort(starts, kind="stable")]), ddof=1))
    # What is no more than rounding is no spread.
    return mean, n, independent, spread / math.sqrt(GROUPS) if spread >= SMALLEST_STD else None


def _p_value(statistic: float) -> float:
    return 2 * float(stats.t.sf(abs(statistic), GROUPS - 1))


def group_means(values: Floats) -> Floats:
    """The means of eight consecutive groups of equal weight, shape (8,), over values in order, shape (n,), n >= 8.

    The same as `np.repeat(values, 8).reshape(8, n).mean(axis=1)`, with exact sums and without the copies.
    """
    n = len(values)
    means = []
    for k in range(GROUPS):
        first, end = -(-k * n // GROUPS), (k + 1) * n // GROUPS
        shared = []  # eighths: exact in binary
        if before := first * GROUPS - k * n:
            shared.append(before / GROUPS * values[first - 1])
        if after := (k + 1) * n - end * GROUPS:
            shared.append(after / GROUPS * values[end])
        means.append(math.fsum([*values[first:end].tolist(), *shared]) * GROUPS / n)
    return np.array(means)


def _floats(given: ArrayLike) -> Floats:
    return np.asarray(given, dtype=np.float64)
