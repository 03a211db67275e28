"""The baselines that the system is compared with: what each would have done, and its names. One entry adds one.

A baseline takes a direction (+1, 0 or -1) on every decision, and earns it times the decision's horizon return.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from scorekeeper.analysis import attribution
from scorekeeper.analysis.document import Baseline
from scorekeeper.analysis.input_columns import Floats, InputColumns

SYSTEM, AGENT = "system", "agent"


@dataclass(frozen=True)
class Rule:
    """How a baseline decides, and its names.

    `label` stands in a chart, `phrase` in a sentence after "than". `decide` gets the columns of n decisions and the
    weight of each signal (see attribution.weigh), and gives n directions.
    """

    label: str
    phrase: str
    decide: Callable[[InputColumns, Floats], Floats]


def _vote_equally(columns: InputColumns, weight: Floats) -> Floats:
    signals = columns.signals
    return attribution.votes(signals.decision, signals.direction, len(columns.decisions))


def _vote_by_confidence(columns: InputColumns, weight: Floats) -> Floats:
    return attribution.votes(columns.signals.decision, weight, len(columns.decisions))


# By the `kind` that is stored, in the order in which they are shown.
RULES = {
    "always_long": Rule("always long", "always going long", lambda columns, weight: np.ones(len(columns.decisions))),
    "always_short": Rule(
        "always short", "always going short", lambda columns, weight: -np.ones(len(columns.decisions))
    ),
    "equal_vote": Rule("equal vote", "an equal vote of the agents", _vote_equally),
    "confidence_vote": Rule("vote by confidence", "a vote of the agents weighted by confidence", _vote_by_confidence),
}


def label(one: Baseline) -> str:
    """The short name of a baseline, the system or an agent, as in charts. An agent's name is not escaped."""
    if one.kind == AGENT:
        return f"{one.agent} alone"
    if one.kind == SYSTEM:
        return "the system itself"
    return RULES[one.kind].label if one.kind in RULES else one.kind


def phrase(one: Baseline, escape: Callable[[str], str]) -> str:
    """The name of a baseline, the system or an agent in a sentence; `escape` makes an agent's name harmless."""
    if one.kind == SYSTEM:
        return "the system's own action"
    return RULES[one.kind].phrase if one.kind in RULES else f"{escape(one.agent or '')} alone"
