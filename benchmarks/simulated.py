"""Simulated markets and agents whose truth is known.

A price is a Gaussian random walk in logarithms, looked at when trades open and close. An agent is right with a known
chance; whether it is right persists as its trades do: the chance is met by a random walk of the agent's own over the
trade's life, so that trades that share nine tenths of their time mostly share their luck. Decisions come every 60
minutes (no two trades overlap) or every 6.5 (each overlaps nine others); every trade is held for 60.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

HELD_MINUTES = 60.0
GAPS = {"apart": 60.0, "nine overlap": 6.5}
SIGMA = 0.006  # of the logarithm of the price, over the time held

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Spans:
    """When trades open and close, in minutes; shape (n,)."""

    opened: Floats
    closed: Floats


def spans(gap_minutes: float, independent: int) -> Spans:
    """As many trades, `gap_minutes` apart, as have `independent` among them that do not overlap."""
    per_free = math.ceil(HELD_MINUTES / gap_minutes)
    opened = np.arange(independent * per_free).astype(np.float64) * gap_minutes
    return Spans(opened, opened + HELD_MINUTES)


def moves(chance: np.random.Generator, simulations: int, over: Spans) -> Floats:
    """How far a random walk comes over each trade's life, in standard deviations; shape (simulations, n)."""
    moments = np.unique(np.concatenate([over.opened, over.closed]))
    steps = chance.standard_normal((simulations, len(moments) - 1)) * np.sqrt(np.diff(moments) / HELD_MINUTES)
    walk = np.concatenate([np.zeros((simulations, 1)), np.cumsum(steps, axis=1)], axis=1)
    gone: Floats = walk[:, np.searchsorted(moments, over.closed)] - walk[:, np.searchsorted(moments, over.opened)]
    return gone


def market(chance: np.random.Generator, simulations: int, over: Spans) -> Floats:
    """Horizon returns in percent."""
    returns: Floats = 100 * np.expm1(SIGMA * moves(chance, simulations, over))
    return returns


def is_right(chance: np.random.Generator, simulations: int, over: Spans, skill: float | Floats) -> NDArray[np.bool_]:
    """Whether an agent is right, which it is with chance `skill` (0..1), as long as its luck lasts."""
    luck: Floats = stats.norm.cdf(moves(chance, simulations, over))
    return luck < skill


# The mean of a horizon return, and of its size, in percent: the log-normal's.
MEAN_RETURN = 100 * math.expm1(SIGMA**2 / 2)
MEAN_SIZE = 100 * math.exp(SIGMA**2 / 2) * (2 * float(stats.norm.cdf(SIGMA)) - 1)


def percent(count: int, n: int) -> tuple[float, float]:
    """A share in percent, with its standard error in points."""
    share = count / n
    return 100 * share, 100 * math.sqrt(share * (1 - share) / n)
