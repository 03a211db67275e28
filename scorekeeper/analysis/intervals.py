"""Means with intervals that hold when trades overlap in time."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scorekeeper.analysis.exact_sums import exact_parts, exact_sum
from scorekeeper.metrics.daily_series import SMALLEST_STD
from scorekeeper.metrics.formulas import wilson

GROUPS = 8
FEWEST_INDEPENDENT = 20
# The 97.5th percentile of Student's t with GROUPS - 1 degrees of freedom. A number: scipy takes tens of MB, and what
# only shows intervals, as the dashboard does, must not import it.
T95 = 2.364624251592784

Floats = NDArray[np.float64]

_DIFFER, _NOT_FINITE = "values, opened and closed differ in length", "values, opened and closed must be finite"


@dataclass(frozen=True)
class RobustMean:
    """A mean in the unit of its values, with a 95 % interval and a two-sided p-value.

    `n`: the number of values. `independent`: the most of them whose spans do not overlap. `ci95` (low, high) and `p`
    are None where there are too few independent spans, or no spread.
    """

    mean: float | None
    n: int
    independent: int
    ci95: tuple[float, float] | None
    p: float | None


def count_independent(opened: ArrayLike, closed: ArrayLike) -> int:
    """The largest number of spans [opened, closed) of which no two overlap; times in seconds.

    Choosing spans by earliest end is optimal: Kleinberg and Tardos (2005), Algorithm Design, 4.1. Spans that only touch
    do not overlap. Of several empty spans at the same instant, one counts.

    >>> count_independent([0, 5, 10], [10, 15, 20])
    2
    """
    starts, ends = _floats(opened), _floats(closed)
    if not (ends > starts).all():
        return _count_one_by_one(starts, ends)
    if not is_sorted(starts):
        order = np.argsort(starts)
        starts, ends = starts[order], ends[order]
    # After the span that ends first, of those from each one on: the first that begins at its end or later.
    earliest = np.minimum.accumulate(ends[::-1])[::-1]
    after = np.searchsorted(starts, earliest).data
    count, place = 0, 0
    while place < len(starts):
        count, place = count + 1, after[place]
    return count


def _count_one_by_one(starts: Floats, ends: Floats) -> int:
    """The same where some spans are empty, and slower."""
    order = np.lexsort((starts, ends))
    count, chosen = 0, (-math.inf, -math.inf)
    for span in zip(starts[order].tolist(), ends[order].tolist(), strict=True):
        if span[0] >= chosen[1] and span != chosen:
            count, chosen = count + 1, span
    return count


def is_sorted(values: Floats) -> bool:
    """Whether no value is smaller than the one before it."""
    return bool((values[1:] >= values[:-1]).all())


class Spans:
    """Spans of time in seconds, shape (n,), that several means are over: what these have in common is found once.

    Raises ValueError for arrays of different lengths, or times that are not finite.
    """

    def __init__(self, opened: ArrayLike, closed: ArrayLike) -> None:
        self.opened, self.closed = _floats(opened), _floats(closed)
        if self.opened.shape != self.closed.shape:
            raise ValueError(_DIFFER)
        if not (np.isfinite(self.opened).all() and np.isfinite(self.closed).all()):
            raise ValueError(_NOT_FINITE)

    def __len__(self) -> int:
        return len(self.opened)

    @cached_property
    def independent(self) -> int:
        """See count_independent."""
        return count_independent(self.opened, self.closed)

    @cached_property
    def _order(self) -> NDArray[np.intp] | None:
        return None if is_sorted(self.opened) else np.argsort(self.opened, kind="stable")

    def in_order(self, values: Floats) -> Floats:
        """The values, one for each span, sorted by when their spans open, ties in the given order."""
        return values if self._order is None else values[self._order]

    def of(self, some: NDArray[np.bool_]) -> "Spans":
        """Those that `some` selects, shape (n,)."""
        return self if some.all() else Spans(self.opened[some], self.closed[some])


def robust_mean(values: ArrayLike, opened: ArrayLike, closed: ArrayLike, *, null: float = 0.0) -> RobustMean:
    """The mean of `values` with a 95 % interval and a p-value against `null`, by batch means.

    `values`, `opened` and `closed` have shape (n,); the last two are in seconds. For rates use `robust_rate`.

    The values are sorted by `opened`, ties in the given order, and cut into eight consecutive groups of n/8 values.
    Where n/8 is not whole, a value at a cut counts in both groups by its share, so that the groups' means average to
    the mean. The interval is Student's t over the eight means. It needs only that groups are about independent, not
    that trades are: Schmeiser (1982), Batch size effects in the analysis of simulation output.

    ci95 and p are None below 20 independent spans, or if the groups do not differ. The mean of no values is None.
    Raises ValueError for arrays of different lengths, or values that are not finite.

    >>> start = np.arange(24) * 60.0
    >>> found = robust_mean([1.0, 3.0, 2.0] * 8, start, start + 60)
    >>> found.mean, found.independent, found.ci95
    (2.0, 24, None)
    """
    return mean_over(Spans(opened, closed), values, null=null)


def mean_over(spans: Spans, values: ArrayLike, *, null: float = 0.0) -> RobustMean:
    """robust_mean over spans that other means are over too."""
    mean, n, independent, error = _mean_and_error(values, spans)
    if mean is None or error is None:
        return RobustMean(mean, n, independent, None, None)
    interval = (mean - T95 * error, mean + T95 * error)
    return RobustMean(mean, n, independent, interval, _p_value((mean - null) / error))


def robust_rate(values: ArrayLike, opened: ArrayLike, closed: ArrayLike, *, null: float = 50.0) -> RobustMean:
    """A rate in percent, of values that are 0 or 100, with the interval that Wilson's becomes when trades overlap.

    As `robust_mean`, but the standard error of the eight groups is scaled to what it would be if the rate were `null`
    (0 < null < 100): the step of Wilson (1927). Without it an interval is too short where trades are few or the rate is
    far from 50 (benchmarks/coverage.py: of intervals at 95 %, 92 % hold 50 % at 20 trades, and 87 % hold 90 %). A rate
    of 0 or 100 has no spread; it gets Wilson's interval over the independent trades. The interval lies within 0..100,
    and excludes `null` where p < 0.05.

    None as in `robust_mean`. Raises ValueError also for other values or another `null`.
    """
    return rate_over(Spans(opened, closed), values, null=null)


def rate_over(spans: Spans, values: ArrayLike, *, null: float = 50.0) -> RobustMean:
    """robust_rate over spans that other means are over too."""
    _check_rate(values)
    if not 0 < null < 100:
        raise ValueError("null must lie between 0 and 100")
    mean, n, independent, error = _mean_and_error(values, spans)
    interval, p = _wilson_step(mean, error, independent, null)
    return RobustMean(mean, n, independent, interval, p)


def robust_gap(stated: ArrayLike, right: ArrayLike, opened: ArrayLike, closed: ArrayLike) -> RobustMean:
    """By how many points stated confidences exceed the rate of right calls, with an interval and a p-value against 0.

    `stated`: confidences in percent, taken as exact. `right`: 0 or 100. All arrays have shape (n,). The standard error
    is that of the gaps, by batch means; the interval is that of `robust_rate` for the rate of right calls. As a plain
    mean, only 92 % of intervals at 95 % would hold the 0 of a calibrated agent at 20 calls (benchmarks/coverage.py).

    None as in `robust_mean`. Raises ValueError for other values.
    """
    return gap_over(Spans(opened, closed), stated, right)


def gap_over(spans: Spans, stated: ArrayLike, right: ArrayLike) -> RobustMean:
    """robust_gap over spans that other means are over too."""
    _check_rate(right)
    said, were = _floats(stated), _floats(right)
    if said.shape != were.shape or not ((said >= 0) & (said <= 100)).all():
        raise ValueError("stated must be percent, 0 to 100, one for each of right")
    gap, n, independent, error = _mean_and_error(said - were, spans)
    if gap is None:
        return RobustMean(None, n, independent, None, None)
    expected, rate = exact_sum(said) / n, exact_sum(were) / n
    interval, p = _wilson_step(rate, error, independent, expected)
    between = None if interval is None else (expected - interval[1], expected - interval[0])
    return RobustMean(gap, n, independent, between, p)


def _check_rate(values: ArrayLike) -> None:
    given = _floats(values)
    if not ((given == 0.0) | (given == 100.0)).all():
        raise ValueError("the values of a rate are 0 or 100")


def _wilson_step(
    rate: float | None, error: float | None, independent: int, null: float
) -> tuple[tuple[float, float] | None, float | None]:
    """The interval of a rate in percent, and the p-value of `null`, from its standard error; None where undefined."""
    if rate is None or independent < FEWEST_INDEPENDENT:
        return None, None
    if rate in (0.0, 100.0):
        interval = wilson(round(rate / 100 * independent), independent)
        at_null = math.sqrt(null * (100 - null) / independent)
        assert interval is not None
        from scipy import special

        return (interval[0], interval[1]), 2 * float(special.ndtr(-_distance(rate, null, at_null)))
    if error is None:
        return None, None
    p, t2 = rate / 100, T95 * T95
    # The number of independent trades that would give this standard error.
    effective = p * (1 - p) / (error / 100) ** 2
    middle = (p + t2 / (2 * effective)) / (1 + t2 / effective)
    half = T95 / (1 + t2 / effective) * math.sqrt(p * (1 - p) / effective + t2 / (4 * effective**2))
    at_null = error * math.sqrt(null * (100 - null) / (rate * (100 - rate)))
    return (100 * max(0.0, middle - half), 100 * min(1.0, middle + half)), _p_value(_distance(rate, null, at_null))


def _distance(rate: float, null: float, error: float) -> float:
    """How many standard errors lie between rate and `null`; infinitely many if the error is 0 and they differ."""
    if error:
        return abs(rate - null) / error
    return 0.0 if rate == null else math.inf


def _mean_and_error(values: ArrayLike, spans: Spans) -> tuple[float | None, int, int, float | None]:
    """The mean, n, the number of independent spans, and the mean's standard error by batch means."""
    x = _floats(values)
    if x.shape != spans.opened.shape:
        raise ValueError(_DIFFER)
    if not np.isfinite(x).all():
        raise ValueError(_NOT_FINITE)
    n, independent = len(x), spans.independent
    if independent < FEWEST_INDEPENDENT:
        return exact_sum(x) / n if n else None, n, independent, None
    means, total = _sum_groups(spans.in_order(x))
    mean, spread = total / n, float(np.std(means, ddof=1))
    # A smaller spread is rounding.
    return mean, n, independent, spread / math.sqrt(GROUPS) if spread >= SMALLEST_STD else None


def _p_value(statistic: float) -> float:
    from scipy import special

    return 2 * float(special.stdtr(GROUPS - 1, -abs(statistic)))


def group_means(values: Floats) -> Floats:
    """The means of eight consecutive groups of equal weight, shape (8,), of sorted values, shape (n,), n >= 8.

    Equals `np.repeat(values, 8).reshape(8, n).mean(axis=1)`, with exact sums and without copies.

    >>> group_means(np.arange(16.0)).tolist()
    [0.5, 2.5, 4.5, 6.5, 8.5, 10.5, 12.5, 14.5]
    """
    return _sum_groups(values)[0]


def _sum_groups(values: Floats) -> tuple[Floats, float]:
    """See group_means; and the exact sum of all values."""
    n = len(values)
    means: list[float] = []
    all_parts: list[float] = []
    for k in range(GROUPS):
        first, end = -(-k * n // GROUPS), (k + 1) * n // GROUPS
        parts = exact_parts(values[first:end])
        all_parts += parts
        shared = []  # eighths: exact in binary
        if before := first * GROUPS - k * n:
            shared.append(before / GROUPS * values[first - 1])
        if after := (k + 1) * n - end * GROUPS:
            shared.append(after / GROUPS * values[end])
            all_parts.append(values[end])
        means.append(math.fsum([*parts, *shared]) * GROUPS / n)
    return np.array(means), math.fsum(all_parts)


def _floats(given: ArrayLike) -> Floats:
    return np.asarray(given, dtype=np.float64)
