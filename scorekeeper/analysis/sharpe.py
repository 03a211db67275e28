"""The Sharpe ratio after so many tries."""

import math
from collections.abc import Sequence
from decimal import Decimal
from statistics import NormalDist, stdev

from scorekeeper.metrics.daily_series import SMALLEST_STD, probabilistic_sharpe

EULER = 0.5772156649015329


def daily_sharpe(series: Sequence[Decimal]) -> float | None:
    """mean / std(ddof=1) of a daily series, not annualised; None below 2 days or without dispersion."""
    values = [float(one) for one in series]
    if len(values) < 2 or (spread := stdev(values)) < SMALLEST_STD:
        return None
    return math.fsum(values) / len(values) / spread


def luck_of_the_best(sharpes: Sequence[float]) -> float | None:
    """The Sharpe ratio to be expected of the best of so many tries without any skill; None below two.

    Bailey and López de Prado, "The Deflated Sharpe Ratio" (2014), equation 1, with the unbiased variance of the tries.
    """
    n = len(sharpes)
    if n < 2:
        return None
    quantile = NormalDist().inv_cdf
    return stdev(sharpes) * ((1 - EULER) * quantile(1 - 1 / n) + EULER * quantile(1 - 1 / (n * math.e)))


def deflated_sharpe(series: Sequence[Decimal], tried: Sequence[float]) -> float | None:
    """The probability that the daily Sharpe ratio of `series` is better than the luck of the best of `tried`.

    `tried`: the daily Sharpe ratios of every version. None below two of them, and where psr is.
    """
    luck = luck_of_the_best(tried)
    return None if luck is None else probabilistic_sharpe(series, luck)
