"""How the market moved before a trade, over columns, is what the definition says candle by candle."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorekeeper.verify.remeta import DAY, HOUR
from scorekeeper.verify.remeta_moves import measure_moves

MINUTE = HOUR // 60


@given(
    st.sampled_from([MINUTE, 15 * MINUTE, HOUR, DAY]),
    st.lists(st.tuples(st.sampled_from([1, 1, 1, 1, 1, 1, 2, 5]), st.integers(90, 110)), max_size=200),
    st.integers(0, 200), st.integers(-90, 90), st.integers(0, 100),
)  # fmt: skip
def test_moves_over_columns_are_those_of_candle_by_candle(
    width: int, steps: list[tuple[int, int]], at: int, seconds: int, from_step: int
) -> None:
    places = [sum(gap for gap, _ in steps[: number + 1]) for number in range(len(steps))]
    candles = [(1_000 * DAY + place * width, float(price)) for place, (_, price) in zip(places, steps, strict=True)]
    opened, first = 1_000 * DAY + at * width + seconds * 1_000_000, 1_000 * DAY + from_step * width
    sizes: dict[int, list[float]] = {HOUR: [], DAY: []}
    last = earlier = before = None
    for opens, close in candles:
        age = opened - opens - width
        if opens < first or age < 0 or opens < opened - DAY - 2 * width:
            continue
        for length, found in sizes.items():
            if before is not None and opens - before[0] == width and age < length:
                found.append(abs(math.log(close) - math.log(before[1])))
        before, last = (opens, close), close
        earlier = close if HOUR <= age < 2 * HOUR else earlier
    hour, day = (
        sum(found) / len(found) if 2 * len(found) * width >= length else None for length, found in sizes.items()
    )
    moved = None if hour is None or earlier is None or last is None else math.log(last) - math.log(earlier)
    opens_at = np.array([opens for opens, _ in candles], dtype=np.int64)
    again = measure_moves(opens_at, np.log([close for _, close in candles]), opened, width, first)
    for value, wanted in zip((again.hour_size, again.day_size, again.hour_return), (hour, day, moved), strict=True):
        assert value == (None if wanted is None else pytest.approx(wanted, rel=1e-12, abs=1e-12))
