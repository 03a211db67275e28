"""Trades over a window of candles end as a walk candle by candle says."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from scorekeeper.verify import candle_window
from scorekeeper.verify.candle_walk import Candle, TradeTerms, expiry_fill, walk_trade
from scorekeeper.verify.candle_window import LOOK_BACK, CandleBlock, CandleWindow, as_micros, as_moment

START = datetime(2025, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
prices = st.integers(90, 110).map(float)


@st.composite
def candle_lists(draw: st.DrawFn) -> list[Candle]:
    """Candles of one to three minutes with gaps, in order."""
    at, found = START, []
    for gap, length, one, other, low, high in draw(
        st.lists(
            st.tuples(st.sampled_from([0, 0, 0, 1, 5, 12_000]), st.integers(1, 3), prices, prices, st.integers(0, 4),
                      st.integers(0, 4)),
            max_size=25,
        )
    ):  # fmt: skip
        at += gap * MINUTE
        found.append(Candle(at, one, max(one, other) + high, min(one, other) - low, other, at + length * MINUTE))
        at += length * MINUTE
    return found


@st.composite
def terms_of(draw: st.DrawFn, opened: datetime) -> TradeTerms:
    direction, entry = draw(st.sampled_from([1, -1])), draw(prices)
    expires = opened + draw(st.integers(1, 40)) * MINUTE
    seconds = st.none() | st.integers(0, 2_400).map(lambda after: opened + timedelta(seconds=after))
    return TradeTerms(
        direction, entry, opened, expires, draw(st.none() | st.just(entry - direction * draw(st.integers(1, 8)))),
        draw(st.none() | st.just(entry + direction * draw(st.integers(1, 8)))),
        draw(st.none() | st.sampled_from([1.0, 3.7, 10.0])), draw(seconds), 10.0, draw(seconds),
    )  # fmt: skip


def in_blocks(candles: list[Candle], size: int) -> Iterator[CandleBlock]:
    for at in range(0, len(candles), size):
        rows = [(as_micros(one[0]), *one[1:5], as_micros(one[5])) for one in candles[at : at + size]]
        yield CandleBlock._make(map(np.array, zip(*rows, strict=True)))


def in_window(window: CandleWindow) -> list[Candle]:
    return [
        Candle._make((as_moment(row[0]), *row[1:5], as_moment(row[5])))
        for row in zip(*(column.tolist() for column in window.candles), strict=True)
    ]


@given(candle_lists(), st.data())
def test_a_trade_over_columns_ends_as_one_walked_candle_by_candle(candles: list[Candle], data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 9))
    moments = [one.minute_at for one in candles] or [START]
    opened = [
        moment + timedelta(seconds=data.draw(st.integers(-200, 200)))
        for moment in data.draw(st.lists(st.sampled_from(moments), max_size=8))
    ]
    sealed = data.draw(st.sampled_from([one.ends_at for one in candles] or [START]))
    with patch.object(candle_window, "_FORGET_AT", 2):
        window = CandleWindow(in_blocks(candles, size))
        for moment in sorted(opened):
            terms = data.draw(terms_of(moment))
            window.move(moment, max(terms.expires_at, terms.close_requested_at or terms.expires_at))
            lived = [one for one in candles if one.ends_at > moment]
            assert window.walk(terms, sealed, sealed) == walk_trade(terms, lived, sealed, sealed)
            assert window.fill(moment, terms.expires_at) == expiry_fill(lived, moment, terms.expires_at)
            before = [one for one in candles if one.ends_at <= moment and one.minute_at >= moment - LOOK_BACK]
            assert [one for one in in_window(window) if one in before] == before
            since = moment - data.draw(st.sampled_from([5 * MINUTE, LOOK_BACK]))
            near = [one.close for one in before if one.minute_at >= since]
            assert window.close_before(moment, since) == (near[-1] if near else None)
            assert window.open_after(moment) == (lived[0].open if lived else None)


def test_forgotten_candles_are_older_than_any_price_that_counts() -> None:
    candles = [Candle(START + n * MINUTE, 1.0, 1.0, 1.0, 1.0, START + (n + 1) * MINUTE) for n in range(40_000)]
    window = CandleWindow(in_blocks(candles, 5_000))
    for minute in range(0, 39_000, 500):
        window.move(START + minute * MINUTE, START + (minute + 60) * MINUTE)
    kept = in_window(window)
    assert len(kept) < 40_000
    assert kept[0].minute_at <= START + 38_500 * MINUTE - LOOK_BACK
    assert kept == candles[candles.index(kept[0]) :][: len(kept)]
    assert kept[-1] in candles[39_000 - 500 + 60 :]
