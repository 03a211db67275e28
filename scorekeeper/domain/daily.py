"""Figures of the daily series: P&L summed by UTC day, every calendar day from the first to the last, idle days 0."""

import math
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Context, Decimal, Inexact, localcontext
from typing import Any

DAYS_A_YEAR = 365
SMALLEST_STD = 1e-12
# Below so many days a tail has no day of its own to be read from.
FEWEST_DAYS_OF_A_TAIL = 20
# Sums of doubles and of their squares end well before so many digits; a sum that would not is an error, not rounded.
EXACT = Context(prec=4_000, traps=[Inexact])

_NAMES = ("sharpe", "sortino", "calmar", "volatility_pct", "var95_pct", "cvar95_pct", "psr")


def daily_series(sums: Mapping[date, Decimal]) -> list[Decimal]:
    """One sum for every calendar day from the first day of `sums` to the last, in percent; idle days 0."""
    if not sums:
        return []
    first, last = min(sums).toordinal(), max(sums).toordinal()
    return [sums.get(date.fromordinal(day), Decimal(0)) for day in range(first, last + 1)]


def daily_figures(series: Sequence[Decimal], max_drawdown: float | None) -> dict[str, Any]:
    """Sharpe to psr of docs/metrics.md; `series` and `max_drawdown` in percent. A year has 365 days."""
    figures: dict[str, Any] = dict.fromkeys(_NAMES)
    n = len(series)
    if n < 2:
        return figures
    whole, unit = _whole_numbers(series)
    total, squares = sum(whole), sum(x * x for x in whole)
    mean = total / (n * unit)
    spread = math.sqrt((n * squares - total * total) / (n * (n - 1) * unit * unit))
    downside = math.sqrt(sum(x * x for x in whole if x < 0) / (n * unit * unit))
    year = math.sqrt(DAYS_A_YEAR)
    figures["volatility_pct"] = spread * year
    if spread >= SMALLEST_STD:
        figures["sharpe"] = mean / spread * year
    if downside:
        figures["sortino"] = mean / downside * year
    if max_drawdown:
        figures["calmar"] = mean * DAYS_A_YEAR / max_drawdown
    if n >= FEWEST_DAYS_OF_A_TAIL:
        figures["var95_pct"], figures["cvar95_pct"] = _tail(whole, unit)
        figures["psr"] = probabilistic_sharpe(series)
    return figures


def probabilistic_sharpe(series: Sequence[Decimal], against: float = 0.0) -> float | None:
    """The probability that the true daily Sharpe ratio exceeds `against` (a day's, not a year's).

    Bailey and López de Prado, "The Sharpe Ratio Efficient Frontier" (2012), with biased skew and kurtosis and the
    Sharpe of ddof=1. None below 20 days, without dispersion, or where the variance of the estimate is not positive.
    """
    n = len(series)
    if n < FEWEST_DAYS_OF_A_TAIL:
        return None
    whole, unit = _whole_numbers(series)
    total = sum(whole)
    # Deviations from the mean, n times as large: whole numbers too, so that no moment is rounded.
    second, third, fourth = (sum((n * x - total) ** power for x in whole) for power in (2, 3, 4))
    spread = math.sqrt(second / (n * n * (n - 1) * unit * unit))
    if spread < SMALLEST_STD:
        return None
    sharpe = total / (n * unit) / spread
    skew = math.sqrt(n * third * third / second**3) * (1 if third > 0 else -1)
    kurtosis = n * fourth / second**2
    variance = 1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe * sharpe
    if variance <= 0:
        return None
    z = (sharpe - against) * math.sqrt(n - 1) / math.sqrt(variance)
    return 0.5 * math.erfc(-z / math.sqrt(2))  # the normal distribution, precise in its lower tail too


def _tail(whole: Sequence[int], unit: int) -> tuple[float, float]:
    """The 5th percentile by linear interpolation, and the mean of the days at or below it."""
    ordered = sorted(whole)
    low, twentieths = divmod(len(ordered) - 1, 20)
    limit = 20 * ordered[low] + twentieths * (ordered[low + 1] - ordered[low])
    beyond = [x for x in ordered if 20 * x <= limit]
    return limit / (20 * unit), sum(beyond) / (len(beyond) * unit)


def _whole_numbers(values: Sequence[Decimal]) -> tuple[list[int], int]:
    """The values as multiples of 1/unit, exactly."""
    places = max(0, *(-int(value.as_tuple().exponent) for value in values))
    with localcontext(EXACT):
        return [int(value.scaleb(places)) for value in values], 10**places
