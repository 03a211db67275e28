"""Figures of the daily series: P&L summed by UTC day, every calendar day from the first to the last, idle days 0."""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Context, Decimal, Inexact, localcontext
from fractions import Fraction
from typing import Any

import msgspec

from scorekeeper.metrics.names import DAILY_NAMES

DAYS_A_YEAR = 365
SMALLEST_STD = 1e-12
# Below so many days a tail has no day of its own to be read from.
FEWEST_DAYS_OF_A_TAIL = 20
# Sums of doubles and of their fourth powers end well before so many digits; one that would not is an error.
EXACT = Context(prec=4_000, traps=[Inexact])


class PowerSums(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Exact sums over a daily series, in percent to the power; `downside`: of the squares of negative days."""

    total: Decimal
    squares: Decimal
    cubes: Decimal
    fourths: Decimal
    downside: Decimal


NO_DAYS = PowerSums(*[Decimal(0)] * 5)


def power_sums(values: Iterable[Decimal], before: PowerSums = NO_DAYS) -> PowerSums:
    """Of days' sums, on top of those of the days before; an idle day adds nothing."""
    total, squares, cubes, fourths, downside = msgspec.structs.astuple(before)
    with localcontext(EXACT):
        for value in values:
            square = value * value
            total += value
            squares += square
            cubes += square * value
            fourths += square * square
            if value < 0:
                downside += square
    return PowerSums(total, squares, cubes, fourths, downside)


def daily_series(sums: Mapping[date, Decimal]) -> list[Decimal]:
    """One sum for every calendar day from the first day of `sums` to the last, in percent; idle days 0."""
    if not sums:
        return []
    first, last = min(sums).toordinal(), max(sums).toordinal()
    return [sums.get(date.fromordinal(day), Decimal(0)) for day in range(first, last + 1)]


def compose_daily(n: int, sums: PowerSums, busy: Sequence[Decimal], max_drawdown: float | None) -> dict[str, Any]:
    """Sharpe to psr of docs/metrics.md, of `n` calendar days: from their power sums, and what those not idle brought.

    All sums and `max_drawdown` in percent. A year has 365 days.
    """
    figures: dict[str, Any] = dict.fromkeys(DAILY_NAMES)
    if n < 2:
        return figures
    total, squares = Fraction(sums.total), Fraction(sums.squares)
    mean = float(total / n)
    spread = math.sqrt((squares - total * total / n) / (n - 1))
    downside = math.sqrt(Fraction(sums.downside) / n)
    year = math.sqrt(DAYS_A_YEAR)
    figures["volatility_pct"] = spread * year
    if spread >= SMALLEST_STD:
        figures["sharpe"] = mean / spread * year
    if downside:
        figures["sortino"] = mean / downside * year
    if max_drawdown:
        figures["calmar"] = mean * DAYS_A_YEAR / max_drawdown
    if n >= FEWEST_DAYS_OF_A_TAIL:
        figures["var95_pct"], figures["cvar95_pct"] = _tail(n, busy)
        figures["psr"] = _probable(n, sums, 0.0)
    return figures


def probabilistic_sharpe(series: Sequence[Decimal], against: float = 0.0) -> float | None:
    """The probability that the true daily Sharpe ratio exceeds `against` (a day's, not a year's).

    Bailey and López de Prado, "The Sharpe Ratio Efficient Frontier" (2012), with biased skew and kurtosis and the
    Sharpe of ddof=1. None below 20 days, without dispersion, or where the variance of the estimate is not positive.
    """
    n = len(series)
    return None if n < FEWEST_DAYS_OF_A_TAIL else _probable(n, power_sums(series), against)


def _probable(n: int, sums: PowerSums, against: float) -> float | None:
    total, squares, cubes, fourths = map(Fraction, (sums.total, sums.squares, sums.cubes, sums.fourths))
    mean = total / n
    # Sums of the deviations from the mean, to the power: from exact sums, so that no moment is rounded.
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


def _tail(n: int, busy: Sequence[Decimal]) -> tuple[float, float]:
    """The 5th percentile by linear interpolation, and the mean of the days at or below it."""
    ordered = sorted([*busy, *[Decimal(0)] * (n - len(busy))])
    low, twentieths = divmod(n - 1, 20)
    with localcontext(EXACT):
        limit = 20 * ordered[low] + twentieths * (ordered[low + 1] - ordered[low])  # twenty times as high
        beyond = [value for value in ordered if 20 * value <= limit]
        total = sum(beyond, Decimal(0))
    return float(Fraction(limit) / 20), float(Fraction(total) / len(beyond))
