"""What the learned and the equal vote say of one decision that is not recorded yet. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scorekeeper.learning.constants import MISSING_CONFIDENCE, ZERO_SCORE
from scorekeeper.learning.document import UNKNOWN_WEIGHT

WORDS = {1: "BUY", -1: "SELL", 0: "HOLD"}


@dataclass(frozen=True)
class Call:
    """What an agent says: its direction (+1, 0, -1) and its confidence, 0 to 100 or None."""

    agent: str
    direction: int
    confidence: float | None


@dataclass(frozen=True)
class Vote:
    """A vote's `direction` and its `score`: the sum over agents, the confidence as a fraction, by the agents known."""

    direction: int
    score: float


def cast_vote(calls: Sequence[Call], weights: Mapping[str, float], agents: int) -> Vote:
    """Weigh the calls, in the order of the agents' names; `agents`: how many are known. An unknown one weighs 1.

    >>> cast_vote([Call("a", 1, 80.0), Call("b", -1, None)], {"a": 0.5, "b": 1.5}, 2)
    Vote(direction=-1, score=-0.175)
    """
    total = 0.0
    for one in sorted(calls, key=lambda call: call.agent):
        sure = MISSING_CONFIDENCE if one.confidence is None else one.confidence
        total += weights.get(one.agent, UNKNOWN_WEIGHT) * one.direction * sure
    if abs(total) <= ZERO_SCORE:
        return Vote(0, 0.0 if not agents else total / 100 / agents)
    return Vote(1 if total > 0 else -1, total / 100 / agents)


def p_up(beta: float, score: float) -> float:
    """The probability that the price rises: 1 / (1 + exp(-beta * score)).

    >>> p_up(1.12, 0.0), round(p_up(2.0, 0.5), 4)
    (0.5, 0.7311)
    """
    return (1 + math.tanh(beta * score / 2)) / 2  # the same, and without overflow


def is_worth(p: float, move_pct: float | None, cost_pct: float) -> bool | None:
    """Whether the move that is expected, |2p - 1| * move_pct, is more than both sides' fees; None: no move is known.

    >>> is_worth(0.6, 0.5, 0.2), is_worth(0.9, 0.5, 0.2), is_worth(0.9, None, 0.2)
    (False, True, None)
    """
    return None if move_pct is None else abs(2 * p - 1) * move_pct > cost_pct
