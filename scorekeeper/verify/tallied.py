"""The figures of the system from a tally, which keeps sums in place of a list of the trades."""

import math
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from scorekeeper.verify.recount import SMALLEST_STD, MarketYear, as_utc, count_days, lay_days, wilson
from scorekeeper.verify.tally import Tally, to_decimal


def count_figures(tally: Tally, days: Mapping[date, Decimal], market: MarketYear | None = None) -> dict[str, Any]:
    """The figures of the system, by their definitions in docs/metrics.md, each from the tally's sums.

    `days`: what the trades of each UTC day with exits gained, in order. `market`: one that closes.
    """
    n, won, lost = tally.trades, tally.winners, tally.losers
    profit, loss, expectancy = _ratio(tally, "won", won), _ratio(tally, "lost", lost), _ratio(tally, "all", n)
    payoff = profit / -loss if profit is not None and loss is not None else None
    spread = tally.spread()
    peak_at = tally.high_at if tally.high is not None and tally.high >= 0 else tally.first_exit_at
    drawdown = float(to_decimal(tally.fall, tally.digits)) if n else None
    fall = tally.peak - tally.level
    return {
        "completed_trades": n,
        "profitable_trades": won,
        "losing_trades": lost,
        "breakeven_trades": n - won - lost,
        "win_rate": 100 * won / n if n else None,
        "win_rate_ci95": wilson(won, n),
        "avg_profit_pct": profit,
        "avg_loss_pct": loss,
        "total_pnl_pct": float(tally.decimal("all")),
        "expectancy_pct": expectancy,
        "expectancy_ratio": expectancy / -loss if expectancy is not None and loss is not None else None,
        "payoff_ratio": payoff,
        "profit_factor": float(tally.decimal("won")) / -float(tally.decimal("lost")) if lost else None,
        "sqn": math.sqrt(n) * expectancy / spread if expectancy is not None and spread >= SMALLEST_STD else None,
        "kelly": won / n - (1 - won / n) / payoff if payoff else None,
        "max_win_streak": tally.wins.longest,
        "max_loss_streak": tally.losses.longest,
        "avg_hold_minutes": _minutes(tally, "held", n),
        "avg_hold_minutes_winners": _minutes(tally, "held_won", won),
        "avg_hold_minutes_losers": _minutes(tally, "held_lost", lost),
        "avg_mfe_pct": _ratio(tally, "best", n),
        "avg_mae_pct": _ratio(tally, "worst", n),
        "profit_given_back_pct": _ratio(tally, "given_back", won),
        "max_drawdown_pct": drawdown,
        "current_drawdown_pct": float(to_decimal(fall, tally.digits)) if n else None,
        "underwater_since": as_utc(peak_at) if peak_at and fall else None,
        **count_days(lay_days(days, market), drawdown, market.days_a_year if market else 365),
    }


def _ratio(tally: Tally, name: str, count: int) -> float | None:
    return float(tally.decimal(name)) / count if count else None


def _minutes(tally: Tally, name: str, count: int) -> float | None:
    return tally.sums[name] / 60_000_000 / count if count else None
