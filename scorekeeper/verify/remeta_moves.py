"""How the market moved before a trade, recomputed from its candles by definition. See docs/metrics.md."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scorekeeper.verify.remeta import DAY, HOUR, Floats

Moments = NDArray[np.int64]  # microseconds since 1970


@dataclass(frozen=True)
class Moves:
    """Before a trade: the mean size of a candle's move within an hour and a day, and the hour's return; None: unknown.

    Moves are differences of logarithms of closes.
    """

    hour_size: float | None
    day_size: float | None
    hour_return: float | None


NO_MOVES = Moves(None, None, None)


def measure_moves(opens: Moments, logs: Floats, opened: int, width: int, first: int) -> Moves:
    """The moves before a trade that opened at `opened`, by candles of `width`; those from before `first` do not count.

    `opens`, `logs`: when each candle opens, in order, and the logarithm of its close; at least those that open from a
    day and two candles before the trade to one candle before it. At least half of an hour or a day must be known.
    """
    begin = int(opens.searchsorted(max(first, opened - DAY - 2 * width)))
    end = int(opens.searchsorted(opened - width, side="right"))
    ages = opened - width - opens[begin:end]  # since each candle's end
    logs = logs[begin:end]
    steps = np.flatnonzero(np.diff(opens[begin:end]) == width) + 1  # candles that follow on the one before them
    sizes, since = np.abs(logs[steps] - logs[steps - 1]), ages[steps]
    in_hour, in_day = since < HOUR, since < DAY
    knows_hour = 2 * int(in_hour.sum()) * width >= HOUR
    knows_day = 2 * int(in_day.sum()) * width >= DAY
    before = np.flatnonzero((ages >= HOUR) & (ages < 2 * HOUR))
    return Moves(
        float(sizes[in_hour].mean()) if knows_hour else None,
        float(sizes[in_day].mean()) if knows_day else None,
        float(logs[-1] - logs[before[-1]]) if knows_hour and len(before) else None,
    )
