"""What verify's recounts of trades and of signals share: exact numbers, intervals, the daily series and its figures.

It shares no code with the pipeline, whose figures `verify` compares with these.
"""

import math
import statistics
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

SMALLEST_STD = 1e-12  # a smaller standard deviation is rounding
EXACT_DIGITS = 2_000
_Z95 = statistics.NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class MarketYear:
    """What the daily series of a market that closes consists of.

    `closes_on`: the UTC days on which its sessions close, in order, from before the first exit until after the last.
    `days_a_year`: how many sessions a year has.
    """

    closes_on: Sequence[date]
    days_a_year: int


def wilson(successes: int, n: int) -> list[float] | None:
    """Wilson's 95 % interval of a rate, in percent: the rates that miss the observed one by z standard errors.

    >>> [round(bound, 2) for bound in wilson(8, 10)]
    [49.02, 94.33]
    """
    if not n:
        return None
    p, z = successes / n, _Z95
    spread = z * math.sqrt((p * (1 - p) + z * z / (4 * n)) / n)
    return [100 * (p + z * z / (2 * n) + side * spread) / (1 + z * z / n) for side in (-1, 1)]


def differ(found: Mapping[Any, Any], wanted: Mapping[str, Any]) -> list[str]:
    """The names of the figures that differ by more than rounding."""
    pairs = ((name, found.get(name), value) for name, value in wanted.items())
    return [name for name, kept, value in pairs if kept != value and not _alike(kept, value)]


def _alike(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, list) and isinstance(found, list):
        return len(found) == len(wanted) and all(map(_alike, found, wanted))
    if isinstance(wanted, float) and isinstance(found, float | int):
        return math.isclose(found, wanted, rel_tol=1e-9, abs_tol=1e-9)
    return bool(found == wanted)


def exact(value: float) -> Decimal:
    return Decimal(repr(value))


def total(values: Sequence[float]) -> Decimal:
    return sum(map(exact, values), Decimal(0))


def deviation(values: Iterable[Decimal]) -> float:
    # For nearly equal gains, the rounding of a decimal to a double would be a large part of the spread.
    return float(statistics.stdev(map(Fraction, values)))


def as_utc(time: datetime) -> str:
    return time.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


def lay_days(earned: Mapping[date, Decimal], market: MarketYear | None) -> list[Decimal]:
    """The sum of each day from the first exit to the last; of a market that closes, of each day with a close.

    `earned`: by UTC day with exits.
    """
    if not earned:
        return []
    first, last = min(earned), max(earned)
    if market is None:
        ends = [first + timedelta(days=i) for i in range((last - first).days + 1)]
    else:
        ends = list(market.closes_on[bisect_left(market.closes_on, first) : bisect_left(market.closes_on, last) + 1])
    # A day's P&L is what was earned after the day before it in the series.
    with localcontext(prec=EXACT_DIGITS):
        sums = [Decimal(0)] * len(ends)
        for day, gain in earned.items():
            sums[bisect_left(ends, day)] += gain
    return sums


def count_days(series: Sequence[Decimal], drawdown: float | None, days_a_year: int) -> dict[str, Any]:
    names = ("sharpe", "sortino", "calmar", "volatility_pct", "var95_pct", "cvar95_pct", "psr")
    if len(series) < 2:
        return dict.fromkeys(names)
    sums = [float(one) for one in series]
    daily_mean, spread = math.fsum(sums) / len(sums), deviation(series)
    downside = math.sqrt(math.fsum(min(r, 0) ** 2 for r in sums) / len(sums))
    year = math.sqrt(days_a_year)
    var, cvar, psr = _count_tail([Fraction(one) for one in series])
    found = (
        daily_mean / spread * year if spread >= SMALLEST_STD else None,
        daily_mean / downside * year if downside else None,
        daily_mean * days_a_year / drawdown if drawdown else None,
        spread * year,
        var,
        cvar,
        psr,
    )
    return dict(zip(names, found, strict=True))


def _count_tail(series: Sequence[Fraction]) -> tuple[float | None, float | None, float | None]:
    """var95_pct, cvar95_pct and psr of a daily series, straight from their definitions; None below 20 days."""
    n = len(series)
    if n < 20:
        return None, None, None
    ordered, rank = sorted(series), Fraction(5 * (n - 1), 100)
    below = int(rank)
    var = ordered[below] + (rank - below) * (ordered[below + 1] - ordered[below])
    tail = [one for one in series if one <= var]
    centre = sum(series, Fraction(0)) / n
    m2, m3, m4 = (sum(((one - centre) ** power for one in series), Fraction(0)) / n for power in (2, 3, 4))
    std = math.sqrt(m2 * n / (n - 1))
    psr = None
    if std >= SMALLEST_STD:
        sharpe, skew, kurtosis = float(centre) / std, float(m3 / m2) / math.sqrt(m2), float(m4 / m2 / m2)
        error = 1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe**2
        psr = statistics.NormalDist().cdf(sharpe * math.sqrt((n - 1) / error)) if error > 0 else None
    return float(var), float(sum(tail, Fraction(0)) / len(tail)), psr
