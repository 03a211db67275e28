"""What the learned and the equal vote say of one decision that is not recorded yet. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from scorekeeper.learning.constants import MISSING_CONFIDENCE, ZERO_SCORE
from scorekeeper.learning.document import UNKNOWN_WEIGHT, VALID_FOR, Learned, iso

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


def is_stale(learned: Learned, now: datetime) -> bool:
    """Whether what was learned is too old to be used: equal weights are then in use."""
    return now >= learned.as_of + VALID_FOR


def tell_vote(learned: Learned | None, calls: Sequence[Call], now: datetime, cost_pct: float) -> dict[str, Any]:
    """What both votes say of the calls, and which of them is in use; `cost_pct`: both sides' fees.

    `learned`: None if nothing was. docs/learning.md defines each key.
    """
    weights = {} if learned is None else {one.agent: one.weight for one in learned.agents}
    known = weights.keys() | {one.agent for one in calls}
    equal = cast_vote(calls, {}, len(known))
    state = "missing" if learned is None else "stale" if is_stale(learned, now) else "fresh"
    told: dict[str, Any] = {
        "state": state,
        "version": None if learned is None else learned.version,
        "as_of": None if learned is None else iso(learned.as_of),
        "valid_until": None if learned is None else iso(learned.as_of + VALID_FOR),
        "equal": _shown(equal),
        "learned": None,
        "in_use": "equal",
        "direction": equal.direction,
        "p_up": None,
        "expected_move_pct": None,
        "worth_after_fees": None,
        "unknown_agents": sorted(one.agent for one in calls if one.agent not in weights),
        "sentence": _WHY[state],
    }
    if learned is None:
        return told
    vote = cast_vote(calls, weights, len(known))
    p = p_up(learned.beta, vote.score)
    told["learned"], told["p_up"] = _shown(vote), p
    told["expected_move_pct"] = None if learned.move_pct is None else abs(2 * p - 1) * learned.move_pct
    told["worth_after_fees"] = is_worth(p, learned.move_pct, cost_pct)
    if state == "fresh" and learned.adopted:
        told |= {"in_use": "learned", "direction": vote.direction, "sentence": _WHY["adopted"]}
    return told


_WHY = {
    "missing": "Nothing was learned yet: equal weights are in use.",
    "stale": "What was learned is older than 24 hours: equal weights are in use until the next learn.",
    "fresh": "The learned weights are not adopted: equal weights are in use.",
    "adopted": "The learned weights are adopted and in use.",
}


def _shown(vote: Vote) -> dict[str, Any]:
    return {"direction": vote.direction, "action": WORDS[vote.direction], "score": vote.score}
