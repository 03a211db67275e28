"""The system's rollups and metrics, counted again from single trades in plain loops.

It shares no code with the pipeline: `verify` compares the pipeline's figures with these, and so do the tests.
"""

import math
import statistics
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import accumulate, groupby
from typing import Any

SMALLEST_STD = 1e-12  # a smaller standard deviation is rounding
EXACT_DIGITS = 2_000
_Z95 = statistics.NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class ClosedTrade:
    """A closed trade that counts; P&L on one basis (gross or after fees), percent of entry."""

    trade_id: str
    opened_at: datetime
    exit_time: datetime
    pnl_pct: float
    mfe_pct: float
    mae_pct: float


@dataclass(frozen=True)
class MarketYear:
    """What the daily series of a market that closes consists of.

    `closes_on`: the UTC days on which its sessions close, in order, from before the first exit until after the last.
    `days_a_year`: how many sessions a year has.
    """

    closes_on: Sequence[date]
    days_a_year: int


def in_order(trades: Sequence[ClosedTrade]) -> list[ClosedTrade]:
    """Sorted by exit_time, then by the bytes of trade_id."""
    return sorted(trades, key=lambda t: (t.exit_time, t.trade_id.encode()))


def count_day(trades: Sequence[ClosedTrade]) -> dict[str, Any]:
    """The exact rollup row of one day's trades: the columns of daily_score after its key."""
    ordered = in_order(trades)
    won, lost = [t for t in ordered if t.pnl_pct > 0], [t for t in ordered if t.pnl_pct < 0]
    with localcontext(prec=EXACT_DIGITS):
        running = _running(ordered)
        levels = [level for _, level in running]
        peaks = list(accumulate(levels, max, initial=Decimal(0)))[1:]
        return {
            "trades": len(ordered),
            "winners": len(won),
            "losers": len(lost),
            "sum_pct": total([t.pnl_pct for t in ordered]),
            "sum_squares": sum((exact(t.pnl_pct) ** 2 for t in ordered), Decimal(0)),
            "sum_winners_pct": total([t.pnl_pct for t in won]),
            "sum_losers_pct": total([t.pnl_pct for t in lost]),
            "hold_seconds": sum((_held(t) for t in ordered), Decimal(0)),
            "hold_seconds_winners": sum((_held(t) for t in won), Decimal(0)),
            "hold_seconds_losers": sum((_held(t) for t in lost), Decimal(0)),
            "sum_mfe_pct": total([t.mfe_pct for t in ordered]),
            "sum_mae_pct": total([t.mae_pct for t in ordered]),
            "sum_given_back_pct": sum((exact(t.mfe_pct) - exact(t.pnl_pct) for t in won), Decimal(0)),
            "path_high_pct": max(levels),
            "path_high_at": max(time for time, level in running if level == max(levels)),
            "path_low_pct": min(levels),
            "path_fall_pct": max(peak - level for peak, level in zip(peaks, levels, strict=True)),
            "first_exit_at": ordered[0].exit_time,
            **_streak_ends(ordered, "wins", 1),
            **_streak_ends(ordered, "losses", -1),
        }


def count_system(trades: Sequence[ClosedTrade], market: MarketYear | None = None) -> dict[str, Any]:
    """The figures of the system, each straight from its definition in docs/metrics.md; `market`: one that closes."""
    ordered = in_order(trades)
    gains = [t.pnl_pct for t in ordered]
    won, lost = [g for g in gains if g > 0], [g for g in gains if g < 0]
    n = len(gains)
    profit, loss, expectancy = mean(won), mean(lost), mean(gains)
    payoff = profit / -loss if profit is not None and loss is not None else None
    spread = _spread(map(exact, gains)) if n > 1 else 0.0
    holds = [(t, (t.exit_time - t.opened_at) / timedelta(minutes=1)) for t in ordered]
    return {
        "completed_trades": n,
        "profitable_trades": len(won),
        "losing_trades": len(lost),
        "breakeven_trades": n - len(won) - len(lost),
        "win_rate": 100 * len(won) / n if n else None,
        "win_rate_ci95": wilson(len(won), n),
        "avg_profit_pct": profit,
        "avg_loss_pct": loss,
        "total_pnl_pct": math.fsum(gains),
        "expectancy_pct": expectancy,
        "expectancy_ratio": expectancy / -loss if expectancy is not None and loss is not None else None,
        "payoff_ratio": payoff,
        "profit_factor": math.fsum(won) / -math.fsum(lost) if lost else None,
        "sqn": math.sqrt(n) * expectancy / spread if expectancy is not None and spread >= SMALLEST_STD else None,
        "kelly": len(won) / n - (1 - len(won) / n) / payoff if payoff else None,
        "max_win_streak": _longest_streak(ordered, 1),
        "max_loss_streak": _longest_streak(ordered, -1),
        "avg_hold_minutes": mean([minutes for _, minutes in holds]),
        "avg_hold_minutes_winners": mean([minutes for t, minutes in holds if t.pnl_pct > 0]),
        "avg_hold_minutes_losers": mean([minutes for t, minutes in holds if t.pnl_pct < 0]),
        "avg_mfe_pct": mean([t.mfe_pct for t in ordered]),
        "avg_mae_pct": mean([t.mae_pct for t in ordered]),
        "profit_given_back_pct": mean([t.mfe_pct - t.pnl_pct for t in ordered if t.pnl_pct > 0]),
        **_count_path_and_days(ordered, market),
    }


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
    return [name for name, value in wanted.items() if not _alike(found.get(name), value)]


def _alike(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, list) and isinstance(found, list):
        return all(map(_alike, found, wanted))
    if isinstance(wanted, float) and isinstance(found, float | int):
        return math.isclose(found, wanted, rel_tol=1e-9, abs_tol=1e-9)
    return bool(found == wanted)


def exact(value: float) -> Decimal:
    return Decimal(repr(value))


def total(values: Sequence[float]) -> Decimal:
    return sum(map(exact, values), Decimal(0))


def _spread(values: Iterable[Decimal]) -> float:
    # For nearly equal gains, the rounding of a decimal to a double would be a large part of the spread.
    return float(statistics.stdev(map(Fraction, values)))


def _held(trade: ClosedTrade) -> Decimal:
    return Decimal((trade.exit_time - trade.opened_at) // timedelta(microseconds=1)) / 1_000_000


def mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def _way(trade: ClosedTrade) -> int:
    return (trade.pnl_pct > 0) - (trade.pnl_pct < 0)


def _running(ordered: Sequence[ClosedTrade]) -> list[tuple[datetime, Decimal]]:
    """(exit_time, sum of all gains up to it), one entry per distinct exit_time."""
    level, steps = Decimal(0), []
    for time, closed in groupby(ordered, key=lambda t: t.exit_time):
        level += total([t.pnl_pct for t in closed])
        steps.append((time, level))
    return steps


def _streaks(ordered: Sequence[ClosedTrade]) -> list[tuple[int, int]]:
    return [(way, len(list(run))) for way, run in groupby(map(_way, ordered))]


def _longest_streak(ordered: Sequence[ClosedTrade], way: int) -> int:
    return max((length for kind, length in _streaks(ordered) if kind == way), default=0)


def _streak_ends(ordered: Sequence[ClosedTrade], name: str, way: int) -> dict[str, int]:
    streaks = _streaks(ordered)
    return {
        f"leading_{name}": streaks[0][1] if streaks[0][0] == way else 0,
        f"trailing_{name}": streaks[-1][1] if streaks[-1][0] == way else 0,
        f"longest_{name}": _longest_streak(ordered, way),
    }


def _count_path_and_days(ordered: Sequence[ClosedTrade], market: MarketYear | None) -> dict[str, Any]:
    peak = deepest = level = Decimal(0)
    peak_at = ordered[0].exit_time if ordered else None
    with localcontext(prec=EXACT_DIGITS):
        for time, level in _running(ordered):
            if level >= peak:
                peak, peak_at = level, time
            deepest = max(deepest, peak - level)
        fall = peak - level
    drawdown = float(deepest) if ordered else None
    return {
        "max_drawdown_pct": drawdown,
        "current_drawdown_pct": float(fall) if ordered else None,
        "underwater_since": as_utc(peak_at) if peak_at and fall else None,
        **count_days(_daily_series(ordered, market), drawdown, market.days_a_year if market else 365),
    }


def as_utc(time: datetime) -> str:
    return time.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


def _daily_series(ordered: Sequence[ClosedTrade], market: MarketYear | None) -> list[Decimal]:
    days: dict[date, list[float]] = {}
    for trade in ordered:
        days.setdefault(trade.exit_time.astimezone(UTC).date(), []).append(trade.pnl_pct)
    with localcontext(prec=EXACT_DIGITS):
        return lay_days({day: total(gains) for day, gains in days.items()}, market)


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
    daily_mean, spread = math.fsum(sums) / len(sums), _spread(series)
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
