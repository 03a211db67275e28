"""The result of `analyze`: the shape of the document in the table `analysis`.

A document is the dataclass `Analysis` as JSON, with one more key, `figures`: those that `system_metrics` shows too.
Returns are in percent, accuracies and confidences 0..100, times ISO 8601 in UTC; what is undefined is None. Names of
versions and agents come from decision files: escape them where they are shown.
"""

from dataclasses import dataclass
from typing import Any

from scorekeeper.analysis.intervals import RobustMean
from scorekeeper.metrics.names import ANALYSED_AGENT_NAMES, ANALYSED_NAMES, ANALYSED_NET_NAMES


@dataclass(frozen=True)
class Claim:
    """A mean compared with a value, `null`. `p_adjusted` is the p-value after Benjamini-Hochberg over its family.

    `verdict`: "above" or "below" the value if the interval excludes it and p_adjusted < 0.05; else None.
    """

    estimate: RobustMean
    null: float
    p_adjusted: float | None
    verdict: str | None

    def tell(self, above: str, below: str, unsure: str = "cannot be told") -> str:
        """The word for the verdict: `above` or `below`, or `unsure` where there is none."""
        return {"above": above, "below": below}.get(self.verdict or "", unsure)


@dataclass(frozen=True)
class CalibrationBin:
    """The `n` calls with a confidence in [low, high), or [90, 100] in the last bin, whose price moved.

    `confidence` is their mean, `accuracy` their share of right calls with Wilson's interval, all in percent; None in an
    empty bin.
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

    `accuracy` is compared with 50, `call_return_pct` (the mean of a call) with 0. `shapley_pct` and `leave_one_out_pct`
    are sums over decisions, `…_ci95` the robust intervals of these sums. `shapley_error_pct` is the standard error of
    sampling, None if the value is exact. `ic` is Spearman's correlation over `signals`. `overconfidence`, in points, is
    the stated confidence minus the result (100 if right, else 0), over calls with a confidence whose price moved; it is
    compared with 0. `calibration` has ten bins.
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
    """What a simple rule would have earned at the horizon on the same decisions; an abstention earns 0.

    `kind`: system (the action taken), agent (that agent alone), or a key of baselines.RULES.
    `difference`: the system minus this baseline, paired by decision; None for the system itself.
    """

    kind: str
    agent: str | None
    n: int
    mean_return_pct: float | None
    total_return_pct: float
    difference: Claim | None


@dataclass(frozen=True)
class VersionAnalysis:
    """A version over its own period, from its first decision to its last.

    `decisions`: those with a known horizon return. `expectancy_pct` and `net_expectancy_pct` (of a closed trade) are
    compared with 0, `win_rate` with 50. `sharpe` is annualised, `psr` compares it with 0, `dsr` with what the best of
    all versions would show by luck.
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

    `paired`: the difference of the horizon return signed by the action (0 for an action that opens no trade), over the
    intervals in which both decided on the same symbol. `own_periods`: the difference of expectancy, each over its own
    period, which is weaker since the markets differ; its `n` is the trades of both, `independent` the smaller one's.
    """

    one: str
    other: str
    paired: Claim
    own_periods: Claim


@dataclass(frozen=True)
class Analysis:
    """The analysis of one version, or of all (`version` None), at `as_of`.

    `trades` counts closed trades, `breakeven_trades` those that earned 0. `win_rate` is compared with 50,
    `expectancy_pct` and `net_expectancy_pct` (of a closed trade) with 0. These three are one family for
    Benjamini-Hochberg; agents, baselines and version pairs are one family each. `left_out_agents` counts the agents
    with the fewest signals, beyond the number that is analysed. `versions` and `pairs` are empty for one version.
    `sentences` say what can be concluded and what cannot; they are escaped for markdown and HTML.
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
    """The figures that `system_metrics` shows too, under `system`, `net` and `agents`."""
    win_rate, gross, net = (
        one.estimate for one in (analysis.win_rate, analysis.expectancy_pct, analysis.net_expectancy_pct)
    )
    system = (
        analysis.as_of, gross.independent, win_rate.ci95, win_rate.p, gross.ci95, gross.p, analysis.dsr,
    )  # fmt: skip
    agents = {
        one.agent: dict(zip(ANALYSED_AGENT_NAMES, (
            one.ic, one.shapley_pct, one.shapley_ci95, one.shapley_error_pct, one.leave_one_out_pct,
            one.leave_one_out_ci95, one.accuracy.estimate.ci95, one.accuracy.estimate.p,
            one.call_return_pct.estimate.ci95, one.call_return_pct.estimate.p, one.call_return_pct.estimate.independent,
        ), strict=True))
        for one in analysis.agents
    }  # fmt: skip
    return {
        "system": dict(zip(ANALYSED_NAMES, system, strict=True)),
        "net": dict(zip(ANALYSED_NET_NAMES, (net.ci95, net.p), strict=True)),
        "agents": agents,
    }
