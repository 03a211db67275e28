"""The position of a value on an axis, and the values that an axis names."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np

from scorekeeper.charts.series import Floats

MINUTE, HOUR, DAY = 60, 3_600, 86_400
# Steps of an axis of time, in seconds, and how their ticks are written. Longer steps are months.
STEPS = (
    (MINUTE, "%H:%M"), (5 * MINUTE, "%H:%M"), (10 * MINUTE, "%H:%M"), (15 * MINUTE, "%H:%M"), (30 * MINUTE, "%H:%M"),
    (HOUR, "%H:%M"), (3 * HOUR, "%H:%M"), (6 * HOUR, "%H:%M"), (12 * HOUR, "%H:%M"), (DAY, "%d %b"),
    (2 * DAY, "%d %b"), (7 * DAY, "%d %b"), (14 * DAY, "%d %b"),
)  # fmt: skip
MONTHS = (1, 2, 3, 6, 12, 24, 60, 120)


@dataclass(frozen=True)
class Scale:
    """A straight axis: `low` stands at `start`, `high` at `end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The place of one value."""
        if self.high == self.low:
            return (self.start + self.end) / 2
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def places(self, values: Floats | Sequence[float]) -> list[float]:
        """The places of many values."""
        found = np.asarray(values, dtype=float)
        if self.high == self.low:
            return [(self.start + self.end) / 2] * len(found)
        span = (self.end - self.start) / (self.high - self.low)
        placed: list[float] = (self.start + (found - self.low) * span).tolist()
        return placed


def widened(values: Floats | Sequence[float], *, hold: Sequence[float] = (), by: float = 0.06) -> tuple[float, float]:
    """The lowest and highest of `values` and `hold`, with a margin of `by` of the range on both sides.

    >>> widened([1.0, 11.0], hold=[0.0], by=0.0), widened([5.0])
    ((0.0, 11.0), (4.5, 5.5))
    """
    every = np.concatenate([np.asarray(values, dtype=float).ravel(), np.asarray(hold, dtype=float)])
    every = every[np.isfinite(every)]
    if not len(every):
        return 0.0, 1.0
    low, high = float(every.min()), float(every.max())
    if high - low <= 1e-12 * max(abs(low), abs(high)):
        half = abs(low) * 0.1 or 0.5
        return low - half, high + half
    margin = by * (high - low)
    return low - margin, high + margin


def round_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """At most `most` + 1 round values from `low` to `high`: multiples of 1, 2 or 5 times a power of ten.

    >>> round_ticks(-1.3, 4.2), round_ticks(0, 100, 4)
    ([-1.0, 0.0, 1.0, 2.0, 3.0, 4.0], [0.0, 50.0, 100.0])
    """
    if not high > low:
        return [low]
    raw = (high - low) / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(times * power for times in (1, 2, 5, 10) if times * power >= raw * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    digits = max(0, -math.floor(math.log10(step)) + 1)
    ticks = (round(i * step, digits) + 0.0 for i in range(first, last + 1))
    # Far from 0 a multiple may be rounded to beside the axis.
    return [tick for tick in ticks if low - 1e-9 * step <= tick <= high + 1e-9 * step]


def tick_digits(ticks: Sequence[float]) -> int:
    """How many decimals tell these ticks apart.

    >>> tick_digits([0.0, 0.25]), tick_digits([0.0, 20.0])
    (2, 0)
    """
    step = min((abs(b - a) for a, b in pairwise(ticks)), default=max(map(abs, ticks), default=0.0) or 1.0)
    return next((d for d in range(12) if all(abs(round(t, d) - t) < 1e-3 * step for t in ticks)), 12)


def time_ticks(low: float, high: float, most: int = 8) -> list[tuple[float, str]]:
    """Round times from `low` to `high` (seconds since 1970), each with how an axis tells it, in UTC.

    >>> time_ticks(1746446400, 1746446400 + 7200, 4)
    [(1746446400, '12:00'), (1746448200, '12:30'), (1746450000, '13:00'), (1746451800, '13:30'), (1746453600, '14:00')]
    """
    span = high - low
    if span <= 0:
        return [(low, _told(low, "%d %b %H:%M"))]
    for step, form in STEPS:
        if span / step <= most:
            first = math.ceil(low / step) * step
            found = list(range(first, math.floor(high) + 1, step))
            return [(at, _told(at, "%d %b" if form == "%H:%M" and at % DAY == 0 else form)) for at in found]
    return _month_ticks(low, high, most)


def _month_ticks(low: float, high: float, most: int) -> list[tuple[float, str]]:
    start, end = datetime.fromtimestamp(low, UTC), datetime.fromtimestamp(high, UTC)
    count = (end.year - start.year) * 12 + end.month - start.month
    step = next((months for months in MONTHS if count / months <= most), 240)
    ticks: list[tuple[float, str]] = []
    month = -(-(start.year * 12 + start.month - 1) // step) * step
    while True:
        at = datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)
        if at > end:
            return ticks
        if at >= start:
            ticks.append((at.timestamp(), at.strftime("%Y" if step >= 12 or at.month == 1 else "%b")))
        month += step


def _told(seconds: float, form: str) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).strftime(form)
