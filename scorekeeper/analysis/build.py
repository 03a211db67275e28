"""Builds analyses from columns of decisions, signals and trades. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import numpy as np

from scorekeeper.analysis import attribution, baselines
from scorekeeper.analysis.calibration import calibration_curve
from scorekeeper.analysis.comparisons import compare_apart, compare_versions, judge
from scorekeeper.analysis.document import (
    AgentAnalysis,
    Analysis,
    Baseline,
    CalibrationBin,
    Claim,
    VersionAnalysis,
    VersionPair,
)
from scorekeeper.analysis.exact_sums import exact_sum
from scorekeeper.analysis.input_columns import Floats, InputColumns, Ints, TradeColumns
from scorekeeper.analysis.intervals import RobustMean, Spans, gap_over, mean_over, rate_over
from scorekeeper.analysis.sentences import write_sentences
from scorekeeper.analysis.sharpe import daily_sharpe, deflated_sharpe
from scorekeeper.memory import free_memory
from scorekeeper.metrics.daily_series import daily_series, probabilistic_sharpe
from scorekeeper.metrics.formulas import iso
from scorekeeper.metrics.series_days import EVERY_DAY, SeriesDays
from scorekeeper.safe_text import escape_markdown

# The most agents, and the most (latest) versions, of an analysis: this bounds its tables and its work.
MOST_AGENTS = 50
MOST_VERSIONS = 12
_EPOCH = date(1970, 1, 1)

# An estimate and the value that it is compared with, before its family is judged.
_Comparison = tuple[RobustMean, float]


@dataclass(frozen=True)
class _Traded:
    """What the trades of a scope come to.

    `claims`: win rate, expectancy, the same after fees. `daily`: the daily series. `opened`: the first and the last
    opening, in seconds; empty without trades.
    """

    number: int
    breakeven: int
    claims: list[Claim]
    daily: list[Decimal]
    opened: Floats


def build_analyses(rows: InputColumns, as_of: datetime, days: SeriesDays = EVERY_DAY) -> list[Analysis]:
    """The analysis of everything, then that of each version, in the order of InputColumns.versions.

    `days`: those of the daily series.
    """
    of_all = _judge_trades(rows.trades, days)
    each = [
        _judge_trades(rows.trades.of(rows.trades.version == number), days) for number in range(len(rows.versions))
    ]
    # What is needed of the trades is known: their memory is free now, unless the caller holds them.
    rows = replace(rows, trades=rows.trades.of(np.empty(0, np.intp)))
    sharpes = [one for one in (daily_sharpe(trades.daily) for trades in each) if one is not None]
    whole = _build_scope(rows, as_of, None, of_all, sharpes)
    if len(rows.versions) == 1:
        built = [replace(whole, version=rows.versions[0])]
    else:
        built = [
            _build_scope(rows.of_version(number), as_of, version, each[number], sharpes)
            for number, version in enumerate(rows.versions)
        ]
    periods, pairs = _build_versions(rows, built, each, days.a_year)
    return [_with_sentences(one) for one in (replace(whole, versions=periods, pairs=pairs), *built)]


def _with_sentences(analysis: Analysis) -> Analysis:
    return replace(analysis, sentences=tuple(write_sentences(analysis, escape_markdown)))


def _build_scope(
    rows: InputColumns, as_of: datetime, version: str | None, trades: _Traded, sharpes: list[float]
) -> Analysis:
    """The analysis of all (version None) or of one, with the figures of its trades."""
    win_rate, gross, net = trades.claims
    agents, left_out, against = _build_agents(rows)
    return Analysis(
        as_of=str(iso(as_of)),
        version=version,
        decisions=len(rows.decisions),
        trades=trades.number,
        breakeven_trades=trades.breakeven,
        win_rate=win_rate,
        expectancy_pct=gross,
        net_expectancy_pct=net,
        dsr=deflated_sharpe(trades.daily, sharpes),
        agents=agents,
        left_out_agents=left_out,
        baselines=against,
        versions=(),
        pairs=(),
        sentences=(),
    )


def _judge_trades(trades: TradeColumns, series: SeriesDays) -> _Traded:
    win_rate, gross, net = _trade_means(trades)
    claims = judge([(win_rate, 50.0), (gross, 0.0), (net, 0.0)])
    opened = trades.opened[:0] if not len(trades) else np.array([trades.opened.min(), trades.opened.max()])
    return _Traded(len(trades), int((trades.pnl_pct == 0).sum()), claims, _daily(trades, series), opened)


def _trade_means(trades: TradeColumns) -> tuple[RobustMean, RobustMean, RobustMean]:
    """Win rate, expectancy, expectancy after fees."""
    spans = Spans(trades.opened, trades.closed)
    won = np.where(trades.pnl_pct > 0, 100.0, 0.0)
    return rate_over(spans, won), mean_over(spans, trades.pnl_pct), mean_over(spans, trades.net_pnl_pct)


def _daily(trades: TradeColumns, series: SeriesDays) -> list[Decimal]:
    """The daily series of the trades: the sum of each day, first exit to last."""
    order = np.argsort(trades.exit_day, kind="stable")
    ordered, gains = trades.exit_day[order], trades.pnl_pct[order]
    first = np.flatnonzero(np.diff(ordered, prepend=-1)).tolist()  # no trade closes before 1970
    sums = {
        _EPOCH + timedelta(days=int(ordered[start])): Decimal(repr(exact_sum(gains[start:end])))
        for start, end in pairwise([*first, len(gains)])
    }
    return daily_series(sums, series)


def _build_agents(rows: InputColumns) -> tuple[tuple[AgentAnalysis, ...], int, tuple[Baseline, ...]]:
    """The analysed agents by name, how many are left out, and the baselines, which include these agents."""
    d, s = rows.decisions, rows.signals
    weight = attribution.weigh(s.direction, s.confidence)
    shares = attribution.attribute(s.decision, weight, d.return_pct)
    free_memory()
    signals = attribution.count_signals(s.agent, len(rows.agents))
    by_signals = sorted((number for number, count in enumerate(signals) if count), key=lambda a: -signals[a])
    shown = sorted(by_signals[:MOST_AGENTS])
    all_spans, returns = Spans(d.opened, d.expires), attribution.number(d.return_pct)
    built = [_build_agent(rows, weight, shares, number, all_spans, returns) for number in shown]
    claims = iter(judge([one for _, family in built for one in family]))
    agents = tuple(
        replace(agent, accuracy=next(claims), call_return_pct=next(claims), overconfidence=next(claims))
        for agent, _ in built
    )
    return agents, len(by_signals) - len(shown), _build_baselines(rows, weight, shown, all_spans)


def _build_agent(
    rows: InputColumns, weight: Floats, shares: attribution.Attribution, number: int, all_spans: Spans, returns: Ints
) -> tuple[AgentAnalysis, list[_Comparison]]:
    """One agent with its three claims still unjudged, and the three comparisons to judge.

    `all_spans` are those of all decisions, `returns` their returns as whole numbers (see attribution.number).
    """
    d, s = rows.decisions, rows.signals
    places = attribution.of_agent(s.agent, number)
    decision = s.decision[places]
    everywhere = len(places) == len(d)  # a signal on every decision
    h = d.return_pct if everywhere else d.return_pct[decision]
    spans = all_spans if everywhere else Spans(d.opened[decision], d.expires[decision])
    of_agent = weight[places].astype(np.result_type(weight, np.float32))  # halves are slow
    ic = None
    if len(places) >= 3 and np.ptp(of_agent) and np.ptp(h):
        ic = attribution.correlate_ranks(attribution.number(of_agent), returns[decision])
    family, calls, calibration = _judge_calls(s.direction[places], s.confidence[places], h, spans)
    error = math.sqrt(exact_sum(shares.variance[places]))
    shapley, alone = shares.shapley[places], shares.swing[places] * h
    unjudged = Claim(family[0][0], 50.0, None, None)
    agent = AgentAnalysis(
        agent=rows.agents[number],
        signals=len(places),
        calls=calls,
        accuracy=unjudged,
        call_return_pct=unjudged,
        ic=ic,
        shapley_pct=exact_sum(shapley),
        shapley_ci95=_sum_interval(shapley, spans),
        shapley_error_pct=error or None,
        leave_one_out_pct=exact_sum(alone),
        leave_one_out_ci95=_sum_interval(alone, spans),
        overconfidence=unjudged,
        calibration=calibration,
    )
    return agent, family


def _judge_calls(
    direction: Ints, confidence: Floats, h: Floats, spans: Spans
) -> tuple[list[_Comparison], int, tuple[CalibrationBin, ...]]:
    """Of an agent's signals: the three comparisons to judge, how many are calls, and their calibration."""
    calls = direction != 0
    spans, direction, confidence, h = spans.of(calls), direction[calls], confidence[calls], h[calls]
    earned = direction * h
    mean, count = mean_over(spans, earned), len(h)
    moved = h != 0
    spans, confidence, right = spans.of(moved), confidence[moved], np.where(earned[moved] > 0, 100.0, 0.0)
    accuracy = rate_over(spans, right)
    sure = ~np.isnan(confidence)
    spans, confidence, right = spans.of(sure), confidence[sure].astype(np.float64), right[sure]
    gap = gap_over(spans, confidence, right)
    right /= 100
    return [(accuracy, 50.0), (mean, 0.0), (gap, 0.0)], count, calibration_curve(confidence, right)


def _sum_interval(values: Floats, spans: Spans) -> tuple[float, float] | None:
    interval = mean_over(spans, values).ci95
    return None if interval is None else (interval[0] * len(values), interval[1] * len(values))


def _build_baselines(
    rows: InputColumns, weight: Floats, agents: list[int], spans: Spans
) -> tuple[Baseline, ...]:
    """The system, then each baseline and each agent alone, compared with the system; none without a decision."""
    d, s = rows.decisions, rows.signals
    if not len(d):
        return ()
    system = d.direction * d.return_pct
    differences: list[_Comparison] = []

    def compare(kind: str, agent: str | None, directions: Floats) -> Baseline:
        earned = directions * d.return_pct
        differences.append((mean_over(spans, system - earned), 0.0))
        return _baseline(kind, agent, earned)

    found = [compare(kind, None, rule.decide(rows, weight)) for kind, rule in baselines.RULES.items()]
    for number in agents:  # one at a time: each array is as long as the decisions
        directions = np.zeros(len(d))
        places = attribution.of_agent(s.agent, number)
        directions[s.decision[places]] = s.direction[places]
        found.append(compare(baselines.AGENT, rows.agents[number], directions))
    judged = (replace(one, difference=claim) for one, claim in zip(found, judge(differences), strict=True))
    return (_baseline(baselines.SYSTEM, None, system), *judged)


def _baseline(kind: str, agent: str | None, earned: Floats) -> Baseline:
    total = exact_sum(earned)
    return Baseline(kind, agent, len(earned), total / len(earned), total, None)


def _build_versions(
    rows: InputColumns, built: Sequence[Analysis], traded: Sequence[_Traded], days_a_year: int
) -> tuple[tuple[VersionAnalysis, ...], tuple[VersionPair, ...]]:
    """The latest versions in order of their first decision, and every pair of them, the later version first.

    `built` and `traded` have the analysis and the figures of the trades of each version.
    """
    d = rows.decisions
    spans: dict[int, tuple[float, float]] = {}
    for number in range(len(rows.versions)):
        opened = np.concatenate([d.opened[d.version == number], traded[number].opened])
        spans[number] = (float(opened.min()), float(opened.max()))
    latest = sorted(spans, key=lambda number: (spans[number][1], number))[-MOST_VERSIONS:]
    latest.sort(key=lambda number: (spans[number][0], number))
    periods = []
    for number in latest:
        version, series = built[number], traded[number].daily
        sharpe = daily_sharpe(series)
        periods.append(
            VersionAnalysis(
                rows.versions[number],
                _moment(spans[number][0]),
                _moment(spans[number][1]),
                version.decisions,
                version.trades,
                version.win_rate.estimate,
                version.expectancy_pct.estimate,
                version.net_expectancy_pct.estimate,
                None if sharpe is None else sharpe * math.sqrt(days_a_year),
                probabilistic_sharpe(series),
                version.dsr,
            )
        )
    names, family = [], []
    for place, later in enumerate(latest):
        for before in range(place):
            names.append((rows.versions[later], rows.versions[latest[before]]))
            family.append((compare_versions(d, later, latest[before]), 0.0))
            family.append((compare_apart(periods[place].expectancy_pct, periods[before].expectancy_pct), 0.0))
    claims = iter(judge(family))
    return tuple(periods), tuple(VersionPair(*pair, next(claims), next(claims)) for pair in names)


def _moment(seconds: float) -> str:
    return str(iso(datetime.fromtimestamp(seconds, UTC)))
