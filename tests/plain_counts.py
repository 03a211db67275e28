"""The figures of trades and of signals, counted from lists in plain loops, straight from docs/metrics.md.

What every cleverer count must equal: the pipeline's, which adds up days, and verify's, which lets rows pass by once.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, localcontext
from itertools import accumulate, groupby
from typing import Any

from scorekeeper.verify.recount import (
    EXACT_DIGITS,
    SMALLEST_STD,
    MarketYear,
    as_utc,
    count_days,
    deviation,
    exact,
    lay_days,
    total,
    wilson,
)  # fmt: skip
from scorekeeper.verify.recount_agents import JudgedSignal, count_agent_day


@dataclass(frozen=True)
class ClosedTrade:
    """A closed trade that counts; P&L on one basis (gross or after fees), percent of entry."""

    trade_id: str
    opened_at: datetime
    exit_time: datetime
    pnl_pct: float
    mfe_pct: float
    mae_pct: float


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
    spread = deviation(map(exact, gains)) if n > 1 else 0.0
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


def _daily_series(ordered: Sequence[ClosedTrade], market: MarketYear | None) -> list[Decimal]:
    days: dict[date, list[float]] = {}
    for trade in ordered:
        days.setdefault(trade.exit_time.astimezone(UTC).date(), []).append(trade.pnl_pct)
    with localcontext(prec=EXACT_DIGITS):
        return lay_days({day: total(gains) for day, gains in days.items()}, market)


def count_agent(signals: Sequence[JudgedSignal]) -> dict[str, Any]:
    """The figures of an agent, each straight from its definition in docs/metrics.md."""
    row = count_agent_day(signals)
    calls = [s.direction * s.horizon_return_pct for s in signals if s.direction and s.horizon_return_pct is not None]
    scored = row["correct"] + row["incorrect"]
    return {
        **{name: value for name, value in row.items() if not name.startswith(("sum_", "brier_", "bin_"))},
        "abstentions": row["signals"] - row["calls"],
        "coverage": 100 * row["calls"] / row["signals"] if row["signals"] else None,
        "accuracy": 100 * row["correct"] / scored if scored else None,
        "accuracy_ci95": wilson(row["correct"], scored),
        "avg_call_return_pct": mean(calls),
        "total_call_return_pct": math.fsum(calls) if calls else None,
        **_count_calibration(signals),
    }


def _count_calibration(signals: Sequence[JudgedSignal]) -> dict[str, Any]:
    calls = [(s.confidence, s.direction * s.horizon_return_pct) for s in signals if s.horizon_return_pct is not None]
    sure = [(c, float(gain > 0)) for c, gain in calls if c is not None and gain]
    if not sure:
        return {"brier": None, "brier_skill": None, "ece": None}
    brier = math.fsum((c / 100 - y) ** 2 for c, y in sure) / len(sure)
    right = math.fsum(y for _, y in sure) / len(sure)
    bins: dict[int, list[float]] = {}
    for c, y in sure:
        bins.setdefault(9 if c == 100 else int(c // 10), []).extend((c / 100, -y))
    return {
        "brier": brier,
        "brier_skill": 1 - brier / (right * (1 - right)) if right not in (0, 1) else None,
        "ece": math.fsum(abs(math.fsum(gaps)) for gaps in bins.values()) / len(sure),
    }
