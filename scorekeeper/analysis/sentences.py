"""Sentences that say what an analysis shows, and what it cannot show."""

from collections.abc import Callable, Iterator

from scorekeeper.analysis import baselines
from scorekeeper.analysis.comparisons import FALSE_DISCOVERIES
from scorekeeper.analysis.document import AgentAnalysis, Analysis, Claim, VersionPair
from scorekeeper.analysis.intervals import FEWEST_INDEPENDENT
from scorekeeper.phrases import counted

MOST_NAMED = 12
# The smallest deflated Sharpe ratio that is called more than luck.
ENOUGH_DSR = 0.95


def write_sentences(analysis: Analysis, escape: Callable[[str], str]) -> list[str]:
    """The sentences of an analysis. `escape` makes the names of agents and versions harmless where they are shown."""
    sentences = [*_of_trades(analysis)]
    for agent in _most_said(analysis):
        sentences += _of_agent(agent, escape(agent.agent))
    if (others := len(analysis.agents) + analysis.left_out_agents - MOST_NAMED) > 0:
        sentences.append(f"Another {counted(others, 'agent')} with no more signals: see the tables.")
    sentences += _of_baselines(analysis, escape)
    sentences += _of_versions(analysis, escape)
    return sentences


def _of_trades(analysis: Analysis) -> Iterator[str]:
    win_rate = analysis.win_rate
    if not analysis.trades:
        yield "No trade has closed yet: nothing can be concluded about what the system earns."
        return
    # A coin never breaks even, so a win rate with break-even trades is not compared with one.
    even = analysis.breakeven_trades
    held = _versus(win_rate, "50 %") if even else _versus(win_rate, "a coin's", "better", "worse")
    counting = f" ({even:,} of them broke even)" if even else ""
    yield f"{_sample(win_rate, 'trade')}{counting}, the win rate of {win_rate.estimate.mean:.1f} % {held}."
    yield f"A trade earned {_pct(analysis.expectancy_pct)} before fees, which {_versus_zero(analysis.expectancy_pct)}."
    net = analysis.net_expectancy_pct
    meaning = net.tell(" The system earns its fees.", " After fees the system loses money.", "")
    yield f"After fees it earned {_pct(net)}, which {_versus_zero(net)}.{meaning}"
    if analysis.dsr is not None:
        whose = "that of the whole system" if analysis.version is None else "this version's"
        enough = "is not enough to call it more than luck"
        if analysis.dsr >= ENOUGH_DSR:
            sure = analysis.expectancy_pct.verdict == "above" and net.verdict != "below"
            enough = "is enough to call it more than luck" if sure else "alone is not enough, by what is said above"
        yield (
            "The best of several versions shows some Sharpe ratio by luck alone: the probability that, before fees, "
            f"{whose} is better than such luck is {analysis.dsr:.2f}, which {enough}."
        )


def _of_agent(agent: AgentAnalysis, name: str) -> Iterator[str]:
    right = agent.accuracy.estimate
    if right.mean is None:
        yield f"{name} has made no call that the price decided: nothing can be said of it."
        return
    worth, accuracy = agent.call_return_pct, _versus(agent.accuracy, "a coin's", "better", "worse")
    yield (
        f"{name}: {_sample(agent.accuracy, 'decided call', 'of ').lower()}, its accuracy of {right.mean:.1f} % "
        f"{accuracy}; "
        f"{_sample(worth, 'call', 'over all ')}, a call was worth {_pct(worth)}, which {_versus_zero(worth)}."
    )
    gap = agent.overconfidence
    if gap.estimate.mean is None:
        yield f"{name} states no confidence with its calls: its calibration cannot be judged."
        return
    told = gap.tell(
        f"{name} is overconfident", f"{name} is underconfident",
        f"Whether {name} is over- or underconfident cannot be told",
    )  # fmt: skip
    sure = f"{counted(gap.estimate.n, 'decided call')} with a confidence"
    yield f"{told}: over its {sure}, that is {_calibration(agent)}."


def _of_baselines(analysis: Analysis, escape: Callable[[str], str]) -> Iterator[str]:
    held = [(one, one.difference) for one in analysis.baselines if one.difference is not None]
    if not held:
        return
    undecided = []
    for one, difference in held:
        name = baselines.phrase(one, escape)
        if difference.verdict is None:
            undecided.append(name)
            continue
        better = difference.tell("better", "worse")
        yield (
            f"On the same {analysis.decisions:,} decisions the system did {better} than {name}: by "
            f"{abs(difference.estimate.mean or 0):.4f} % a decision ({_evidence(difference)})."
        )
    if undecided:
        others = [f"{len(undecided) - MOST_NAMED} more"] if len(undecided) > MOST_NAMED else []
        shown = undecided[:MOST_NAMED] + others
        independent = max(difference.estimate.independent for _, difference in held)
        yield (
            f"On the same {counted(analysis.decisions, 'decision')}, {independent:,} of them independent, the system "
            f"cannot be told from {_either(shown)}."
        )


def _of_versions(analysis: Analysis, escape: Callable[[str], str]) -> Iterator[str]:
    if len(analysis.versions) == 1:
        yield "There is one version only: nothing to compare it with."
    # Pairs with a verdict first, then the latest.
    told = list(reversed(analysis.pairs))
    told.sort(key=lambda one: not (one.paired.verdict or one.own_periods.verdict))
    for pair in told[:MOST_NAMED]:
        yield from _of_pair(pair, escape(pair.one), escape(pair.other))
    if (others := len(told) - MOST_NAMED) > 0:
        yield f"Another {counted(others, 'pair')} of versions: see the tables."


def _of_pair(pair: VersionPair, one: str, other: str) -> Iterator[str]:
    paired, apart = pair.paired, pair.own_periods
    if not paired.estimate.n:
        yield f"Versions {one} and {other} never decided on the same symbol within the same interval."
    else:
        where = f"{_sample(paired, 'interval')} in which both decided on the same symbol, version {one}"
        if paired.verdict is None:
            yield f"{where} cannot be told from {other} ({_difference(paired)})."
        else:
            better = paired.tell("better", "worse")
            yield f"{where} did {better} than {other} ({_difference(paired)})."
    if apart.verdict is not None:
        more = apart.tell("more", "less")
        yield (
            f"Over their own periods, which saw different markets, a trade of {one} earned {more} than one of {other} "
            f"({_difference(apart)})."
        )


def _versus(claim: Claim, what: str, above: str = "more", below: str = "less") -> str:
    told = claim.tell(f"is {above} than {what}", f"is {below} than {what}", f"cannot be told from {what}")
    return f"{told} ({_evidence(claim)})"


def _versus_zero(claim: Claim) -> str:
    return _versus(claim, "0")


def _evidence(claim: Claim, unit: str = " %") -> str:
    """The interval and the p-value, or the reason why there are none."""
    one = claim.estimate
    if one.ci95 is None or one.p is None:
        if one.independent < FEWEST_INDEPENDENT:
            return f"that takes {FEWEST_INDEPENDENT} independent ones, and there are {one.independent}"
        return "the values do not differ enough to judge them"
    digits = 1 if unit == " points" or claim.null else 4
    text = f"95 % interval {one.ci95[0]:.{digits}f} to {one.ci95[1]:.{digits}f}{unit}, p {_p(one.p)}"
    outside = not one.ci95[0] <= claim.null <= one.ci95[1]
    if claim.p_adjusted is not None and outside and claim.p_adjusted >= FALSE_DISCOVERIES:
        text += f", but {_p(claim.p_adjusted)} among all the comparisons shown"
    return text


def _difference(claim: Claim) -> str:
    mean = claim.estimate.mean
    return f"difference {_signed(mean)}; {_evidence(claim)}" if mean is not None else _evidence(claim)


def _sample(claim: Claim, noun: str, with_: str = "With ") -> str:
    one = claim.estimate
    return f"{with_}{counted(one.n, noun)}, {one.independent:,} of them independent"


def _pct(claim: Claim) -> str:
    return f"{_signed(claim.estimate.mean)} on average"


def _signed(value: float | None) -> str:
    return "n/a" if value is None else f"{value:+.4f} %"


def _calibration(agent: AgentAnalysis) -> str:
    gap = agent.overconfidence
    points, way = abs(gap.estimate.mean or 0.0), "above" if (gap.estimate.mean or 0.0) >= 0 else "below"
    return f"{points:.1f} points {way} its accuracy ({_evidence(gap, ' points')})"


def _p(value: float) -> str:
    return "below 0.001" if value < 0.001 else f"{value:.3f}"


def _either(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _most_said(analysis: Analysis) -> list[AgentAnalysis]:
    """The agents with the most signals, sorted by name."""
    most = sorted(analysis.agents, key=lambda one: -one.signals)[:MOST_NAMED]
    return sorted(most, key=lambda one: one.agent)
