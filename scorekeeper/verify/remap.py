"""Recalibration maps, recomputed call by call from the definitions, with code of its own."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

DAY = 86_400_000_000  # microseconds
_T95 = 2.3646242515927844  # Student's, seven degrees of freedom
_GROUPS = 8
_ODDS = [math.log(percent / (100 - percent)) for percent in range(2, 99)]


class MapRow(NamedTuple):
    """A row of calibration_map."""

    as_of: int
    agent: str
    calls: int
    independent_calls: float
    a: float | None
    b: float | None
    rate: float | None
    brier_raw: float | None
    brier_rate: float | None
    brier_map: float | None
    gain_ci95_low: float | None
    gain_ci95_high: float | None
    helps: bool | None
    rate_gain_ci95_low: float | None
    rate_gain_ci95_high: float | None


class _Call(NamedTuple):
    opened: int
    confidence: float
    right: bool
    share: float
    independent: float


@dataclass
class _Agent:
    """`weights`: right and wrong, by whole percent from 2 to 98. The lists have one entry per row."""

    weights: NDArray[np.float64] = field(default_factory=lambda: np.zeros((2, len(_ODDS))))
    at: float = 0.0
    independent: float = 0.0
    calls: int = 0
    today: list[_Call] = field(default_factory=list)
    days: list[int] = field(default_factory=list)
    maps: list[tuple[float, float, float] | None] = field(default_factory=list)
    scored: list[int] = field(default_factory=list)
    errors: list[tuple[float, float, float]] = field(default_factory=list)
    scored_independent: float = 0.0


class Remapped:
    """Takes in outcomes in order, and the calls on each; gives the row of each day and agent when the day has ended."""

    def __init__(self) -> None:
        self.rows: list[MapRow] = []
        self._agents: dict[str, _Agent] = {}
        self._day = 0
        self._independent = 0.0

    def add_outcome(self, expires: int, independent: float) -> None:
        """An outcome at which the version's sum of uniqueness comes to `independent`."""
        day = -(-expires // DAY) * DAY
        if day != self._day:
            self.end_day()
            self._day = day
        self._independent = independent

    def add_call(self, agent: str, opened: int, confidence: float, right: bool, share: float) -> None:
        """A call on the last outcome, with a confidence above 0 (to 100)."""
        one = self._agents.setdefault(agent, _Agent())
        one.today.append(_Call(opened, confidence, right, share, self._independent))

    def end_day(self) -> None:
        """The day of the last outcome has ended: the rows of its calls."""
        for name, one in sorted(self._agents.items()):
            if one.today:
                self.rows.append(_close(name, one, self._day, self._independent))

    def until(self, moment: int) -> Iterator[MapRow]:
        """The rows of the midnights at or before a moment, in order of (midnight, agent)."""
        return (row for row in self.rows if row.as_of <= moment)


def _close(name: str, one: _Agent, day: int, independent: float) -> MapRow:
    one.weights *= 2 ** ((one.at - independent) / 336)
    one.at = independent
    sums, scored = list(one.errors[-1] if one.errors else (0.0, 0.0, 0.0)), one.scored[-1] if one.scored else 0
    for call in one.today:
        one.calls, one.independent = one.calls + 1, one.independent + call.share
        percent = min(98, max(2, round(call.confidence)))
        one.weights[0 if call.right else 1, percent - 2] += call.share * 2 ** ((call.independent - independent) / 336)
        place = bisect_right(one.days, call.opened)
        if place and (known := one.maps[place - 1]) is not None:
            offset, slope, often = known
            stated = min(0.98, max(0.02, call.confidence / 100))
            mapped = 1 / (1 + math.exp(-offset - slope * math.log(stated / (1 - stated))))
            for kind, said in enumerate((call.confidence / 100, often, mapped)):
                sums[kind] += (said - call.right) ** 2
            scored += 1
            one.scored_independent += call.share
    one.today = []
    one.days.append(day)
    one.maps.append(_fit(one.weights) if one.independent >= 20 else None)
    one.scored.append(scored)
    one.errors.append((sums[0], sums[1], sums[2]))
    a, b, rate = one.maps[-1] or (None, None, None)
    errors = [each / scored if scored else None for each in sums]
    gain, over_rate = _interval(one, 0), _interval(one, 1)
    low, high = gain or (None, None)
    rate_low, rate_high = over_rate or (None, None)
    helps = None if low is None else low > 0
    return MapRow(
        day, name, one.calls, one.independent, a, b, rate, errors[0], errors[1], errors[2], low, high, helps, rate_low,
        rate_high,
    )  # fmt: skip


def _fit(weights: NDArray[np.float64]) -> tuple[float, float, float]:
    """a, b and the rate: Newton's method on the sums by percent, with steps of at most 1."""
    x, (right, wrong) = np.array(_ODDS), weights
    total, place = right + wrong, np.zeros(2)
    for _ in range(500):
        p = 1 / (1 + np.exp(-place[0] - place[1] * x))
        off, bend = total * p - right, total * p * (1 - p)
        slope = np.array([off.sum() + place[0] / 0.04, (off * x).sum() + place[1] / 0.09])
        curve = np.array([[bend.sum() + 25, (bend * x).sum()], [(bend * x).sum(), (bend * x * x).sum() + 1 / 0.09]])
        step = np.linalg.solve(curve, slope)
        place -= step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < 1e-13:
            break
    return float(place[0]), float(place[1]), float(right.sum() / total.sum())


def _interval(one: _Agent, kind: int) -> tuple[float, float] | None:
    """The mean of errors less the map's, over eight groups of whole days; None if it cannot be told."""
    n = one.scored[-1]
    if one.scored_independent < 20:
        return None
    mean = (one.errors[-1][kind] - one.errors[-1][2]) / n
    squares, before = 0.0, (0, 0.0)
    for group in range(1, _GROUPS + 1):
        place = bisect_left(one.scored, group * n / _GROUPS)
        count, gained = one.scored[place], one.errors[place][kind] - one.errors[place][2]
        if count == before[0]:
            return None
        squares += ((gained - before[1] - (count - before[0]) * mean) / n) ** 2
        before = count, gained
    error = math.sqrt(squares * _GROUPS / (_GROUPS - 1))
    return (mean - _T95 * error, mean + _T95 * error) if error >= 1e-12 else None
