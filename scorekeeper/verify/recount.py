"""The score counted once more, trade by trade in plain loops, for `verify` to hold rollups and metrics against."""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import accumulate, groupby
from typing import Any

from scorekeeper.metrics.daily_series import DAYS_A_YEAR, SMALLEST_STD
from scorekeeper.metrics.formulas import wilson

_EXACT_DIGITS = 2_000


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
class Said:
    """What an agent said of a decision that counts: direction, confidence 0..100 or None, and what became of it.

    `horizon_return_pct` is None until known; `backed`: direction times the side of the trade that closed, `pnl_pct` its
    result, both None without one.
    """

    direction: int
    confidence: float | None
    horizon_return_pct: float | None
    backed: int | None
    pnl_pct: float | None


def in_order(trades: Sequence[ClosedTrade]) -> list[ClosedTrade]:
    """By exit_time, then trade_id by its bytes."""
    return sorted(trades, key=lambda t: (t.exit_time, t.trade_id.encode()))


def count_day(trades: Sequence[ClosedTrade]) -> dict[str, Any]:
    """The rollup row of one day's trades (its columns after the scope), exactly."""
    ordered = in_order(trades)
    won, lost = [t for t in ordered if t.pnl_pct > 0], [t for t in ordered if t.pnl_pct < 0]
    with localcontext(prec=_EXACT_DIGITS):
        running = _running(ordered)
        levels = [level for _, level in running]
        peaks = list(accumulate(levels, max, initial=Decimal(0)))[1:]
        return {
            "trades": len(ordered),
            "winners": len(won),
            "losers": len(lost),
            "sum_pct": _total([t.pnl_pct for t in ordered]),
            "sum_squares": sum((_exact(t.pnl_pct) ** 2 for t in ordered), Decimal(0)),
            "sum_winners_pct": _total([t.pnl_pct for t in won]),
            "sum_losers_pct": _total([t.pnl_pct for t in lost]),
            "hold_seconds": sum((_held(t) for t in ordered), Decimal(0)),
            "hold_seconds_winners": sum((_held(t) for t in won), Decimal(0)),
            "hold_seconds_losers": sum((_held(t) for t in lost), Decimal(0)),
            "sum_mfe_pct": _total([t.mfe_pct for t in ordered]),
            "sum_mae_pct": _total([t.mae_pct for t in ordered]),
            "sum_given_back_pct": sum((_exact(t.mfe_pct) - _exact(t.pnl_pct) for t in won), Decimal(0)),
            "path_high_pct": max(levels),
            "path_high_at": max(time for time, level in running if level == max(levels)),
            "path_low_pct": min(levels),
            "path_fall_pct": max(peak - level for peak, level in zip(peaks, levels, strict=True)),
            "first_exit_at": ordered[0].exit_time,
            **_streak_ends(ordered, "wins", 1),
            **_streak_ends(ordered, "losses", -1),
        }


def count_agent_day(said: Sequence[Said]) -> dict[str, Any]:
    """The rollup row of what one agent said on one day (its columns after the scope), exactly."""
    known = [(s, s.horizon_return_pct) for s in said if s.horizon_return_pct is not None]
    calls = [(s, h) for s, h in known if s.direction]
    sure = [(_exact(s.confidence), s.direction * h > 0) for s, h in calls if s.confidence is not None and h]
    bins = [[one for one in sure if low <= one[0] and (one[0] < low + 10 or low == 90)] for low in range(0, 100, 10)]
    row: dict[str, Any] = {
        "signals": len(known),
        "calls": len(calls),
        "correct": sum(s.direction * h > 0 for s, h in calls),
        "incorrect": sum(s.direction * h < 0 for s, h in calls),
        "brier_calls": len(sure),
        "bin_calls": [len(one) for one in bins],
        "bin_correct": [sum(right for _, right in one) for one in bins],
    }
    with localcontext(prec=_EXACT_DIGITS):
        row["sum_call_return_pct"] = _total([s.direction * h for s, h in calls])
        row["sum_brier"] = sum(((c / 100 - right) ** 2 for c, right in sure), Decimal(0))
        row["bin_confidence"] = [sum((c for c, _ in one), Decimal(0)) for one in bins]
    for word, way in (("supported", 1), ("opposed", -1), ("abstained", 0)):
        results = [s.pnl_pct for s in said if s.backed == way and s.pnl_pct is not None]
        row[f"{word}_winners"] = sum(pnl > 0 for pnl in results)
        row[f"{word}_losers"] = sum(pnl < 0 for pnl in results)
    return row


def count_system(trades: Sequence[ClosedTrade]) -> dict[str, Any]:
    """The system's figures, each straight from its definition."""
    ordered = in_order(trades)
    gains = [t.pnl_pct for t in ordered]
    won, lost = [g for g in gains if g > 0], [g for g in gains if g < 0]
    n = len(gains)
    profit, loss, expectancy = _mean(won), _mean(lost), _mean(gains)
    payoff = profit / -loss if profit is not None and loss is not None else None
    spread = _spread(map(_exact, gains)) if n > 1 else 0.0
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
        "avg_hold_minutes": _mean([minutes for _, minutes in holds]),
        "avg_hold_minutes_winners": _mean([minutes for t, minutes in holds if t.pnl_pct > 0]),
        "avg_hold_minutes_losers": _mean([minutes for t, minutes in holds if t.pnl_pct < 0]),
        "avg_mfe_pct": _mean([t.mfe_pct for t in ordered]),
        "avg_mae_pct": _mean([t.mae_pct for t in ordered]),
        "profit_given_back_pct": _mean([t.mfe_pct - t.pnl_pct for t in ordered if t.pnl_pct > 0]),
        **_count_path_and_days(ordered),
    }


def count_agent(said: Sequence[Said]) -> dict[str, Any]:
    """An agent's figures, each straight from its definition."""
    row = count_agent_day(said)
    calls = [s.direction * s.horizon_return_pct for s in said if s.direction and s.horizon_return_pct is not None]
    scored = row["correct"] + row["incorrect"]
    return {
        **{name: value for name, value in row.items() if not name.startswith(("sum_", "brier_", "bin_"))},
        "abstentions": row["signals"] - row["calls"],
        "coverage": 100 * row["calls"] / row["signals"] if row["signals"] else None,
        "accuracy": 100 * row["correct"] / scored if scored else None,
        "accuracy_ci95": wilson(row["correct"], scored),
        "avg_call_return_pct": _mean(calls),
        "total_call_return_pct": math.fsum(calls) if calls else None,
        **_count_calibration(said),
    }


def _count_calibration(said: Sequence[Said]) -> dict[str, Any]:
    calls = [(s.confidence, s.direction * s.horizon_return_pct) for s in said if s.horizon_return_pct is not None]
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


def differ(found: Mapping[Any, Any], wanted: Mapping[str, Any]) -> list[str]:
    """The names under which two rows of figures differ by more than rounding."""
    return [name for name, value in wanted.items() if not _alike(found.get(name), value)]


def _alike(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, list) and isinstance(found, list):
        return all(map(_alike, found, wanted))
    if isinstance(wanted, float) and isinstance(found, float | int):
        return math.isclose(found, wanted, rel_tol=1e-9, abs_tol=1e-9)
    return bool(found == wanted)


def _exact(value: float) -> Decimal:
    return Decimal(repr(value))


def _total(values: Sequence[float]) -> Decimal:
    return sum(map(_exact, values), Decimal(0))


def _spread(values: Iterable[Decimal]) -> float:
    # Of gains that are nearly alike, what is lost between a decimal and its double is much of the spread.
    return float(statistics.stdev(map(Fraction, values)))


def _held(trade: ClosedTrade) -> Decimal:
    return Decimal((trade.exit_time - trade.opened_at) // timedelta(microseconds=1)) / 1_000_000


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def _way(trade: ClosedTrade) -> int:
    return (trade.pnl_pct > 0) - (trade.pnl_pct < 0)


def _running(ordered: Sequence[ClosedTrade]) -> list[tuple[datetime, Decimal]]:
    """(exit_time, running sum), one step per exit_time."""
    level, steps = Decimal(0), []
    for time, closed in groupby(ordered, key=lambda t: t.exit_time):
        level += _total([t.pnl_pct for t in closed])
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


def _count_path_and_days(ordered: Sequence[ClosedTrade]) -> dict[str, Any]:
    peak = deepest = level = Decimal(0)
    with localcontext(prec=_EXACT_DIGITS):
        for _, level in _running(ordered):
            peak = max(peak, level)
            deepest = max(deepest, peak - level)
        fall = float(peak - level)
    drawdown = float(deepest) if ordered else None
    return {
        "max_drawdown_pct": drawdown,
        "current_drawdown_pct": fall if ordered else None,
        **_count_days(ordered, drawdown),
    }


def _count_days(ordered: Sequence[ClosedTrade], drawdown: float | None) -> dict[str, Any]:
    days: dict[date, list[float]] = {}
    for trade in ordered:
        days.setdefault(trade.exit_time.astimezone(UTC).date(), []).append(trade.pnl_pct)
    first, last = min(days, default=date.min), max(days, default=date.min)
    with localcontext(prec=_EXACT_DIGITS):
        series = [_total(days.get(first + timedelta(days=i), ())) for i in range((last - first).days + 1)]
    names = ("sharpe", "sortino", "calmar", "volatility_pct", "var95_pct", "cvar95_pct", "psr")
    if len(series) < 2:
        return dict.fromkeys(names)
    sums = [float(one) for one in series]
    mean, spread = math.fsum(sums) / len(sums), _spread(series)
    downside = math.sqrt(math.fsum(min(r, 0) ** 2 for r in sums) / len(sums))
    year = math.sqrt(DAYS_A_YEAR)
    var, cvar, psr = _count_tail([Fraction(one) for one in series])
    found = (
        mean / spread * year if spread >= SMALLEST_STD else None,
        mean / downside * year if downside else None,
        mean * DAYS_A_YEAR / drawdown if drawdown else None,
        spread * year,
        var,
        cvar,
        psr,
    )
    return dict(zip(names, found, strict=True))


def _count_tail(series: Sequence[Fraction]) -> tuple[float | None, float | None, float | None]:
    """var95_pct, cvar95_pct and psr: moment by moment, as their definitions say."""
    n = len(series)
    if n < 20:
        return None, None, None
    ordered, rank = sorted(series), Fraction(5 * (n - 1), 100)
    below = int(rank)
    var = ordered[below] + (rank - below) * (ordered[below + 1] - ordered[below])
    tail = [one for one in series if one <= var]
    mean = sum(series, Fraction(0)) / n
    m2, m3, m4 = (sum(((one - mean) ** power for one in series), Fraction(0)) / n for power in (2, 3, 4))
    std = math.sqrt(m2 * n / (n - 1))
    psr = None
    if std >= SMALLEST_STD:
        sharpe, skew, kurtosis = float(mean) / std, float(m3 / m2) / math.sqrt(m2), float(m4 / m2 / m2)
        error = 1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe**2
        psr = statistics.NormalDist().cdf(sharpe * math.sqrt((n - 1) / error)) if error > 0 else None
    return float(var), float(sum(tail, Fraction(0)) / len(tail)), psr
