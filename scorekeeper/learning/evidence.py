"""Whether the learned weights are better than equal ones: an e-process over blocks of UTC time."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scorekeeper.learning.constants import (
    BETS,
    BLOCK_HOURS,
    FIRST_DECISIONS,
    HOLDS_IN_BLOCK,
    HOUR,
    LARGEST_MOVE,
    PRIOR_BLOCK_SCALE,
    PRIOR_BLOCKS,
    SCALES_IN_BET,
    THRESHOLD,
)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_BETS = np.array(BETS)


def choose_block_hours(holds: Ints) -> int | None:
    """The length of a version's blocks, from the holds of its first decisions in microseconds; None below 20 of them.

    It is the shortest length that holds four times their median, else the longest.

    >>> choose_block_hours(np.full(20, 3_600_000_000)), choose_block_hours(np.full(20, 3_600_000_001))
    (4, 24)
    """
    if len(holds) < FIRST_DECISIONS:
        return None
    least = HOLDS_IN_BLOCK * float(np.median(holds[:FIRST_DECISIONS]))
    return next((hours for hours in BLOCK_HOURS if hours * HOUR >= least), BLOCK_HOURS[-1])


def excess(score: Floats, equal_score: Floats, returns: Floats, scale: Floats) -> Floats:
    """Y of each outcome: what the learned score adds to the equal one, times the return in units of its scale.

    The return in units is cut at 4. `scale` NaN (no return was known yet) gives 0.

    >>> excess(np.array([0.5, 0.5]), np.array([0.3, 0.3]), np.array([-0.9, 1.0]), np.array([0.1, np.nan])).tolist()
    [-0.8, 0.0]
    """
    moves = np.clip(returns / scale, -LARGEST_MOVE, LARGEST_MOVE)
    return np.where(np.isnan(scale), 0.0, (score - equal_score) * moves)


def find_blocks(opened: Ints, expires: Ints, length: int) -> tuple[Ints, Ints]:
    """The places of the outcomes that end in the block that they opened in, and the number of that block since 1970.

    Times and `length` in microseconds.

    >>> places, blocks = find_blocks(np.array([0, 5, 12]), np.array([4, 11, 20]), 10)
    >>> places.tolist(), blocks.tolist()
    ([0, 2], [0, 1])
    """
    block = opened // length
    places = np.flatnonzero(expires <= (block + 1) * length)
    return places, block[places]


def scale_of_bets(squares: Floats, blocks: Ints) -> Floats:
    """What the mean of a block is compared with: the root mean square of the means of the `blocks` before it.

    `squares`: the sum of their squares. Three more at 0.06 are counted with them.

    >>> scale_of_bets(np.array([0.0]), np.array([0])).round(3).tolist()
    [0.06]
    """
    scale: Floats = np.sqrt((PRIOR_BLOCKS * PRIOR_BLOCK_SCALE**2 + squares) / (PRIOR_BLOCKS + blocks))
    return scale


@dataclass(frozen=True)
class EvidenceState:
    """The e-process after a block: its wealth for each bet, whether the weights are adopted, and the blocks so far.

    `sum_squares`: of the block means so far.
    """

    blocks: int = 0
    sum_squares: float = 0.0
    wealth: tuple[float, ...] = (1.0,) * len(BETS)
    adopted: bool = False


@dataclass(frozen=True)
class EvidencePath:
    """One entry per block: its scale, the wealth (a row per block), E, and whether the weights are adopted after it.

    `against`: the block was bet on by the process that looks for an advantage of equal weights.
    """

    scale: Floats
    wealth: Floats
    e_value: Floats
    against: NDArray[np.bool_]
    adopted: NDArray[np.bool_]
    blocks: Ints
    sum_squares: Floats


def follow_blocks(state: EvidenceState, means: NDArray[Any]) -> EvidencePath:
    """The e-process over the blocks after `state`, from their means of Y.

    Wealth is multiplied by 1 + bet * clip(X / (3 s), -1, 1), or with -X while it runs against the weights; s is from
    earlier blocks, with three more at 0.06. At 20, the mean of the wealths adopts the weights, or drops them, and the
    wealth is 1 again. Reference: Waudby-Smith and Ramdas, Estimating means of bounded random variables by betting,
    JRSS-B 86 (2024).

    >>> path = follow_blocks(EvidenceState(), np.full(40, 0.3))
    >>> path.adopted.tolist().index(True), path.e_value[:2].round(3).tolist()
    (12, [1.4, 1.807])
    """
    count = len(means)
    squares = np.cumsum(np.concatenate([[state.sum_squares], means * means]))
    blocks = state.blocks + np.arange(count, dtype=np.int64)
    scale = scale_of_bets(squares[:-1], blocks)
    size = np.clip(means / (SCALES_IN_BET * scale), -1.0, 1.0)
    wealth, e_value = np.empty((count, len(_BETS))), np.empty(count)
    against, adopted = np.zeros(count, dtype=bool), np.zeros(count, dtype=bool)
    at, holding, now = 0, np.array(state.wealth), state.adopted
    while at < count:
        sign = -1.0 if now else 1.0
        factors = 1.0 + _BETS * (sign * size[at:, None])
        path = np.cumprod(np.concatenate([holding[None, :], factors]), axis=0)[1:]
        means_of_wealth = _mean_wealth(path)
        over = np.flatnonzero(means_of_wealth >= THRESHOLD)
        end = at + (int(over[0]) + 1 if len(over) else len(path))
        wealth[at:end], e_value[at:end] = path[: end - at], means_of_wealth[: end - at]
        against[at:end], adopted[at:end] = now, now
        if len(over):
            now = not now
            adopted[end - 1] = now
            holding = np.ones(len(_BETS))
        at = end
    return EvidencePath(scale, wealth, e_value, against, adopted, blocks + 1, squares[1:])


def _mean_wealth(wealth: Floats) -> Floats:
    """The mean of each row, added from left to right."""
    total: Floats = np.zeros(len(wealth))
    for column in range(wealth.shape[1]):
        total = total + wealth[:, column]
    return np.asarray(total / wealth.shape[1])
