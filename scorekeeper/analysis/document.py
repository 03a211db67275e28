"""What `analyze` finds out, as it is stored: the shape of the document of the table `analysis`.

A document is this dataclass as JSON, field by field, with one key more: `figures`, those of them that belong into the
answer of `system_metrics` (see `figures`). Returns are percent, accuracies and confidences 0..100, times ISO 8601 in
UTC, undefined is None. Names of versions and agents are as strangers wrote them: escape them where they are shown.
"""

from dataclasses import dataclass
from typing import Any

from scorekeeper.analysis.intervals import RobustMean
from scorekeeper.metrics.analysed_figures import AGENT_FIGURES, NET_FIGURES, SYSTEM_FIGURES


@dataclass(frozen=True)
class Claim:
    """A mean held against a value, among others: `p_adjusted` is after Benjamini-Hochberg over its family.

    `verdict`: "above" or "below" the value only if the interval excludes it and p_adjusted < 0.05; else None.
    """

    estimate: RobustMean
    null: float
    p_adjusted: float | None
    verdict: str | None


@dataclass(frozen=True)
class CalibrationBin:
    """Calls with a confidence in [low, high) (the last one: [90, 100]) whose price moved; `n` of them.

    `confidence` (mean) and `accuracy` in percent, with Wilson's interval, are None in an empty bin.
    """

    low: float
    high: float
    n: int
    confidence: float | None
    accuracy: float | None
    accuracy_ci95: tuple[float, float] | None


@dataclass(frozen=True)
class AgentAnalysis:
    """An agent over the decisions whose horizon return is known.

    `accuracy` is held against 50, `call_return_pct` (a call) against 0. `shapley_pct` and `leave_one_out_pct` are sums
    over decisions, `…_ci95` the robust intervals of these sums; `shapley_error_pct` is the standard error of sampling,
    None if the value is exact. `ic` is Spearman's correlation over `signals`. `overconfidence` (points): stated
    confidence minus whether the call was right (0 or 100), over calls with a confidence whose price moved, against 0.
    `calibration` has ten bins.
    """

    agent: str
    signals: int
    calls: int
    accuracy: Claim
    call_return_pct: Claim
    ic: float | None
    shapley_pct: float
    shapley_ci95: tuple[float, float] | None
    shapley_error_pct: float | None
    leave_one_out_pct: float
    leave_one_out_ci95: tuple[float, float] | None
    overconfidence: Claim
    calibration: tuple[CalibrationBin, ...]


@dataclass(frozen=True)
class Baseline:
    """What somebody would have earned at the horizon on the same decisions: 0 where he says nothing.

    `kind`: system (the action taken), always_long, always_short, equal_vote, confidence_vote, or agent (alone).
    `difference`: the system minus this one, paired by decision; None for the system itself.
    """

    kind: str
    agent: str | None
    n: int
    mean_return_pct: float | None
    total_return_pct: float
    difference: Claim | None


@dataclass(frozen=True)
class VersionAnalysis:
    """A version over its own period: from its first decision to its last; `decisions` with a known horizon return.

    `expectancy_pct` and `net_expectancy_pct` (a closed trade) are against 0, `win_rate` against 50; `sharpe` is
    annualised, `psr` against 0, `dsr` against what the best of the versions tried would show by luck.
    """

    version: str
    first_at: str
    last_at: str
    decisions: int
    trades: int
    win_rate: RobustMean
    expectancy_pct: RobustMean
    net_expectancy_pct: RobustMean
    sharpe: float | None
    psr: float | None
    dsr: float | None


@dataclass(frozen=True)
class VersionPair:
    """Two versions: `one` minus `other`.

    `paired`: difference of the horizon return signed by the action (0 for an action that opens no trade), over the
    intervals in which both decided on the same symbol; `own_periods`: difference of expectancy, each over its own
    period (another market, so a weaker comparison); its `n` is the trades of both, `independent` the smaller one's.
    """

    one: str
    other: str
    paired: Claim
    own_periods: Claim


@dataclass(frozen=True)
class Analysis:
    """One scope (`version` None: all) at `as_of`: closed `trades`, of which so many broke even.

    `versions` and `pairs` are empty in the scope of one version.

    `win_rate` is held against 50, `expectancy_pct` and `net_expectancy_pct` (a closed trade) against 0: one family for
    Benjamini-Hochberg; agents, baselines and version pairs are one each. `left_out_agents`: those with the fewest
    signals, too many to be analysed. `sentences` say in words what can and what cannot be concluded, already escaped
    for markdown and HTML.
    """

    as_of: str
    version: str | None
    decisions: int
    trades: int
    breakeven_trades: int
    win_rate: Claim
    expectancy_pct: Claim
    net_expectancy_pct: Claim
    dsr: float | None
    agents: tuple[AgentAnalysis, ...]
    left_out_agents: int
    baselines: tuple[Baseline, ...]
    versions: tuple[VersionAnalysis, ...]
    pairs: tuple[VersionPair, ...]
    sentences: tuple[str, ...]


def figures(analysis: Analysis) -> dict[str, Any]:
    """What of it the answer of `system_metrics` shows: under system, net and agents."""
    win_rate, gross, net = (
        one.estimate for one in (analysis.win_rate, analysis.expectancy_pct, analysis.net_expectancy_pct)
    )
    system = (
        analysis.as_of, gross.independent, win_rate.ci95, win_rate.p, gross.ci95, gross.p, analysis.dsr,
    )  # fmt: skip
    agents = {
        one.agent: dict(zip(AGENT_FIGURES, (
            one.ic, one.shapley_pct, one.shapley_ci95, one.shapley_error_pct, one.leave_one_out_pct,
            one.leave_one_out_ci95, one.accuracy.estimate.ci95, one.accuracy.estimate.p,
            one.call_return_pct.estimate.ci95, one.call_return_pct.estimate.p, one.call_return_pct.estimate.independent,
        ), strict=True))
        for one in analysis.agents
    }  # fmt: skip
    return {
        "system": dict(zip(SYSTEM_FIGURES, system, strict=True)),
        "net": dict(zip(NET_FIGURES, (net.ci95, net.p), strict=True)),
        "agents": agents,
    }
