"""The daily Sharpe ratio, and the ratio deflated for the number of versions that were tried."""

import math
from collections.abc import Sequence
from decimal import Decimal
from statistics import NormalDist, stdev

from scorekeeper.metrics.daily_series import SMALLEST_STD, probabilistic_sharpe

EULER = 0.5772156649015329


def daily_sharpe(series: Sequence[Decimal]) -> float | None:
    """mean / std(ddof=1) of a daily series in percent, not annualised; None below 2 days or without dispersion.

    >>> daily_sharpe([Decimal(1), Decimal(2), Decimal(3)])
    2.0
    """
    values = [float(one) for one in series]
    if len(values) < 2 or (spread := stdev(values)) < SMALLEST_STD:
        return None
    return math.fsum(values) / len(values) / spread


def luck_of_the_best(sharpes: Sequence[float]) -> float | None:
    """The Sharpe ratio that the best of several tries without skill is expected to show; None below two tries.

    Bailey and López de Prado, "The Deflated Sharpe Ratio" (2014), equation 1, with the unbiased variance of the tries.
    """
    n = len(sharpes)
    if n < 2:
        return None
    quantile = NormalDist().inv_cdf
    return stdev(sharpes) * ((1 - EULER) * quantile(1 - 1 / n) + EULER * quantile(1 - 1 / (n * math.e)))


def deflated_sharpe(series: Sequence[Decimal], tried: Sequence[float]) -> float | None:
    """The probability, 0..1, that the true daily Sharpe ratio of `series` exceeds the luck of the best of `tried`.

    `series`: daily P&L in percent. `tried`: the daily Sharpe ratio of every version. None below two versions, and where
    the probabilistic Sharpe ratio is None. Bailey and López de Prado (2014), The Deflated Sharpe Ratio.
    """
    luck = luck_of_the_best(tried)
    return None if luck is None else probabilistic_sharpe(series, luck)
