"""What the meta-model sees of a trade: figures that are known when it opens."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from scorekeeper.learning.constants import DAY, HOUR

Floats = NDArray[np.float64]

# Features that neither the agents nor the trade's side bear on; and those of symbols.
MARKET = ("hour_size", "day_size", "hour_unknown", "day_unknown", "hour_sine", "hour_cosine", "weekend", "hold")
SYMBOL = "symbol:"

SMALLEST_MOVE = 1e-8  # a flat hour has no logarithm
_MONDAY = 3  # 1970-01-01 was a Thursday: the fourth day of a week


@dataclass(frozen=True)
class Seen:
    """Trades as they were seen when they opened, one version, n rows in one order, as columns of shape (n,).

    `opened`, `expires`: microseconds since 1970. `side`: 1 or -1. `confidence`: the decision's, 0..100, NaN: none.
    `symbol`: its place in the list of symbols, -1: not in it. `score`: the learned vote's. `hour_size`, `day_size`: the
    mean size of log returns from candle to candle over the last hour and day; `hour_return`: the log return over the
    last hour; NaN: unknown.
    `awake`: how many agents call a direction; `agreeing`: how many of them the trade's side.
    `directions` (-1, 0, 1) and `sureness` (confidence as a fraction, 0.5 if missing): shape (n, agents).
    """

    opened: NDArray[np.int64]
    expires: NDArray[np.int64]
    side: NDArray[np.int8]
    confidence: Floats
    symbol: NDArray[np.int32]
    score: Floats
    hour_size: Floats
    day_size: Floats
    hour_return: Floats
    awake: Floats
    agreeing: Floats
    directions: NDArray[np.int8]
    sureness: Floats

    def __getitem__(self, rows: NDArray[np.intp] | slice) -> "Seen":
        return Seen(*(getattr(self, field.name)[rows] for field in fields(self)))


def name_features(agents: Sequence[str], symbols: Sequence[str]) -> list[str]:
    """The columns of `build_features`, in their order."""
    return [
        *(f"agent:{agent}" for agent in agents),
        "agreeing", "awake", "confidence", "score", "hour_return",
        *MARKET,
        *(f"{SYMBOL}{symbol}" for symbol in symbols),
    ]  # fmt: skip


def is_of_market(name: str) -> bool:
    """Whether a feature says nothing of the agents or the trade's side."""
    return name in MARKET or name.startswith(SYMBOL)


def build_features(seen: Seen, symbols: int) -> Floats:
    """The features of each trade, shape (n, features); NaN where one is unknown.

    Of each agent: direction · confidence · side. Then the share of calls on the trade's side (0.5 without a call), the
    number of calls, the decision's confidence as a fraction (0.5 if missing), score · side, the last hour's return ·
    side (0 if unknown). Then those of the market alone: the logarithms of the sizes of moves, two flags for what is
    unknown; sine and cosine of the time of day, 1 on Saturday and Sunday (UTC), the logarithm of the planned hold in
    hours; 1 at the trade's symbol, of `symbols`.

    How likely an agent's calls are right is not among them. It drifts slowly, so that it stands for the time: with it
    half of the power was lost in simulations (benchmarks/learning_meta.py).
    """
    n = len(seen.opened)
    side = seen.side.astype(np.float64)
    day_part = 2 * np.pi * (seen.opened % DAY) / DAY
    is_symbol = np.zeros((n, symbols))
    listed = np.flatnonzero(seen.symbol >= 0)
    is_symbol[listed, seen.symbol[listed]] = 1.0
    return np.column_stack(
        [
            seen.directions * seen.sureness * side[:, None],
            np.where(seen.awake > 0, seen.agreeing / np.maximum(seen.awake, 1.0), 0.5),
            seen.awake,
            np.where(np.isnan(seen.confidence), 50.0, seen.confidence) / 100,
            seen.score * side,
            np.where(np.isnan(seen.hour_return), 0.0, seen.hour_return) * side,
            np.log(np.maximum(seen.hour_size, SMALLEST_MOVE)),
            np.log(np.maximum(seen.day_size, SMALLEST_MOVE)),
            np.isnan(seen.hour_size),
            np.isnan(seen.day_size),
            np.sin(day_part),
            np.cos(day_part),
            (seen.opened // DAY + _MONDAY) % 7 >= 5,
            np.log(np.maximum(seen.expires - seen.opened, 1) / HOUR),
            is_symbol,
        ]
    )


def measure_moves(
    minutes: NDArray[np.int64], closes: Floats, opened: NDArray[np.int64], *, candle: int, known_from: int
) -> tuple[Floats, Floats, Floats]:
    """How a symbol moved before each trade: mean size of log returns over the last hour and day, last hour's return.

    `minutes`: when each candle begins, ascending, shape (m,), with its `closes`. `candle`: how long one lasts.
    `opened`: shape (n,). All times in microseconds since 1970. Candles count from `known_from` on, and when they have
    ended at or before the trade's opening. A return counts between neighbouring candles. Returns three arrays of shape
    (n,): NaN where returns cover less than half of the hour or day; for the hour's return also without a candle that
    ended in the hour before it.

    Sizes are added as whole numbers of 2**-40, so that the sum does not depend on where the candles begin.

    >>> minutes = np.arange(61) * 60_000_000
    >>> closes = np.exp(np.arange(61) / 1000)
    >>> [round(float(one[0]), 6) for one in measure_moves(
    ...     minutes, closes, np.array([61 * 60_000_000]), candle=60_000_000, known_from=0)]
    [0.001, nan, 0.06]
    """
    kept = minutes >= known_from
    ends, logs = minutes[kept] + candle, np.log(closes[kept])
    neighbours = np.diff(ends) == candle
    steps = np.where(neighbours, np.diff(logs), 0.0)
    sizes = np.concatenate([[0, 0], np.cumsum(np.rint(np.abs(steps) * 2.0**40).astype(np.int64))])
    counts = np.concatenate([[0, 0], np.cumsum(neighbours)])
    if not len(ends):
        sizes, counts = np.zeros(1, np.int64), np.zeros(1, np.int64)
    last = np.searchsorted(ends, opened, side="right")  # how many candles have ended

    def mean_size(span: int) -> Floats:
        # A return belongs to the span in which its candle lies whole.
        first = np.searchsorted(ends, opened - span, side="right")
        number = counts[last] - counts[first]
        mean = (sizes[last] - sizes[first]) / 2.0**40 / np.maximum(number, 1)
        return np.where(number * candle * 2 >= span, mean, np.nan)

    hour = mean_size(HOUR)
    before = np.searchsorted(ends, opened - HOUR, side="right")
    gone = np.full(len(opened), np.nan)
    known = np.zeros(len(opened), dtype=np.bool_)
    if len(ends):
        # Behind a gap of an hour there is no price of an hour ago.
        known = ~np.isnan(hour) & (before > 0) & (ends[np.maximum(before - 1, 0)] > opened - 2 * HOUR)
    gone[known] = logs[last[known] - 1] - logs[before[known] - 1]
    return hour, mean_size(DAY), gone
