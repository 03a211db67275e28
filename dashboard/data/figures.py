"""The answer of metrics as figures, each with its interval, its n, its verdict and the address of its rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dashboard.data.figure import Figure
from dashboard.data.filters import Filters

ROBUST = "robust"
INDEPENDENT = "if trades are independent"


@dataclass(frozen=True)
class Kind:
    """How a figure is shown: `n`: the key of the answer that counts what it is taken over; `rows`: what lists those."""

    label: str
    unit: str = ""
    digits: int = 2
    n: str = "completed_trades"
    rows: Mapping[str, str] = field(default_factory=dict)


_WINS, _LOSSES, _EVEN = ({"outcome": outcome} for outcome in ("win", "loss", "even"))
SYSTEM: Mapping[str, Kind] = {
    "total_pnl_pct": Kind("Total P&L", "%"),
    "expectancy_pct": Kind("Mean P&L of a trade", "%", 3),
    "win_rate": Kind("Win rate", "%", 1),
    "profit_factor": Kind("Profit factor"),
    "payoff_ratio": Kind("Mean win to mean loss"),
    "max_drawdown_pct": Kind("Largest drawdown", "points"),
    "current_drawdown_pct": Kind("Drawdown now", "points"),
    "sharpe": Kind("Sharpe ratio"),
    "sortino": Kind("Sortino ratio"),
    "calmar": Kind("Calmar ratio"),
    "volatility_pct": Kind("Volatility a year", "%", 1),
    "var95_pct": Kind("Value at risk of a day, 95 %", "%"),
    "cvar95_pct": Kind("Mean of the worst days, 5 %", "%"),
    "psr": Kind("Probability that the Sharpe ratio is above 0", "", 3),
    "dsr": Kind("Deflated Sharpe ratio", "", 3),
    "sqn": Kind("System quality number"),
    "kelly": Kind("Kelly fraction", "", 3),
    "expectancy_ratio": Kind("Expectancy to mean loss"),
    "completed_trades": Kind("Closed trades", digits=0),
    "profitable_trades": Kind("Winners", digits=0, n="profitable_trades", rows=_WINS),
    "losing_trades": Kind("Losers", digits=0, n="losing_trades", rows=_LOSSES),
    "breakeven_trades": Kind("Break-even", digits=0, n="breakeven_trades", rows=_EVEN),
    "avg_profit_pct": Kind("Mean of the winners", "%", n="profitable_trades", rows=_WINS),
    "avg_loss_pct": Kind("Mean of the losers", "%", n="losing_trades", rows=_LOSSES),
    "profit_given_back_pct": Kind("Given back by winners", "%", n="profitable_trades", rows=_WINS),
    "max_win_streak": Kind("Longest run of wins", digits=0),
    "max_loss_streak": Kind("Longest run of losses", digits=0),
    "avg_hold_minutes": Kind("Mean hold time", "min", 1),
    "avg_hold_minutes_winners": Kind("Mean hold time of winners", "min", 1, "profitable_trades", _WINS),
    "avg_hold_minutes_losers": Kind("Mean hold time of losers", "min", 1, "losing_trades", _LOSSES),
    "avg_mfe_pct": Kind("Mean best excursion", "%"),
    "avg_mae_pct": Kind("Mean worst excursion", "%"),
}
AGENT: Mapping[str, Kind] = {
    "accuracy": Kind("Accuracy", "%", 1, "judged", {"call": "judged"}),
    "avg_call_return_pct": Kind("Mean return of a call", "%", 3, "calls", {"call": "made"}),
    "total_call_return_pct": Kind("Total return of its calls", "%", 2, "calls", {"call": "made"}),
    "brier": Kind("Brier score", "", 3, "brier_calls", {"call": "judged", "confidence_from": "0"}),
    "brier_skill": Kind("Brier skill", "", 3, "brier_calls", {"call": "judged", "confidence_from": "0"}),
    "ece": Kind("Calibration error (ECE)", "", 3, "brier_calls", {"call": "judged", "confidence_from": "0"}),
    "shapley_pct": Kind("Contribution (Shapley)", "%", 2, "signals", {"call": "scored"}),
    "leave_one_out_pct": Kind("Leave one out", "%", 2, "signals", {"call": "scored"}),
    "ic": Kind("Rank correlation with the price (IC)", "", 3, "signals", {"call": "scored"}),
    "coverage": Kind("Coverage", "%", 1, "signals", {"call": "scored"}),
    "signals": Kind("Signals", "", 0, "signals", {"call": "scored"}),
    "calls": Kind("Calls", "", 0, "calls", {"call": "made"}),
    "abstentions": Kind("Abstentions", "", 0, "abstentions", {"call": "abstained"}),
    "correct": Kind("Right", "", 0, "correct", {"call": "right"}),
    "incorrect": Kind("Wrong", "", 0, "incorrect", {"call": "wrong"}),
    **{
        f"{stance}_{name}": Kind(
            f"{name.capitalize()} that it {stance if stance != 'abstained' else 'abstained from'}", "", 0,
            f"{stance}_{name}", {"stance": stance, "outcome": outcome},
        )
        for stance in ("supported", "opposed", "abstained")
        for name, outcome in (("winners", "win"), ("losers", "loss"))
    },
}  # fmt: skip
# Intervals of an agent's figures, robust ones: the key, and whether it is also the interval of a claim.
_AGENT_INTERVALS = {
    "accuracy": "accuracy_ci95_robust", "avg_call_return_pct": "call_return_ci95_robust",
    "shapley_pct": "shapley_ci95_robust", "leave_one_out_pct": "leave_one_out_ci95_robust",
}  # fmt: skip


def system_figures(
    answer: Mapping[str, Any], filters: Filters, narrowed: Mapping[str, Any] | None = None
) -> dict[str, Figure]:
    """Every figure of the system by its key in metrics; P&L figures on the filters' basis (gross or after fees).

    `narrowed`: the filters that select a part of a breakdown, whose figures `answer` has then.
    """
    # A part that has one basis alone is on the filters' own.
    figures = {**answer, **(answer.get("net", {}) if filters.after_fees else {})}
    found = {}
    for name, kind in SYSTEM.items():
        if name not in figures:
            continue
        interval, interval_kind = _interval(name, figures, filters.after_fees)
        found[name] = Figure(
            name, kind.label, figures.get(name), kind.unit, interval, figures[kind.n], _verdict(name, answer, filters),
            filters.link("trades", **{**(narrowed or {}), **kind.rows}), "trades", interval_kind, kind.digits,
        )  # fmt: skip
    return found if narrowed is not None else found | _counts(answer, filters)


def agent_figures(
    agent: str, figures: Mapping[str, Any], filters: Filters, narrowed: Mapping[str, Any] | None = None
) -> dict[str, Figure]:
    """Every figure of an agent (an entry of answer["agent_performance"]) by its key in metrics; `narrowed` as above."""
    counts = {**figures, "judged": figures["correct"] + figures["incorrect"]}
    found = {}
    for name, kind in AGENT.items():
        interval = figures.get(_AGENT_INTERVALS.get(name, ""))
        interval_kind = ROBUST if interval else None
        if interval is None and name == "accuracy" and figures["accuracy_ci95"] is not None:
            interval, interval_kind = figures["accuracy_ci95"], "if calls are independent"
        of_trades = "stance" in kind.rows
        # How an agent stood to a trade is told by what the trade earned before fees.
        rows = {**(narrowed or {}), "agent": agent, **kind.rows, **({"fees": None} if of_trades else {})}
        found[name] = Figure(
            name, kind.label, figures.get(name), kind.unit, _pair(interval), counts[kind.n],
            figures.get("verdicts", {}).get(name), filters.link("trades" if of_trades else "decisions", **rows),
            "trades" if of_trades else "signals" if kind.n == "signals" else "calls", interval_kind, kind.digits,
        )  # fmt: skip
    return found


def _counts(answer: Mapping[str, Any], filters: Filters) -> dict[str, Figure]:
    """What stands beside the figures. Open trades are counted whatever the period."""
    of = {
        "active_trades": ("Open trades", "trades", filters.link("open", since=None, until=None)),
        "suspect_trades": (
            "Suspect prices", "decisions", filters.link("decisions", suspect="only", late=None, side="any"),
        ),
        "late_decisions": ("Late decisions", "decisions", filters.link("decisions", suspect="yes", late="only")),
    }  # fmt: skip
    return {
        name: Figure(name, label, answer[name], "", None, answer[name], None, href, rows, digits=0)
        for name, (label, rows, href) in of.items()
    }


def _interval(name: str, figures: Mapping[str, Any], after_fees: bool) -> tuple[tuple[float, float] | None, str | None]:
    if name == "expectancy_pct" and figures.get("expectancy_ci95_robust"):
        return _pair(figures["expectancy_ci95_robust"]), ROBUST
    if name == "win_rate" and figures.get("win_rate_ci95_robust") and not after_fees:  # it is of the one before fees
        return _pair(figures["win_rate_ci95_robust"]), ROBUST
    if name == "win_rate" and figures["win_rate_ci95"]:
        return _pair(figures["win_rate_ci95"]), INDEPENDENT
    return None, None


def _pair(bounds: Any) -> tuple[float, float] | None:
    return None if bounds is None else (bounds[0], bounds[1])


def _verdict(name: str, answer: Mapping[str, Any], filters: Filters) -> str | None:
    if filters.after_fees and name == "win_rate":
        return None
    key = "net_expectancy_pct" if filters.after_fees and name == "expectancy_pct" else name
    verdict: str | None = answer.get("verdicts", {}).get(key)
    return verdict


def system_verdicts(document: Mapping[str, Any]) -> dict[str, str]:
    """What an analysis says of the system's figures, in words, by their keys in metrics."""
    return {
        "win_rate": judge(document["win_rate"], "50\u00a0%", "better than a coin", "worse than a coin"),
        "expectancy_pct": judge(document["expectancy_pct"], "0", "above 0", "below 0"),
        "net_expectancy_pct": judge(document["net_expectancy_pct"], "0", "above 0", "below 0"),
    }


def agent_verdicts(document: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """The same of each agent's figures, by its name."""
    return {
        one["agent"]: {
            "accuracy": judge(one["accuracy"], "50\u00a0%", "better than a coin", "worse than a coin"),
            "avg_call_return_pct": judge(one["call_return_pct"], "0", "above 0", "below 0"),
            "ece": judge(one["overconfidence"], "calibrated", "overconfident", "underconfident"),
        }
        for one in document["agents"]
    }


def judge(claim: Mapping[str, Any], null: str, above: str, below: str) -> str:
    """A claim of an analysis in words: `above` or `below` its null, or that it cannot be told."""
    if claim["verdict"] is not None:
        return above if claim["verdict"] == "above" else below
    independent = claim["estimate"]["independent"]
    if claim["estimate"]["ci95"] is None:
        return f"too few to tell: {independent:,} independent"
    return f"cannot be told from {null}"
