"""Simulated markets and agents whose skill is planted.

A decision comes every 6 minutes and is held for 60, or at another cadence. Returns are made of steps between decisions:
Student t with 4 degrees of freedom, times a volatility whose logarithm is an AR(1). A horizon's return has a standard
deviation of 0.6 %.

An agent sees the horizon's move through noise of its own. Its noise is a sum of steps over the same hour, so that its
luck lasts as long as two decisions overlap. It is right in `skill` of its calls, and abstains from a fifth of them.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

Floats = NDArray[np.float64]

MINUTE_US = 60_000_000
BEGINS_US = 1_767_225_600 * 1_000_000  # 2026-01-01
RETURN_PCT = 0.6
DEGREES = 4
# The logarithm of volatility: a standard deviation of 0.3, half forgotten after 69 steps.
VOLATILITY_SD, VOLATILITY_KEPT = 0.3, 0.99
ABSTAINS = 0.2
QUIET, USUAL, LOUD = (50.0, 70.0), (50.0, 90.0), (90.0, 100.0)


@dataclass(frozen=True)
class Planted:
    """A kind of universe: agents by skill (share of calls that are right) and span of confidence.

    `swaps`: the skills are reversed half-way. `drift_pct`: added to each horizon's return, in percent. `always_up`: the
    first agent always calls upwards. `step_minutes`: between decisions; `held`: the number of steps of a horizon.
    """

    name: str
    skills: tuple[float, ...]
    confidences: tuple[tuple[float, float], ...] = (USUAL,) * 6
    swaps: bool = False
    drift_pct: float = 0.0
    always_up: bool = False
    step_minutes: int = 6
    held: int = 10

    def at(self, name: str, step_minutes: int, held: int) -> "Planted":
        """The same at another cadence."""
        return replace(self, name=f"{self.name}, {name}", step_minutes=step_minutes, held=held)


class Asks(Protocol):
    """A bar of a benchmark: it asks for a universe of so many decisions."""

    @property
    def planted(self) -> Planted: ...

    @property
    def decisions(self) -> int: ...


def cases(bars: Iterable[Asks], others: Iterable[tuple[Planted, int]], largest: int) -> list[tuple[Planted, int]]:
    """The universes that the bars ask for, and others, of up to `largest` decisions; the small ones first."""
    asked = {(bar.planted, bar.decisions) for bar in bars} | set(others)
    return sorted((case for case in asked if case[1] <= largest), key=lambda case: (case[1], case[0].name))


@dataclass(frozen=True)
class Universe:
    """Decisions in order, times in microseconds since 1970: `opened`, `expires`, `h` (percent), shape (n,).

    `directions` (-1, 0, 1) and `confidences` (0..100): shape (n, agents).
    """

    opened: NDArray[np.int64]
    expires: NDArray[np.int64]
    h: Floats
    directions: NDArray[np.int8]
    confidences: Floats


NONE_SKILLED = Planted("none skilled", (0.5,) * 6)
ONE_LOUD = Planted("one loud", (0.5,) * 6, (LOUD, *(QUIET,) * 5))
ALL_EQUAL = Planted("all equal", (0.54,) * 6)
BULL = Planted("a bull in a bull market", (0.5,) * 6, drift_pct=0.06, always_up=True)
MIXED = Planted("mixed", (0.58, 0.56, 0.54, 0.52, 0.5, 0.46))
LOUD_FOOL = Planted("loud fool", (0.43, 0.57, 0.55, 0.54, 0.52, 0.5), (LOUD, *(QUIET,) * 5))
STAR = Planted("star", (0.58, *(0.5,) * 5))
INVERSE = Planted("inverse", (0.41, 0.54, 0.53, 0.5, 0.5, 0.5))
SWAP = Planted("the star swaps half-way", (0.58, *(0.5,) * 5), swaps=True)
REVERSED = Planted("all skills reverse half-way", (0.58, 0.55, 0.53, 0.5, 0.48, 0.46), swaps=True)


def draw(planted: Planted, n: int, chance: np.random.Generator) -> Universe:
    """A universe of `n` decisions."""
    agents, steps = len(planted.skills), n + planted.held - 1
    shocks = chance.standard_t(DEGREES, steps) / math.sqrt(DEGREES / (DEGREES - 2))
    moves = _held(shocks, planted.held)
    h = RETURN_PCT * _held(shocks * _volatility(steps, chance), planted.held) + planted.drift_pct
    noise = _held(chance.standard_normal((agents, steps)), planted.held).T
    skill = np.tile(np.array(planted.skills), (n, 1))
    if planted.swaps:
        skill[n // 2 :] = skill[n // 2 :, ::-1]
    # Two normal variables with this correlation have the same sign with the chance `skill`.
    seen = np.sin(math.pi * (skill - 0.5))
    directions = np.sign(seen * moves[:, None] + np.sqrt(1 - seen * seen) * noise).astype(np.int8)
    if planted.always_up:
        directions[:, 0] = 1
    directions[chance.random((n, agents)) < ABSTAINS] = 0
    low, high = np.array(planted.confidences).T
    step = planted.step_minutes * MINUTE_US
    opened = BEGINS_US + step * np.arange(n, dtype=np.int64)
    confidences = low + (high - low) * chance.random((n, agents))
    return Universe(opened, opened + planted.held * step, h, directions, confidences)


def _held(steps: Floats, held: int) -> Floats:
    """Sums over each horizon along the last axis, with the variance of one step."""
    total = np.cumsum(steps, axis=-1)
    total[..., held:] = total[..., held:] - total[..., :-held]
    scaled: Floats = total[..., held - 1 :] / math.sqrt(held)
    return scaled


def _volatility(steps: int, chance: np.random.Generator) -> Floats:
    """Volatility around 1, with a mean square of 1."""
    drawn = chance.standard_normal(steps) * VOLATILITY_SD * math.sqrt(1 - VOLATILITY_KEPT**2)
    drawn[0] = chance.standard_normal() * VOLATILITY_SD
    scaled: Floats = np.exp(lfilter([1.0], [1.0, -VOLATILITY_KEPT], drawn) - VOLATILITY_SD**2)
    return scaled
