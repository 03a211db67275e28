"""Figures of the daily series: P&L summed by day, every day of the market from the first to the last, idle days 0."""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import msgspec

from scorekeeper.metrics.exact import EXACT
from scorekeeper.metrics.names import DAILY_NAMES
from scorekeeper.metrics.series_days import EVERY_DAY, SeriesDays, count_days, fold_days

SMALLEST_STD = 1e-12
# With fewer days, no day lies in a tail of 5 %.
FEWEST_DAYS_OF_A_TAIL = 20


class PowerSums(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Exact sums over a daily series, in percent to the power; `downside`: of the squares of negative days.

    `days`: how many of its days have trades.
    """

    days: int
    total: Decimal
    squares: Decimal
    cubes: Decimal
    fourths: Decimal
    downside: Decimal


NO_DAYS = PowerSums(0, *[Decimal(0)] * 5)


def power_sums(values: Iterable[Decimal], before: PowerSums = NO_DAYS) -> PowerSums:
    """The power sums of daily values, in percent, added to those of the days before. An idle day is no value.

    >>> power_sums([Decimal("1.5"), Decimal("-0.5")])  # doctest: +ELLIPSIS
    PowerSums(days=2, total=Decimal('1.0'), squares=Decimal('2.50'), ..., downside=Decimal('0.25'))
    """
    days, total, squares, cubes, fourths, downside = msgspec.structs.astuple(before)
    with localcontext(EXACT):
        for value in values:
            days += 1
            square = value * value
            total += value
            squares += square
            cubes += square * value
            fourths += square * square
            if value < 0:
                downside += square
    return PowerSums(days, total, squares, cubes, fourths, downside)


def daily_series(sums: Mapping[date, Decimal], days: SeriesDays = EVERY_DAY) -> list[Decimal]:
    """The daily series: one sum for every day of the market from the first day of `sums` to the last, in percent.

    `sums` are by UTC day, `days` say which of them the series has. Idle days are 0. Without them, the Sharpe ratio of a
    system that trades once a week would be several times as high.

    >>> daily_series({date(2025, 5, 1): Decimal("1.5"), date(2025, 5, 4): Decimal("-0.5")})
    [Decimal('1.5'), Decimal('0'), Decimal('0'), Decimal('-0.5')]
    """
    if not sums:
        return []
    folded = sorted(fold_days(sorted(sums.items()), days).items())
    series: list[Decimal] = []
    for day, total in folded:
        idle = count_days(folded[0][0], day, days) - len(series) - 1
        series += [*[Decimal(0)] * idle, total]
    return series


def compose_daily(
    n: int, sums: PowerSums, lowest_days: Sequence[Decimal], max_drawdown: float | None, days_a_year: int = 365
) -> dict[str, Any]:
    """The figures of the daily series, from `sharpe` to `psr` (docs/metrics.md). Undefined is None.

    With r the daily sums in percent over `n` days, mean their mean, std their standard deviation (ddof=1), y the days
    a year (365; the sessions a year of a market that closes):

    - sharpe = mean / std * sqrt(y). Reference: Sharpe, "The Sharpe Ratio" (1994).
    - sortino = mean / sqrt(mean(min(r, 0)^2)) * sqrt(y). Reference: Sortino and Price (1994).
    - calmar = mean * y / max_drawdown. Reference: Young (1991).
    - volatility_pct = std * sqrt(y).
    - var95_pct = the 5th percentile of r by linear interpolation; cvar95_pct = the mean of the days at or below it.
    - psr: see probabilistic_sharpe.

    Parameters: `n`, the days; `sums`, the power sums of those with trades; `lowest_days`, the lowest of these days'
    sums in percent, in any order: count_tail(n) of them and those that equal the last one, or more, or all;
    `max_drawdown`, in points of percent. All are None below 2 days; var95_pct, cvar95_pct and psr below 20; a ratio is
    None where it would divide by 0.

    >>> r = [Decimal(2), Decimal(-1), Decimal(2)]
    >>> figures = compose_daily(3, power_sums(r), r, 1.0)
    >>> round(figures["sharpe"], 3), round(figures["sortino"], 3), figures["calmar"], figures["var95_pct"]
    (11.03, 33.091, 365.0, None)
    """
    figures: dict[str, Any] = dict.fromkeys(DAILY_NAMES)
    if n < 2:
        return figures
    total, squares = Fraction(sums.total), Fraction(sums.squares)
    mean = float(total / n)
    spread = math.sqrt((squares - total * total / n) / (n - 1))
    downside = math.sqrt(Fraction(sums.downside) / n)
    year = math.sqrt(days_a_year)
    figures["volatility_pct"] = spread * year
    if spread >= SMALLEST_STD:
        figures["sharpe"] = mean / spread * year
    if downside:
        figures["sortino"] = mean / downside * year
    if max_drawdown:
        figures["calmar"] = mean * days_a_year / max_drawdown
    if n >= FEWEST_DAYS_OF_A_TAIL:
        figures["var95_pct"], figures["cvar95_pct"] = _tail(n, n - sums.days, lowest_days)
        figures["psr"] = _probable(n, sums, 0.0)
    return figures


def probabilistic_sharpe(series: Sequence[Decimal], against: float = 0.0) -> float | None:
    """The probability (0 to 1) that the true daily Sharpe ratio exceeds `against`, a daily one too.

    psr = Phi((s - against) * sqrt(n - 1) / sqrt(1 - skew * s + (kurtosis - 1) / 4 * s^2)), with s the daily Sharpe
    ratio (ddof=1), skew and kurtosis the biased ones, Phi the normal distribution. `series` has one sum for each of
    the n days, in percent. None below 20 days, without dispersion, or where the variance is not positive.
    Reference: Bailey and López de Prado, "The Sharpe Ratio Efficient Frontier" (2012).

    >>> round(probabilistic_sharpe([Decimal(2), Decimal(-1)] * 10), 4)
    0.9216
    """
    n = len(series)
    return None if n < FEWEST_DAYS_OF_A_TAIL else _probable(n, power_sums(series), against)


def _probable(n: int, sums: PowerSums, against: float) -> float | None:
    """probabilistic_sharpe of n days, from their power sums."""
    total, squares, cubes, fourths = map(Fraction, (sums.total, sums.squares, sums.cubes, sums.fourths))
    mean = total / n
    # Sums of the powers of the deviations from the mean. They come from exact sums, so no moment is rounded.
    second = squares - total * mean
    third = cubes - 3 * mean * squares + 2 * mean * mean * total
    fourth = fourths - 4 * mean * cubes + 6 * mean * mean * squares - 3 * mean**3 * total
    spread = math.sqrt(second / (n - 1))
    if spread < SMALLEST_STD:
        return None
    sharpe = float(mean) / spread
    skew = math.sqrt(n * third * third / second**3) * (1 if third > 0 else -1)
    kurtosis = float(n * fourth / second**2)
    variance = 1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe * sharpe
    if variance <= 0:
        return None
    z = (sharpe - against) * math.sqrt(n - 1) / math.sqrt(variance)
    return 0.5 * math.erfc(-z / math.sqrt(2))  # the normal distribution, precise in its lower tail too


def count_tail(n: int) -> int:
    """How many of the lowest of n days decide the tail of 5 %: the 5th percentile lies between the last two of them.

    >>> count_tail(20), count_tail(1_000)
    (2, 51)
    """
    return (n - 1) // 20 + 2


def _tail(n: int, idle: int, lowest_days: Sequence[Decimal]) -> tuple[float, float]:
    """The 5th percentile of n days by linear interpolation, and the mean of the days at or below it.

    `idle` of the days have no trades; `lowest_days`: see compose_daily.
    """
    low, twentieths = divmod(n - 1, 20)
    ordered = sorted([*lowest_days, *[Decimal(0)] * min(idle, count_tail(n))])
    with localcontext(EXACT):
        limit = 20 * ordered[low] + twentieths * (ordered[low + 1] - ordered[low])  # twenty times as high
        beyond = [value for value in lowest_days if 20 * value <= limit]
        total = sum(beyond, Decimal(0))
    days = len(beyond) + (idle if limit >= 0 else 0)
    return float(Fraction(limit) / 20), float(Fraction(total) / days)
