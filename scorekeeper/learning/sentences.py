"""Sentences that say what was learned, what was not, and why. Pure."""

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from scorekeeper.analysis.intervals import RobustMean, robust_mean
from scorekeeper.learning.constants import LEAST_CALLS, META_LEAST_TRADES, THRESHOLD
from scorekeeper.learning.document import AgentWeight, Block, CalibrationMap, Fees, Learned, MetaModel, iso
from scorekeeper.phrases import counted, name_some

MOST_NAMED = 12
FARTHEST = 1_000_000  # decisions: what takes more is not foreseen
LEANING = 0.8  # a share of calls in one direction from which it is pointed out
_ASKED = {
    "net_pnl": "whether a trade pays after fees", "horizon": "whether a trade held to its horizon pays both fees"
}  # fmt: skip


def write_sentences(learned: Learned, escape: Callable[[str], str]) -> list[str]:
    """The sentences of what was learned. `escape` makes the names of agents harmless where they are shown."""
    return [
        verdict_sentence(learned),
        *_of_advantage(learned),
        fees_sentence(learned.fees),
        *_of_weights(learned.agents, escape),
        *_of_maps(learned.maps, escape),
        *_of_models(learned.models),
        *_of_stale(learned),
    ]


def verdict_sentence(learned: Learned) -> str:
    """Whether the learned weights are adopted, and what that rests on. It holds no names."""
    running = learned.running
    if not learned.blocks:
        return f"Learned weights are not adopted: {_no_block(learned)}."
    if learned.adopted:
        deciding, at = learned.deciding, _minute(learned)
        against = f"E = {_e(running[-1].e_value)} of {THRESHOLD:.0f}" if running else "none yet"
        return (
            f"Learned weights have been adopted since {at}: E came to {_e(deciding[-1].e_value)} of {THRESHOLD:.0f} "
            f"after {_decisions(deciding)}. Evidence for equal weights since then: {against}."
        )
    begin = "Learned weights are not adopted"
    if learned.turns:
        begin = f"Learned weights were adopted, and lapsed at {_minute(learned)}: equal weights are in use"
        if not running:
            return f"{begin}. Evidence for the learned weights starts again."
        begin += ". Evidence for the learned weights since then"
    e_value = running[-1].e_value
    return f"{begin}: E = {_e(e_value)} of {THRESHOLD:.0f} after {_decisions(running)}; {_outlook(running)}."


def decisions_needed(blocks: Sequence[Block]) -> int | None:
    """How many more decisions bring E to the threshold if each bet goes on to grow as it has; None: none grows.

    A wealth W after n blocks is W ** ((n + m) / n) after m more. m is the least at which the mean over the bets is the
    threshold, and counts as many decisions a block as there were.
    """
    if not blocks or blocks[-1].wealth is None:
        return None
    growth = np.log(np.array(blocks[-1].wealth)) / len(blocks)
    if not (growth > 0).any():
        return None
    decisions_a_block = sum(one.decisions for one in blocks) / len(blocks)

    def reaches(more: float) -> bool:
        exponents = np.minimum(growth * (len(blocks) + more), 700.0)
        return float(np.exp(exponents).mean()) >= THRESHOLD

    low, high = 0.0, 1.0
    while not reaches(high):
        low, high = high, 2 * high
        if high * decisions_a_block > FARTHEST:
            return FARTHEST
    while high - low > 0.01 * max(1.0, low):
        middle = (low + high) / 2
        low, high = (low, middle) if reaches(middle) else (middle, high)
    return max(1, math.ceil(high * decisions_a_block))


def for_one_look(learned: Learned) -> RobustMean:
    """The mean excess of a block with its interval, over all blocks. It holds for one look, not for a look a day."""
    begins = [one.begins_at.timestamp() for one in learned.blocks]
    return robust_mean(
        [one.mean_excess for one in learned.blocks], begins, [one.ends_at.timestamp() for one in learned.blocks]
    )


def fees_sentence(fees: Fees) -> str:
    """Whether the learned vote pays after fees. It holds no names."""
    if not fees.outcomes:
        return "Whether the learned vote pays after fees cannot be told: no outcome is known yet."
    begin = (
        f"After fees: of the last {counted(fees.outcomes, 'outcome')}, the learned vote expected more than the "
        f"{fees.cost_pct:.2f} % of both sides on {fees.worth:,} ({100 * fees.worth / fees.outcomes:.1f} %)"
    )
    net = fees.net
    if not net.n:
        return f"{begin}. It has never expected that much so far: no edge after fees."
    ever = f"over all {net.n:,} on which it ever did, {net.independent:,} of them independent"
    if net.ci95 is None:
        return f"{begin}. Whether these pay cannot be told: {net.independent:,} of all such outcomes are independent."
    told = {True: "which is more than 0", False: "which cannot be told from 0"}[bool(net.ci95[0] > 0)]
    if net.ci95[1] < 0:
        told = "which is less than 0: they lose money"
    return (
        f"{begin}. A decision earned {net.mean:+.3f} % after fees {ever}, {told} "
        f"(95 % interval {net.ci95[0]:.3f} to {net.ci95[1]:.3f} %)."
    )


def _of_advantage(learned: Learned) -> Iterator[str]:
    if learned.advantage_bps is None:
        return
    yield (
        f"Over {counted(learned.outcomes, 'outcome')}, about {learned.independent:,.0f} independent ones, the vote by "
        f"the weights learned before each decision earned {learned.advantage_bps:+.1f} bps a decision more than the "
        "equal vote, before fees. That is what happened, and no promise."
    )
    look = for_one_look(learned)
    if look.ci95 is not None and look.mean is not None:
        held = "excludes" if look.ci95[0] > 0 or look.ci95[1] < 0 else "contains"
        yield (
            f"For one look: the mean excess of a block is {look.mean:+.4f} (95 % interval {look.ci95[0]:.4f} to "
            f"{look.ci95[1]:.4f}, {counted(look.n, 'block')}), which {held} 0. Looked at daily, such an interval "
            "excludes 0 by luck far more often than in 5 of 100 cases: E does not."
        )


def _of_weights(agents: Sequence[AgentWeight], escape: Callable[[str], str]) -> Iterator[str]:
    if not agents:
        return
    if not any(one.calls for one in agents):
        yield "No call has an outcome yet: every learned weight is exactly 1."
        return
    ordered = sorted(agents, key=lambda one: (-one.weight, one.agent))
    shown = [*ordered[: MOST_NAMED - 1], ordered[-1]] if len(ordered) > MOST_NAMED else ordered
    words = [f"{escape(one.agent)} {one.weight:+.2f} ({_evidence(one)})" for one in shown]
    yield f"Learned weights, the greatest first: {name_some(words, len(words))}{_more(len(ordered), len(shown))}."
    if len(agents) == 1:
        yield "One agent alone weighs 1, or -1 if its p is below 50 %: there is no other to weigh it with."
    if against := [escape(one.agent) for one in ordered if one.weight < 0]:
        yield (
            f"{name_some(against, MOST_NAMED)}: the weight is less than 0, as p is below 50 %. The learned vote takes "
            "such a call for its opposite."
        )
    leaning = [
        f"{escape(one.agent)} {100 * one.long_share:.0f} %"
        for one in ordered
        if one.long_share is not None and one.calls >= LEAST_CALLS and not 1 - LEANING < one.long_share < LEANING
    ]
    if leaning:
        yield (
            f"Nearly always the same direction, as share of calls that say up: {name_some(leaning, MOST_NAMED)}. The "
            "market's own direction is taken out of the weights only in part."
        )


def _of_maps(maps: Sequence[CalibrationMap], escape: Callable[[str], str]) -> Iterator[str]:
    few = [escape(one.agent) for one in maps if one.a is None]
    helped = [one for one in maps if one.helps]
    for one in helped[:MOST_NAMED]:
        yield (
            f"Recalibration helps {escape(one.agent)}: over {counted(one.calls, 'call')}, each scored by the map of "
            f"its own time, the Brier score is {_brier(one.brier_map)} instead of {_brier(one.brier_raw)} as stated "
            f"and {_brier(one.brier_rate)} by the running rate."
        )
    if (others := len(helped) - MOST_NAMED) > 0:
        yield f"Recalibration helps another {counted(others, 'agent')}."
    unsure = [escape(one.agent) for one in maps if one.a is not None and not one.helps]
    if unsure:
        yield f"That recalibration helps cannot be told of {name_some(unsure, MOST_NAMED)}."
    if inverse := [escape(one.agent) for one in maps if one.b is not None and one.b < 0]:
        yield f"The surer, the more often wrong: {name_some(inverse, MOST_NAMED)}."
    if few:
        yield (
            f"Fewer than {LEAST_CALLS:.0f} independent calls with a confidence, so no map: "
            f"{name_some(few, MOST_NAMED)}."
        )


def _of_models(models: Sequence[MetaModel]) -> Iterator[str]:
    for one in models:
        asked, told = _ASKED.get(one.target, one.target), one.metrics
        if one.coefficients is None and not told.get("predicted"):
            few = one.independent_trades < META_LEAST_TRADES
            why = f": it takes {META_LEAST_TRADES:.0f} independent ones" if few else ""
            sample = f"{counted(one.trades, 'trade')}, about {one.independent_trades:,.0f} independent ones"
            yield f"There is no meta-model yet of {asked} ({sample}){why}."
            continue
        sample = (
            f"{counted(told.get('predicted', 0), 'trade')} predicted before they ended, about "
            f"{told.get('independent', 0.0):,.0f} independent ones"
        )
        if one.informs is None:
            yield f"Whether the meta-model informs on {asked} cannot be told ({sample})."
        elif not one.informs:
            yield (
                f"The meta-model does not inform on {asked} ({sample}): what agents say tells no more than the base "
                f"rate and the market alone{_interval(told.get('gain_ci95_robust'), 'gain of log loss', '')}."
            )
        else:
            worth = {
                True: "They earn more than 0: it is worth it in this sample.",
                False: "That cannot be told from 0, or is less: no edge.",
                None: "Whether that is more than 0 cannot be told.",
            }[one.worth_it]
            yield (
                f"The meta-model informs on {asked} ({sample}): what agents say tells more than the base rate and the "
                f"market alone{_interval(told.get('gain_ci95_robust'), 'gain of log loss', '')}. It would have kept "
                f"{counted(told.get('kept', 0), 'trade')}, at {_pct(told.get('kept_net_pct'))} after fees on average"
                f"{_interval(told.get('kept_net_pct_ci95_robust'), '95 % interval', ' %')}. {worth}"
            )


def _of_stale(learned: Learned) -> Iterator[str]:
    if learned.stale_from is not None:
        yield (
            f"Something before {iso(learned.as_of)} has changed: the next learn makes everything from "
            f"{iso(learned.stale_from)} on again."
        )


def _no_block(learned: Learned) -> str:
    if not learned.outcomes:
        return "no outcome is known yet"
    if learned.block_hours is None:
        return "the length of a block is chosen after 20 decisions"
    return f"no block of {counted(learned.block_hours, 'hour')} with an outcome has ended yet"


def _outlook(blocks: Sequence[Block]) -> str:
    needed = decisions_needed(blocks)
    if needed is None:
        return "so far they have no advantage"
    if needed >= FARTHEST:
        return "the advantage so far is too small to foresee when that would be enough"
    return f"about {_rounded(needed):,} more are needed if the advantage so far is real"


def _rounded(number: int) -> int:
    """To two digits that matter."""
    size: int = 10 ** max(0, len(str(number)) - 2)
    return round(number / size) * size


def _decisions(blocks: Sequence[Block]) -> str:
    return counted(sum(one.decisions for one in blocks), "decision")


def _evidence(one: AgentWeight) -> str:
    return f"p {100 * one.p:.1f} %, {one.independent_calls:,.0f} independent of {counted(one.calls, 'call')}"


def _minute(learned: Learned) -> str:
    assert learned.since is not None
    return f"{learned.since:%Y-%m-%d %H:%M} UTC"


def _e(value: float) -> str:
    return f"{value:.2f}" if value < 1 else f"{value:,.1f}"


def _interval(ends: Sequence[float] | None, what: str, unit: str) -> str:
    return "" if ends is None else f" ({what} {ends[0]:.4f} to {ends[1]:.4f}{unit})"


def _pct(value: float | None) -> str:
    return "n/a" if value is None else f"{value:+.3f} %"


def _brier(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.4f}"


def _more(total: int, shown: int) -> str:
    return f"; {total - shown:,} more lie between the last two" if total > shown else ""
