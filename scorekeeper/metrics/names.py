"""The one list of metric names: every figure of a score, in the order of the answer of `system_metrics`.

A new metric has its formula (formulas.py, daily_series.py) and a line here. Tests compare the list with what is
composed, with the columns of the views `report_system_metrics` and `report_agent_metrics`, and with docs/metrics.md.
"""

from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """What a figure is: the type of its column in the views."""

    COUNT = "bigint"
    NUMBER = "double precision"
    INTERVAL = "double precision[]"  # low, high
    MOMENT = "timestamp with time zone"


class Metric(NamedTuple):
    """A figure's name, its kind, and its unit where the name does not say it."""

    name: str
    kind: Kind = Kind.NUMBER
    unit: str = ""


def _names(metrics: tuple[Metric, ...]) -> tuple[str, ...]:
    return tuple(metric.name for metric in metrics)


# The selection that a score is about. None: all.
SCOPE = ("version", "symbol", "since", "until", "include_suspect", "exclude_late", "as_of")

# Counts that change without a close.
_COUNTED = (
    Metric("suspect_trades", Kind.COUNT),
    Metric("late_decisions", Kind.COUNT),
    Metric("active_trades", Kind.COUNT),
)
# Composed of the closed trades, gross and after fees.
_TRADES = (
    Metric("completed_trades", Kind.COUNT),
    Metric("profitable_trades", Kind.COUNT),
    Metric("losing_trades", Kind.COUNT),
    Metric("breakeven_trades", Kind.COUNT),
    Metric("win_rate", unit="%"),
    Metric("win_rate_ci95", Kind.INTERVAL),
    Metric("avg_profit_pct"),
    Metric("avg_loss_pct"),
    Metric("total_pnl_pct"),
    Metric("expectancy_pct"),
    Metric("expectancy_ratio"),
    Metric("payoff_ratio"),
    Metric("profit_factor"),
    Metric("sqn"),
    Metric("kelly"),
    Metric("max_win_streak", Kind.COUNT),
    Metric("max_loss_streak", Kind.COUNT),
    Metric("avg_hold_minutes"),
    Metric("avg_hold_minutes_winners"),
    Metric("avg_hold_minutes_losers"),
    Metric("avg_mfe_pct"),
    Metric("avg_mae_pct"),
    Metric("profit_given_back_pct"),
    Metric("max_drawdown_pct"),
    Metric("current_drawdown_pct"),
    Metric("underwater_since", Kind.MOMENT),
)
# Composed of the daily series, gross and after fees.
_DAILY = (
    Metric("sharpe"),
    Metric("sortino"),
    Metric("calmar"),
    Metric("volatility_pct"),
    Metric("var95_pct"),
    Metric("cvar95_pct"),
    Metric("psr"),
)
# Taken over from the last analysis of the scope.
_ANALYSED = (
    Metric("analysis_as_of", Kind.MOMENT),
    Metric("independent_trades", Kind.COUNT),
    Metric("win_rate_ci95_robust", Kind.INTERVAL),
    Metric("win_rate_p_robust"),
    Metric("expectancy_ci95_robust", Kind.INTERVAL),
    Metric("p_robust"),
    Metric("dsr"),
)
SYSTEM = (Metric("days", Kind.COUNT), *_COUNTED, *_TRADES, *_DAILY, *_ANALYSED)

# Composed of what an agent said.
_AGENT = (
    Metric("signals", Kind.COUNT),
    Metric("calls", Kind.COUNT),
    Metric("abstentions", Kind.COUNT),
    Metric("coverage", unit="%"),
    Metric("correct", Kind.COUNT),
    Metric("incorrect", Kind.COUNT),
    Metric("accuracy", unit="%"),
    Metric("accuracy_ci95", Kind.INTERVAL),
    Metric("avg_call_return_pct"),
    Metric("total_call_return_pct"),
    Metric("brier"),
    Metric("brier_skill"),
    Metric("ece"),
    Metric("supported_winners", Kind.COUNT),
    Metric("supported_losers", Kind.COUNT),
    Metric("opposed_winners", Kind.COUNT),
    Metric("opposed_losers", Kind.COUNT),
    Metric("abstained_winners", Kind.COUNT),
    Metric("abstained_losers", Kind.COUNT),
)
# Taken over from the last analysis of the scope.
_AGENT_ANALYSED = (
    Metric("ic"),
    Metric("shapley_pct"),
    Metric("shapley_ci95_robust", Kind.INTERVAL),
    Metric("shapley_error_pct"),
    Metric("leave_one_out_pct"),
    Metric("leave_one_out_ci95_robust", Kind.INTERVAL),
    Metric("accuracy_ci95_robust", Kind.INTERVAL),
    Metric("accuracy_p_robust"),
    Metric("call_return_ci95_robust", Kind.INTERVAL),
    Metric("call_return_p_robust"),
    Metric("independent_calls", Kind.COUNT),
)
AGENT = (*_AGENT, *_AGENT_ANALYSED)

COUNTED_NAMES = _names(_COUNTED)
COMPOSED_NAMES = _names((*_TRADES, *_DAILY))
DAILY_NAMES = _names(_DAILY)
COMPOSED_AGENT_NAMES = _names(_AGENT)
ANALYSED_NAMES = _names(_ANALYSED)
ANALYSED_NET_NAMES = ("expectancy_ci95_robust", "p_robust")  # those that an analysis has after fees, too
ANALYSED_AGENT_NAMES = _names(_AGENT_ANALYSED)

# Of trades with a size, in quote currency; under `money`, which an answer has only where there are such trades.
MONEY_NAMES = (
    "trades", "traded_value", "gross_pnl", "costs", "net_pnl", "weighted_pnl_pct", "weighted_net_pnl_pct",
    "weighted_win_rate", "profit_factor", "max_drawdown", "current_drawdown", "account_equity", "equity", "return_pct",
)  # fmt: skip
