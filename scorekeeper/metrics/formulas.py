"""The figures of docs/metrics.md, composed from exact sums. Percent of the entry price; undefined is None.

A new metric has its formula here (or in daily_series.py) and its line in names.py.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, localcontext
from fractions import Fraction
from statistics import NormalDist
from typing import Any, get_type_hints

from scorekeeper.metrics.daily_series import NO_DAYS, SMALLEST_STD, PowerSums, compose_daily
from scorekeeper.metrics.day_sums import AGENT_COUNTS, DaySums, PeriodSums, extend, fold_sums
from scorekeeper.metrics.exact import EXACT
from scorekeeper.metrics.series_days import EVERY_DAY, SeriesDays
from scorekeeper.safe_text import escape_controls

Z95 = NormalDist().inv_cdf(0.975)
_START = datetime(1970, 1, 1, tzinfo=UTC)
_ZEROS: dict[type, Any] = {int: 0, Decimal: Decimal(0), date: _START.date(), datetime: _START, PowerSums: NO_DAYS}
# Days without a trade.
_NOTHING = PeriodSums(**{name: _ZEROS[kind] for name, kind in get_type_hints(PeriodSums).items()})


def compose_system(days: Sequence[DaySums], series: SeriesDays = EVERY_DAY) -> dict[str, Any]:
    """The figures of the system over days in order: see compose_period."""
    return compose_period(extend(None, days, series), fold_sums(days, series), series)


def compose_period(
    period: PeriodSums | None, lowest_days: Sequence[Decimal], series: SeriesDays = EVERY_DAY
) -> dict[str, Any]:
    """The figures of the system over a period (None: no trade): those of names.COMPOSED_NAMES, in that order.

    With pnl the P&L of the n closed trades in percent of entry, winners those above 0, losers those below, and the
    averages over winners and over losers (negative):

    - win_rate = 100 * winners / n; win_rate_ci95: see wilson.
    - expectancy_pct = sum(pnl) / n; expectancy_ratio = expectancy_pct / |avg_loss_pct|.
    - payoff_ratio = avg_profit_pct / |avg_loss_pct|; profit_factor = sum over winners / |sum over losers|.
    - sqn = sqrt(n) * mean / std(ddof=1). Reference: Tharp, "Definitive Guide to Position Sizing" (2008).
    - kelly = p - (1 - p) / payoff_ratio, p = winners / n. Reference: Kelly, "A New Interpretation of Information
      Rate" (1956).
    - max_drawdown_pct: the largest fall of the running sum of pnl below its earlier peak, in points, positive.
    - the daily figures: see compose_daily.

    Parameters: `period`, the sums over its days; `lowest_days`, the lowest sums of pnl of the days of the daily series
    with trades, in percent (see compose_daily); `series`, the days of the daily series.

    >>> compose_period(None, [])["win_rate"] is None, compose_period(None, [])["total_pnl_pct"]
    (True, 0.0)
    """
    p = period or _NOTHING
    n, winners, losers = p.trades, p.winners, p.losers
    total = Fraction(p.sum_pct)
    profit, loss = _mean(Fraction(p.sum_winners_pct), winners), _mean(Fraction(p.sum_losers_pct), losers)
    expectancy = _mean(total, n)
    payoff = profit / -loss if profit is not None and loss else None
    won = Fraction(winners, n) if n else None
    std = _std(total, Fraction(p.sum_squares), n)
    path = _compose_path(period)
    return {
        "completed_trades": n,
        "profitable_trades": winners,
        "losing_trades": losers,
        "breakeven_trades": n - winners - losers,
        "win_rate": _float(won and won * 100) if n else None,
        "win_rate_ci95": wilson(winners, n),
        "avg_profit_pct": _float(profit),
        "avg_loss_pct": _float(loss),
        "total_pnl_pct": float(total),
        "expectancy_pct": _float(expectancy),
        "expectancy_ratio": _float(expectancy / -loss) if expectancy is not None and loss else None,
        "payoff_ratio": _float(payoff),
        "profit_factor": float(Fraction(p.sum_winners_pct) / -Fraction(p.sum_losers_pct)) if losers else None,
        "sqn": math.sqrt(n) * float(expectancy) / std if expectancy is not None and std else None,
        "kelly": _float(won - (1 - won) / payoff) if won is not None and payoff else None,
        "max_win_streak": p.longest_wins,
        "max_loss_streak": p.longest_losses,
        "avg_hold_minutes": _float(_mean(Fraction(p.hold_seconds) / 60, n)),
        "avg_hold_minutes_winners": _float(_mean(Fraction(p.hold_seconds_winners) / 60, winners)),
        "avg_hold_minutes_losers": _float(_mean(Fraction(p.hold_seconds_losers) / 60, losers)),
        "avg_mfe_pct": _float(_mean(Fraction(p.sum_mfe_pct), n)),
        "avg_mae_pct": _float(_mean(Fraction(p.sum_mae_pct), n)),
        "profit_given_back_pct": _float(_mean(Fraction(p.sum_given_back_pct), winners)),
        **path,
        **compose_daily(
            period.count_days(series) if period else 0, p.daily, lowest_days, path["max_drawdown_pct"], series.a_year
        ),
    }


def compose_agent(row: Mapping[Any, Any]) -> dict[str, Any]:
    """An agent's figures from its summed counts: those of names.COMPOSED_AGENT_NAMES, in that order.

    With d the direction of a signal (+1, 0, -1) and h the horizon return in percent, a call is a signal with d other
    than 0. It is correct where d * h > 0, incorrect where d * h < 0.

    - coverage = 100 * calls / signals; accuracy = 100 * correct / (correct + incorrect); accuracy_ci95: see wilson.
    - avg_call_return_pct and total_call_return_pct: the mean and the sum of d * h over calls.
    - brier, brier_skill, ece: see _calibration.

    `row` has the fields of AgentSums. `bin_correct` and `bin_confidence` have ten entries each, by confidence in bins
    of ten points: of the `brier_calls` (calls with a confidence, and h other than 0) how many were correct, and the
    sum of their confidences in percent.

    >>> counts = dict.fromkeys(AGENT_COUNTS, 0) | {"signals": 8, "calls": 6, "correct": 3, "incorrect": 1}
    >>> sums = {"sum_call_return_pct": 1.5, "sum_brier": 0, "bin_correct": [0] * 10, "bin_confidence": [0] * 10}
    >>> agent = compose_agent(counts | sums)
    >>> agent["coverage"], agent["accuracy"], agent["avg_call_return_pct"], agent["brier"]
    (75.0, 75.0, 0.25, None)
    """
    count = {name: int(row[name]) for name in AGENT_COUNTS}
    scored = count["correct"] + count["incorrect"]
    total = Fraction(row["sum_call_return_pct"])
    calls, signals = count["calls"], count["signals"]
    return {
        "signals": signals,
        "calls": calls,
        "abstentions": signals - calls,
        "coverage": _float(_mean(Fraction(100 * calls), signals)),
        "correct": count["correct"],
        "incorrect": count["incorrect"],
        "accuracy": _float(_mean(Fraction(100 * count["correct"]), scored)),
        "accuracy_ci95": wilson(count["correct"], scored),
        "avg_call_return_pct": _float(_mean(total, calls)),
        "total_call_return_pct": float(total) if calls else None,
        **_calibration(row, count["brier_calls"]),
        **{name: value for name, value in count.items() if name.endswith(("_winners", "_losers"))},
    }


def _calibration(row: Mapping[Any, Any], calls: int) -> dict[str, Any]:
    """The Brier score, its skill, and the expected calibration error of `calls` calls with confidence c in percent.

    With y = 1 for a correct call, else 0:

    - brier = mean((c / 100 - y)^2). Reference: Brier, "Verification of Forecasts" (1950).
    - brier_skill = 1 - brier / (m * (1 - m)), m the mean of y; None where m is 0 or 1. It is above 0 where the
      confidences say more than m for every call would.
    - ece = sum over bins of |sum(c / 100) - sum(y)| / calls, from 0 to 1. Reference: Naeini, Cooper and Hauskrecht,
      "Obtaining Well Calibrated Probabilities Using Bayesian Binning" (2015).

    >>> row = {"sum_brier": Fraction("0.5"), "bin_correct": [0] * 8 + [1, 0], "bin_confidence": [0] * 8 + [160, 0]}
    >>> _calibration(row, 2)
    {'brier': 0.25, 'brier_skill': 0.0, 'ece': 0.3}
    """
    brier = _mean(Fraction(row["sum_brier"]), calls)
    if brier is None:
        return {"brier": None, "brier_skill": None, "ece": None}
    right = Fraction(sum(map(int, row["bin_correct"])), calls)
    bins = zip(row["bin_confidence"], row["bin_correct"], strict=True)
    gaps = sum((abs(Fraction(confidence) / 100 - int(correct)) for confidence, correct in bins), Fraction(0))
    return {
        "brier": float(brier),
        "brier_skill": float(1 - brier / (right * (1 - right))) if 0 < right < 1 else None,
        "ece": float(gaps / calls),
    }


def wilson(successes: int, n: int) -> list[float] | None:
    """[low, high] of the 95 % Wilson score interval of a share, in percent; None for n = 0.

    With p = successes / n and z the normal distribution's 97.5 % quantile, the bounds are
    (p + z^2 / 2n +- z * sqrt(p * (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n). They are right if trials are independent.
    Reference: Wilson, "Probable Inference" (1927).

    >>> [round(bound, 1) for bound in wilson(6, 10)], [round(bound, 1) for bound in wilson(1, 1)]
    ([31.3, 83.2], [20.7, 100.0])
    """
    if not n:
        return None
    p, z2 = successes / n, Z95 * Z95
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return [0.0 if successes == 0 else 100 * (middle - half), 100.0 if successes == n else 100 * (middle + half)]


def metrics_line(version: str | None, sums: Mapping[Any, Any], as_of: datetime) -> str:
    """The log's line of metrics of a version (None: all).

    `sums` has the fields of DaySums summed over its days, gross: trades, winners, losers, sum_pct, sum_winners_pct,
    sum_losers_pct.
    """
    n, winners, losers = (int(sums[name]) for name in ("trades", "winners", "losers"))
    profit, loss = (Fraction(sums[f"sum_{name}_pct"]) for name in ("winners", "losers"))

    def shown(value: Fraction | None, digits: int) -> str:
        return "n/a" if value is None else f"{float(value):.{digits}f}%"

    return (
        f"[{iso(as_of.replace(microsecond=0))}] SYSTEM METRICS ({escape_controls(version or 'all')}): "
        f"Win Rate: {shown(_mean(Fraction(100 * winners), n), 1)}, Trades: {n}, "
        f"Avg Profit: {shown(_mean(profit, winners), 2)}, Avg Loss: {shown(_mean(loss, losers), 2)}, "
        f"Total P&L: {shown(Fraction(sums['sum_pct']), 2)}"
    )


def iso(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC, ending in Z.

    >>> iso(datetime(2025, 5, 1, 12, 30, tzinfo=UTC))
    '2025-05-01T12:30:00Z'
    """
    if moment is None:
        return None
    said = moment.isoformat()
    return (said[:-6] if said.endswith("+00:00") else moment.astimezone(UTC).replace(tzinfo=None).isoformat()) + "Z"


def _mean(total: Fraction, n: int) -> Fraction | None:
    return total / n if n else None


def _float(value: Fraction | None) -> float | None:
    return None if value is None else float(value)


def _std(total: Fraction, squares: Fraction, n: int) -> float | None:
    """The standard deviation (ddof=1) of n values; None below two values, or below SMALLEST_STD."""
    if n < 2:
        return None
    std = math.sqrt((squares - total * total / n) / (n - 1))
    return std if std >= SMALLEST_STD else None


def _compose_path(period: PeriodSums | None) -> dict[str, Any]:
    """The drawdown of the running sum, which starts at 0 and takes one step per exit_time, in points of percent."""
    if period is None:
        return {"max_drawdown_pct": None, "current_drawdown_pct": None, "underwater_since": None}
    risen = period.path_high_pct >= 0
    with localcontext(EXACT):
        fall = (period.path_high_pct if risen else 0) - period.sum_pct
    return {
        "max_drawdown_pct": float(period.path_fall_pct),
        "current_drawdown_pct": float(fall),
        "underwater_since": iso(period.path_high_at if risen else period.first_exit_at) if fall else None,
    }
