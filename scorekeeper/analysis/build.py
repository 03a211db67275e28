"""Builds analyses from columns of decisions, signals and trades. Pure."""

import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from scorekeeper.analysis import attribution, baselines
from scorekeeper.analysis.calibration import calibration_curve
from scorekeeper.analysis.comparisons import compare_apart, compare_paired, compare_versions, judge
from scorekeeper.analysis.document import AgentAnalysis, Analysis, Baseline, Claim, VersionAnalysis, VersionPair
from scorekeeper.analysis.input_columns import Floats, InputColumns, TradeColumns
from scorekeeper.analysis.intervals import RobustMean, robust_gap, robust_mean, robust_rate
from scorekeeper.analysis.sentences import write_sentences
from scorekeeper.analysis.sharpe import daily_sharpe, deflated_sharpe
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


def build_analyses(rows: InputColumns, as_of: datetime, days: SeriesDays = EVERY_DAY) -> list[Analysis]:
    """The analysis of everything, then that of each version, in the order of InputColumns.versions.

    `days`: those of the daily series.
    """
    tried = [_daily(rows.trades, rows.trades.version == number, days) for number in range(len(rows.versions))]
    sharpes = [one for one in map(daily_sharpe, tried) if one is not None]
    periods, pairs = _build_versions(rows, tried, sharpes, days.a_year)
    whole = _build_scope(rows, as_of, None, sharpes, days)
    whole = replace(whole, versions=periods, pairs=pairs)
    analyses = [_with_sentences(whole)]
    for number, version in enumerate(rows.versions):
        analyses.append(_with_sentences(_build_scope(rows.of_version(number), as_of, version, sharpes, days)))
    return analyses


def _with_sentences(analysis: Analysis) -> Analysis:
    return replace(analysis, sentences=tuple(write_sentences(analysis, escape_markdown)))


def _build_scope(
    rows: InputColumns, as_of: datetime, version: str | None, sharpes: list[float], days: SeriesDays
) -> Analysis:
    trades = rows.trades
    win_rate, gross, net = judge(
        [(one, null) for one, null in zip(_trade_means(trades), (50.0, 0.0, 0.0), strict=True)]
    )
    agents, left_out, against = _build_agents(rows)
    return Analysis(
        as_of=str(iso(as_of)),
        version=version,
        decisions=len(rows.decisions),
        trades=len(trades),
        breakeven_trades=int((trades.pnl_pct == 0).sum()),
        win_rate=win_rate,
        expectancy_pct=gross,
        net_expectancy_pct=net,
        dsr=deflated_sharpe(_daily(trades, np.ones(len(trades), dtype=np.bool_), days), sharpes),
        agents=agents,
        left_out_agents=left_out,
        baselines=against,
        versions=(),
        pairs=(),
        sentences=(),
    )


def _trade_means(trades: TradeColumns) -> tuple[RobustMean, RobustMean, RobustMean]:
    """Win rate, expectancy, expectancy after fees."""
    spans = trades.opened, trades.closed
    won = np.where(trades.pnl_pct > 0, 100.0, 0.0)
    return robust_rate(won, *spans), robust_mean(trades.pnl_pct, *spans), robust_mean(trades.net_pnl_pct, *spans)


def _daily(trades: TradeColumns, which: NDArray[np.bool_], series: SeriesDays) -> list[Decimal]:
    """The daily series of the trades that `which` selects: the sum of each day from the first exit to the last."""
    days, first = np.unique(trades.exit_day[which], return_inverse=True)
    order = np.argsort(first, kind="stable")
    by_day = np.split(trades.pnl_pct[which][order], np.cumsum(np.bincount(first, minlength=len(days)))[:-1])
    sums = {
        _EPOCH + timedelta(days=day): Decimal(repr(math.fsum(gains)))
        for day, gains in zip(days.tolist(), by_day, strict=False)
    }
    return daily_series(sums, series)


def _build_agents(rows: InputColumns) -> tuple[tuple[AgentAnalysis, ...], int, tuple[Baseline, ...]]:
    """The analysed agents by name, how many are left out, and the baselines, which include these agents."""
    d, s = rows.decisions, rows.signals
    weight = attribution.weigh(s.direction, s.confidence)
    shares = attribution.attribute(s.decision, weight, d.return_pct)
    places = attribution.of_agent(s.agent, len(rows.agents))
    by_signals = sorted((number for number, one in enumerate(places) if len(one)), key=lambda a: -len(places[a]))
    shown = sorted(by_signals[:MOST_AGENTS])
    built = [_build_agent(rows, weight, shares, number, places[number]) for number in shown]
    claims = iter(judge([one for _, family in built for one in family]))
    agents = tuple(
        replace(agent, accuracy=next(claims), call_return_pct=next(claims), overconfidence=next(claims))
        for agent, _ in built
    )
    return agents, len(by_signals) - len(shown), _build_baselines(rows, weight, shown, places)


def _build_agent(
    rows: InputColumns, weight: Floats, shares: attribution.Attribution, number: int, places: NDArray[np.intp]
) -> tuple[AgentAnalysis, list[_Comparison]]:
    """One agent with its three claims still unjudged, and the three comparisons to judge."""
    d, s = rows.decisions, rows.signals
    decision, direction = s.decision[places], s.direction[places]
    h, opened, expires = d.return_pct[decision], d.opened[decision], d.expires[decision]
    confidence = s.confidence[places]
    calls = direction != 0
    moved = calls & (h != 0)
    right = np.where(direction * h > 0, 100.0, 0.0)
    sure = moved & ~np.isnan(confidence)
    family: list[_Comparison] = [
        (robust_rate(right[moved], opened[moved], expires[moved]), 50.0),
        (robust_mean((direction * h)[calls], opened[calls], expires[calls]), 0.0),
        (robust_gap(confidence[sure], right[sure], opened[sure], expires[sure]), 0.0),
    ]
    error = math.sqrt(math.fsum(shares.variance[places]))
    unjudged = Claim(family[0][0], 50.0, None, None)
    agent = AgentAnalysis(
        agent=rows.agents[number],
        signals=len(places),
        calls=int(calls.sum()),
        accuracy=unjudged,
        call_return_pct=unjudged,
        ic=attribution.information_coefficient(weight[places], h),
        shapley_pct=math.fsum(shares.shapley[places]),
        shapley_ci95=_sum_interval(shares.shapley[places], opened, expires),
        shapley_error_pct=error or None,
        leave_one_out_pct=math.fsum(shares.leave_one_out[places]),
        leave_one_out_ci95=_sum_interval(shares.leave_one_out[places], opened, expires),
        overconfidence=unjudged,
        calibration=calibration_curve(confidence[sure], right[sure] / 100),
    )
    return agent, family


def _sum_interval(values: Floats, opened: Floats, closed: Floats) -> tuple[float, float] | None:
    interval = robust_mean(values, opened, closed).ci95
    return None if interval is None else (interval[0] * len(values), interval[1] * len(values))


def _build_baselines(
    rows: InputColumns, weight: Floats, agents: list[int], places: list[NDArray[np.intp]]
) -> tuple[Baseline, ...]:
    """The system, then each baseline and each agent alone, compared with the system; none without a decision."""
    d, s = rows.decisions, rows.signals
    if not len(d):
        return ()
    system = d.direction * d.return_pct
    differences: list[_Comparison] = []

    def compare(kind: str, agent: str | None, directions: Floats) -> Baseline:
        earned = directions * d.return_pct
        differences.append((compare_paired(system, earned, d.opened, d.expires), 0.0))
        return _baseline(kind, agent, earned)

    found = [compare(kind, None, rule.decide(rows, weight)) for kind, rule in baselines.RULES.items()]
    for number in agents:  # one at a time: each array is as long as the decisions
        directions = np.zeros(len(d))
        directions[s.decision[places[number]]] = s.direction[places[number]]
        found.append(compare(baselines.AGENT, rows.agents[number], directions))
    judged = (replace(one, difference=claim) for one, claim in zip(found, judge(differences), strict=True))
    return (_baseline(baselines.SYSTEM, None, system), *judged)


def _baseline(kind: str, agent: str | None, earned: Floats) -> Baseline:
    total = math.fsum(earned)
    return Baseline(kind, agent, len(earned), total / len(earned), total, None)


def _build_versions(
    rows: InputColumns, tried: list[list[Decimal]], sharpes: list[float], days_a_year: int
) -> tuple[tuple[VersionAnalysis, ...], tuple[VersionPair, ...]]:
    """The latest versions in order of their first decision, and every pair of them, the later version first."""
    d, t = rows.decisions, rows.trades
    spans: dict[int, tuple[float, float]] = {}
    for number in range(len(rows.versions)):
        opened = np.concatenate([d.opened[d.version == number], t.opened[t.version == number]])
        spans[number] = (float(opened.min()), float(opened.max()))
    latest = sorted(spans, key=lambda number: (spans[number][1], number))[-MOST_VERSIONS:]
    latest.sort(key=lambda number: (spans[number][0], number))
    periods = []
    for number in latest:
        version, series = rows.of_version(number), tried[number]
        win_rate, gross, net = _trade_means(version.trades)
        sharpe = daily_sharpe(series)
        periods.append(
            VersionAnalysis(
                rows.versions[number],
                _moment(spans[number][0]),
                _moment(spans[number][1]),
                len(version.decisions),
                len(version.trades),
                win_rate,
                gross,
                net,
                None if sharpe is None else sharpe * math.sqrt(days_a_year),
                probabilistic_sharpe(series),
                deflated_sharpe(series, sharpes),
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
