"""Attribution and comparisons once more, each straight from its definition, in plain loops."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations


@dataclass(frozen=True)
class Decided:
    """A decision with its horizon return, in percent; of each agent direction and confidence."""

    trade_id: str
    opened: float
    expires: float
    version: str
    symbol: str
    interval: str | None
    direction: int
    h: float
    said: Mapping[str, tuple[int, float | None]]


def weight(direction: int, confidence: float | None) -> float:
    return direction * (50.0 if confidence is None else confidence)


def sign(total: float) -> int:
    return 0 if abs(total) <= 1e-9 else 1 if total > 0 else -1


def shapley(weights: Mapping[str, float], h: float) -> dict[str, float]:
    """By what each agent adds when it arrives, over every order of arrival."""
    totals = dict.fromkeys(weights, 0.0)
    orders = list(permutations(weights))
    for order in orders:
        total = 0.0
        for agent in order:
            before, total = sign(total), total + weights[agent]
            totals[agent] += (sign(total) - before) * h
    return {agent: total / len(orders) for agent, total in totals.items()}


def attributions(decided: Sequence[Decided]) -> dict[str, tuple[float, float]]:
    """Each agent's Shapley value and leave-one-out, summed over decisions."""
    found: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for one in decided:
        weights = {agent: weight(*said) for agent, said in one.said.items()}
        everybody = sign(sum(weights.values()))
        for agent, share in shapley(weights, one.h).items():
            without = sign(sum(w for name, w in weights.items() if name != agent))
            found[agent].append((share, (everybody - without) * one.h))
    return {agent: (math.fsum(s for s, _ in both), math.fsum(o for _, o in both)) for agent, both in found.items()}


def baselines(decided: Sequence[Decided]) -> dict[str, list[float]]:
    """What each would have earned on each decision, percent."""
    agents = sorted({agent for one in decided for agent in one.said})
    earned: dict[str, list[float]] = defaultdict(list)
    for one in decided:
        earned["system"].append(one.direction * one.h)
        earned["always_long"].append(one.h)
        earned["always_short"].append(-one.h)
        earned["equal_vote"].append(sign(sum(d for d, _ in one.said.values())) * one.h)
        earned["confidence_vote"].append(sign(sum(weight(*said) for said in one.said.values())) * one.h)
        for agent in agents:
            earned[f"agent {agent}"].append(one.said.get(agent, (0, None))[0] * one.h)
    return earned


def version_differences(decided: Sequence[Decided], one: str, other: str, seconds: Mapping[str, int]) -> list[float]:
    """Per symbol, interval and bucket in which both decided: the mean signed return of one less that of the other."""
    slots: defaultdict[tuple[str, int, float], defaultdict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for d in decided:
        if d.interval is not None and d.interval in seconds:
            slots[d.symbol, seconds[d.interval], d.opened // seconds[d.interval]][d.version].append(d.direction * d.h)
    return [
        math.fsum(both[one]) / len(both[one]) - math.fsum(both[other]) / len(both[other])
        for both in slots.values()
        if one in both and other in both
    ]
