"""An analysis as rows of text, for artifacts and for a terminal; `escape` makes names harmless for either."""

from collections.abc import Callable

from scorekeeper.analysis.baselines import phrase
from scorekeeper.analysis.document import AgentAnalysis, Analysis, Baseline, Claim
from scorekeeper.analysis.intervals import RobustMean

MOST_ROWS = 199
MOST_CALIBRATED = 19  # agents, of ten bins each

Escape = Callable[[str], str]
Row = dict[str, str]


def attribution_rows(analysis: Analysis, escape: Escape) -> list[Row]:
    """One row per agent: its accuracy, and its contribution to the vote of all (percent, summed over decisions)."""
    return [_agent_row(one, escape) for one in analysis.agents[:MOST_ROWS]]


def _agent_row(one: AgentAnalysis, escape: Escape) -> Row:
    right, worth = one.accuracy, one.call_return_pct
    return {
        "agent": escape(one.agent),
        "signals": str(one.signals),
        "calls": str(one.calls),
        "independent": str(worth.estimate.independent),
        "accuracy %": _number(right.estimate.mean, 1),
        "accuracy 95 %": _interval(right.estimate.ci95, 1),
        "accuracy p": _adjusted(right),
        "than a coin": right.tell("better", "worse"),
        "call return %": _number(worth.estimate.mean),
        "call return 95 %": _interval(worth.estimate.ci95),
        "call return p": _adjusted(worth),
        "IC": _number(one.ic, 3),
        "Shapley %": _number(one.shapley_pct, 2),
        "Shapley 95 %": _interval(one.shapley_ci95, 2),
        "sampling error": "exact" if one.shapley_error_pct is None else _number(one.shapley_error_pct, 2),
        "leave one out %": _number(one.leave_one_out_pct, 2),
        "leave one out 95 %": _interval(one.leave_one_out_ci95, 2),
    }


def calibration_rows(analysis: Analysis, escape: Escape) -> list[Row]:
    """One row per agent and bin of confidence with calls, of the agents with the most signals."""
    most = sorted(analysis.agents, key=lambda one: -one.signals)[:MOST_CALIBRATED]
    return [
        {
            "agent": escape(agent.agent),
            "confidence": f"{one.low:.0f} to {one.high:.0f}",
            "calls": str(one.n),
            "mean confidence %": _number(one.confidence, 1),
            "accuracy %": _number(one.accuracy, 1),
            "accuracy 95 % (if independent)": _interval(one.accuracy_ci95, 1),
        }
        for agent in sorted(most, key=lambda one: one.agent)
        for one in agent.calibration
        if one.n
    ]


def baseline_rows(analysis: Analysis, escape: Escape) -> list[Row]:
    """One row for the system and each baseline: its mean and total return in percent, and the system minus it."""
    return [_baseline_row(one, escape) for one in analysis.baselines[:MOST_ROWS]]


def _baseline_row(one: Baseline, escape: Escape) -> Row:
    row = {
        "who": phrase(one, escape),
        "decisions": str(one.n),
        "mean %": _number(one.mean_return_pct),
        "total %": _number(one.total_return_pct, 2),
    }
    return row | _difference_cells(one.difference, "system minus this %", "the system is")


def version_rows(analysis: Analysis, escape: Escape) -> list[Row]:
    """One row per version over its own period, in percent per trade, then the rows of each comparison of two."""
    empty = dict.fromkeys(("from", "until", "win rate %", "after fees %", "Sharpe", "PSR", "DSR"), "")
    rows = [
        {
            "what": escape(one.version), **_sample_cells(one.expectancy_pct), "p adjusted": "", "verdict": "",
            "from": one.first_at, "until": one.last_at, "win rate %": _number(one.win_rate.mean, 1),
            "after fees %": _number(one.net_expectancy_pct.mean), "Sharpe": _number(one.sharpe, 2),
            "PSR": _number(one.psr, 3), "DSR": _number(one.dsr, 3),
        }
        for one in analysis.versions
    ]  # fmt: skip
    for pair in analysis.pairs:
        for claim, how in ((pair.paired, "paired"), (pair.own_periods, "own periods")):
            what = f"{escape(pair.one)} minus {escape(pair.other)}, {how}"
            judged = {"p adjusted": _adjusted(claim), "verdict": claim.tell("better", "worse")}
            rows.append({"what": what} | _sample_cells(claim.estimate) | judged | empty)
    return rows[:MOST_ROWS]


def _sample_cells(one: RobustMean) -> Row:
    return {
        "n": str(one.n), "independent": str(one.independent), "mean %": _number(one.mean), "95 %": _interval(one.ci95),
        "p": _number(one.p),
    }  # fmt: skip


def _difference_cells(claim: Claim | None, difference: str, verdict: str) -> Row:
    if claim is None:
        return dict.fromkeys((difference, "95 %", "independent", "p", "p adjusted", verdict), "")
    one = claim.estimate
    return {
        difference: _number(one.mean),
        "95 %": _interval(one.ci95),
        "independent": str(one.independent),
        "p": _number(one.p),
        "p adjusted": _adjusted(claim),
        verdict: claim.tell("better", "worse"),
    }


def _number(value: float | None, digits: int = 4) -> str:
    return "n/a" if value is None else f"{value:.{digits}f}"


def _interval(bounds: tuple[float, float] | None, digits: int = 4) -> str:
    return "n/a" if bounds is None else f"{bounds[0]:.{digits}f} to {bounds[1]:.{digits}f}"


def _adjusted(claim: Claim) -> str:
    return _number(claim.p_adjusted)
