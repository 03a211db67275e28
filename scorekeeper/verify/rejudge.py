"""Evidence and beta, recomputed from relearned outcomes with code that scorekeeper.learning does not use."""

import math
from statistics import median
from typing import NamedTuple

import numpy as np

from scorekeeper.verify.relearn import HOUR, Outcome, Relearned

DAY = 24 * HOUR
LAMBDAS = (0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9)


class Block(NamedTuple):
    """A block of evidence."""

    begins: int
    ends: int
    decisions: int
    independent: float
    mean_excess: float
    scale: float
    wealth: tuple[float, ...]
    e_value: float
    running: str
    adopted: bool


def block_hours(again: Relearned) -> int | None:
    """The length of the blocks; None below 20 decisions."""
    if again.twentieth is None:
        return None
    need = 4 * median(again.holds)
    return next((hours for hours in (4, 24, 96, 672) if hours * HOUR >= need), 2_688)


def find_blocks(again: Relearned, until: int) -> list[Block]:
    """The blocks that had ended at `until`."""
    hours = block_hours(again)
    if hours is None:
        return []
    length = hours * HOUR
    members: dict[int, list[Outcome]] = {}
    for one in again.outcomes:
        number = one.opened // length
        if one.expires <= (number + 1) * length <= until:
            members.setdefault(number, []).append(one)
    found: list[Block] = []
    squares, adopted, wealth = 0.0, False, [1.0] * len(LAMBDAS)
    for number in sorted(members):
        inside = members[number]
        mean = math.fsum(one.excess for one in inside) / len(inside)
        scale = math.sqrt((3 * 0.06**2 + squares) / (3 + len(found)))
        bet = max(-1.0, min(1.0, (-mean if adopted else mean) / scale / 3))
        wealth = [one * (1 + bet * part) for one, part in zip(wealth, LAMBDAS, strict=True)]
        e_value = math.fsum(wealth) / len(LAMBDAS)
        turned = e_value >= 20
        found.append(
            Block(
                number * length, (number + 1) * length, len(inside), math.fsum(one.uniqueness for one in inside),
                mean, scale, tuple(wealth), e_value, "against" if adopted else "for", adopted != turned,
            )
        )  # fmt: skip
        squares += mean * mean
        if turned:
            adopted, wealth = not adopted, [1.0] * len(LAMBDAS)
    return found


def fit_beta(again: Relearned, until: int) -> float:
    """Beta by Newton's method over every outcome known at `until`."""
    known = [one for one in again.outcomes if one.expires <= until]
    q = np.array([one.score for one in known])
    u = np.array([one.uniqueness for one in known])
    y = np.array([one.return_pct > 0 for one in known], dtype=np.float64)
    beta = 0.0
    for _ in range(100):
        p = 1 / (1 + np.exp(-beta * q))
        step = (np.sum(u * q * (y - p)) - beta) / (1 + np.sum(u * q * q * p * (1 - p)))
        beta += float(step)
        if abs(step) < 1e-13 * (1 + abs(beta)):
            break
    return beta
