"""Every figure of docs/metrics.md, composed from daily pieces. Percent of entry; undefined is None."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, localcontext
from fractions import Fraction
from operator import attrgetter
from statistics import NormalDist
from typing import Any, NamedTuple

from scorekeeper.domain.daily import EXACT, SMALLEST_STD, daily_figures, daily_series
from scorekeeper.domain.text import escape_controls

Z95 = NormalDist().inv_cdf(0.975)


AGENT_COUNTS = (
    "signals", "calls", "correct", "incorrect", "brier_calls", "supported_winners", "supported_losers",
    "opposed_winners", "opposed_losers", "abstained_winners", "abstained_losers",
)  # fmt: skip


class DayPieces(NamedTuple):
    """What composes of one UTC exit day of one scope: exact sums (percent, seconds), path pieces, streaks."""

    day: date
    trades: int
    winners: int
    losers: int
    sum_pct: Decimal
    sum_squares: Decimal
    sum_winners_pct: Decimal
    sum_losers_pct: Decimal
    hold_seconds: Decimal
    hold_seconds_winners: Decimal
    hold_seconds_losers: Decimal
    sum_mfe_pct: Decimal
    sum_mae_pct: Decimal
    sum_given_back_pct: Decimal
    path_high_pct: Decimal
    path_high_at: datetime
    path_low_pct: Decimal
    path_fall_pct: Decimal
    first_exit_at: datetime
    leading_wins: int
    trailing_wins: int
    longest_wins: int
    leading_losses: int
    trailing_losses: int
    longest_losses: int


def compose_system(days: Sequence[DayPieces]) -> dict[str, Any]:
    """The trade, path and daily figures over days in order."""
    n, winners, losers = (sum(map(attrgetter(name), days)) for name in ("trades", "winners", "losers"))
    total, squares = _sum(days, "sum_pct"), _sum(days, "sum_squares")
    profit, loss = _mean(_sum(days, "sum_winners_pct"), winners), _mean(_sum(days, "sum_losers_pct"), losers)
    expectancy = _mean(total, n)
    payoff = profit / -loss if profit is not None and loss else None
    won = Fraction(winners, n) if n else None
    std = _std(total, squares, n)
    minutes = {name: _sum(days, f"hold_seconds{name}") / 60 for name in ("", "_winners", "_losers")}
    path = _compose_path(days)
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
        "profit_factor": (float(_sum(days, "sum_winners_pct") / -_sum(days, "sum_losers_pct")) if losers else None),
        "sqn": math.sqrt(n) * float(expectancy) / std if expectancy is not None and std else None,
        "kelly": _float(won - (1 - won) / payoff) if won is not None and payoff else None,
        "max_win_streak": _longest(days, "wins"),
        "max_loss_streak": _longest(days, "losses"),
        "avg_hold_minutes": _float(_mean(minutes[""], n)),
        "avg_hold_minutes_winners": _float(_mean(minutes["_winners"], winners)),
        "avg_hold_minutes_losers": _float(_mean(minutes["_losers"], losers)),
        "avg_mfe_pct": _float(_mean(_sum(days, "sum_mfe_pct"), n)),
        "avg_mae_pct": _float(_mean(_sum(days, "sum_mae_pct"), n)),
        "profit_given_back_pct": _float(_mean(_sum(days, "sum_given_back_pct"), winners)),
        **path,
        **daily_figures(daily_series({day.day: day.sum_pct for day in days}), path["max_drawdown_pct"]),
    }


def compose_agent(row: Mapping[Any, Any]) -> dict[str, Any]:
    """An agent's figures from its summed counts.

    `bin_correct` and `bin_confidence` (of the `brier_calls`, those with a confidence and a horizon return other than 0:
    how many were correct, sum of confidences in percent) have ten entries each, by confidence.
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
    """Brier score, its skill over always saying the share that was right, and the expected calibration error."""
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
    """[low, high] of the 95 % Wilson score interval, in percent (Wilson 1927); None for n = 0."""
    if not n:
        return None
    p, z2 = successes / n, Z95 * Z95
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return [0.0 if successes == 0 else 100 * (middle - half), 100.0 if successes == n else 100 * (middle + half)]


def metrics_line(version: str | None, sums: Mapping[Any, Any], as_of: datetime) -> str:
    """The log's line of metrics: `sums` of DayPieces over the days of a version (None: all), gross."""
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
    """ISO 8601 in UTC, ending in Z."""
    return None if moment is None else moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def _sum(days: Sequence[DayPieces], name: str) -> Fraction:
    with localcontext(EXACT):
        return Fraction(sum(map(attrgetter(name), days), Decimal(0)))


def _mean(total: Fraction, n: int) -> Fraction | None:
    return total / n if n else None


def _float(value: Fraction | None) -> float | None:
    return None if value is None else float(value)


def _std(total: Fraction, squares: Fraction, n: int) -> float | None:
    """Standard deviation (ddof=1); None below two values, or where it is no more than rounding."""
    if n < 2:
        return None
    std = math.sqrt((squares - total * total / n) / (n - 1))
    return std if std >= SMALLEST_STD else None


def _longest(days: Sequence[DayPieces], kind: str) -> int:
    of_kind = attrgetter("trades", f"leading_{kind}", f"longest_{kind}", f"trailing_{kind}")
    longest = running = 0
    for trades, leading, within, trailing in map(of_kind, days):
        longest = max(longest, running + leading, within)
        running = running + trades if within == trades else trailing
    return longest


def _compose_path(days: Sequence[DayPieces]) -> dict[str, Any]:
    """Drawdown of the running sum over the days, which starts at 0 and takes one step per exit_time."""
    if not days:
        return {"max_drawdown_pct": None, "current_drawdown_pct": None, "underwater_since": None}
    level = peak = deepest = Decimal(0)
    since = days[0].first_exit_at
    with localcontext(EXACT):
        for day in days:
            deepest = max(deepest, peak - (level + day.path_low_pct), day.path_fall_pct)
            if level + day.path_high_pct >= peak:
                peak, since = level + day.path_high_pct, day.path_high_at
            level += day.sum_pct
        fall = peak - level
    return {
        "max_drawdown_pct": float(deepest),
        "current_drawdown_pct": float(fall),
        "underwater_since": iso(since) if fall else None,
    }
