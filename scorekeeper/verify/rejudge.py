"""Evidence and beta, recomputed from relearned outcomes with code that scorekeeper.learning does not use."""

import math
from collections.abc import Callable, Iterable
from statistics import median
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scorekeeper.verify.relearn import HOUR, Outcome, Relearned

Floats = NDArray[np.float64]

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


class Blocks:
    """Takes in outcomes as they come, and gives the blocks of evidence that they make."""

    def __init__(self, again: Relearned) -> None:
        self._again = again
        self._length: int | None = None
        self._early: list[Outcome] = []  # from before the length of the blocks is known: fewer than 20
        self._members: dict[int, list[float]] = {}  # decisions, sum of uniqueness, sum of excess

    def add(self, one: Outcome) -> None:
        """The next outcome."""
        if self._length is None and (hours := block_hours(self._again)) is not None:
            self._length = hours * HOUR
            for early in self._early:
                self._put(early, self._length)
            self._early = []
        if self._length is None:
            self._early.append(one)
        else:
            self._put(one, self._length)

    def _put(self, one: Outcome, length: int) -> None:
        number = one.opened // length
        if one.expires <= (number + 1) * length:
            sums = self._members.setdefault(number, [0.0, 0.0, 0.0])
            for place, value in enumerate((1.0, one.uniqueness, one.excess)):
                sums[place] += value

    def find(self, until: int) -> list[Block]:
        """The blocks that had ended at `until`, when all outcomes have come in."""
        hours = block_hours(self._again)
        if hours is None:
            return []
        length = hours * HOUR
        for early in self._early:
            self._put(early, length)
        self._early = []
        found: list[Block] = []
        squares, adopted, wealth = 0.0, False, [1.0] * len(LAMBDAS)
        for number in sorted(number for number in self._members if (number + 1) * length <= until):
            count, independent, excess = self._members[number]
            mean = excess / count
            scale = math.sqrt((3 * 0.06**2 + squares) / (3 + len(found)))
            bet = max(-1.0, min(1.0, (-mean if adopted else mean) / scale / 3))
            wealth = [one * (1 + bet * part) for one, part in zip(wealth, LAMBDAS, strict=True)]
            e_value = math.fsum(wealth) / len(LAMBDAS)
            turned = e_value >= 20
            found.append(
                Block(
                    number * length, (number + 1) * length, int(count), independent, mean, scale, tuple(wealth),
                    e_value, "against" if adopted else "for", adopted != turned,
                )
            )  # fmt: skip
            squares += mean * mean
            if turned:
                adopted, wealth = not adopted, [1.0] * len(LAMBDAS)
        return found


def fit_beta(read: Callable[[], Iterable[tuple[Floats, Floats, Floats]]]) -> float:
    """Beta by Newton's method over outcomes. `read` gives them in parts, from the first at each call.

    A part: their scores, their uniqueness, and 1 for a return above 0, else 0.
    """
    beta = 0.0
    for _ in range(100):
        slope, curve = -beta, 1.0
        for q, u, y in read():
            p = 1 / (1 + np.exp(-beta * q))
            slope += float(np.sum(u * q * (y - p)))
            curve += float(np.sum(u * q * q * p * (1 - p)))
        step = slope / curve
        beta += step
        if abs(step) < 1e-13 * (1 + abs(beta)):
            break
    return beta
