"""A symbol's candles as far as decisions need them that pass by in order of time; trades walked over them at once.

A test compares each answer with that of candle_walk.py, which goes candle by candle.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scorekeeper.verify.candle_walk import Candle, Exit, TradeTerms, exit_at, stop_in_force, touch

LOOK_BACK = timedelta(days=7)  # a price of before the decision may be this old
_FORGET_AT = 20_000  # candles that are not needed any more
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Floats = NDArray[np.float64]
Moments = NDArray[np.int64]  # microseconds since 1970


class CandleBlock(NamedTuple):
    """Candles in order, as columns: when each opens, its open, high, low and close, and when it ends."""

    opens: Moments
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    ends: Moments


_NOTHING = CandleBlock._make(np.empty(0, kind) for kind in (np.int64, *[np.float64] * 4, np.int64))


class CandleWindow:
    """Sealed candles in order, read in `blocks` as they are needed. `candles`: those that are here, as columns."""

    def __init__(self, blocks: Iterator[CandleBlock]) -> None:
        self._blocks = blocks
        self.candles = _NOTHING

    def move(self, opened_at: datetime, until: datetime) -> None:
        """Have every candle from LOOK_BACK before `opened_at` to the first that opens at or after `until`.

        `opened_at` never goes back.
        """
        end = as_micros(until)
        while not len(self.candles.opens) or self.candles.opens[-1] < end:
            block = next(self._blocks, None)
            if block is None:
                break
            # Of equal moments none is dropped: a price exactly as old as may be counts.
            gone = self._first_from(opened_at - LOOK_BACK)
            if gone < _FORGET_AT:
                gone = 0
            kept = (column[gone:] for column in self.candles)
            self.candles = CandleBlock._make(map(np.concatenate, zip(kept, block, strict=True)))

    def _first_from(self, moment: datetime) -> int:
        """The place of the first candle that opens at or after a moment."""
        return int(self.candles.opens.searchsorted(as_micros(moment)))

    def _ended_by(self, moment: datetime) -> int:
        """How many candles have ended by a moment."""
        return int(self.candles.ends.searchsorted(as_micros(moment), side="right"))

    def close_before(self, moment: datetime, since: datetime) -> float | None:
        """The close of the last candle that has ended by a moment and opens at or after `since`."""
        ended = self._ended_by(moment)
        return float(self.candles.close[ended - 1]) if ended > self._first_from(since) else None

    def open_after(self, moment: datetime) -> float | None:
        """The open of the first candle that ends after a moment."""
        ended = self._ended_by(moment)
        return float(self.candles.open[ended]) if ended < len(self.candles.open) else None

    def fill(self, opened_at: datetime, due_at: datetime) -> tuple[datetime, float, float] | None:
        """As candle_walk.expiry_fill."""
        candles, last = self.candles, self._ended_by(due_at) - 1
        if last >= 0 and (end := int(candles.ends[last])) > as_micros(opened_at):
            return due_at, float(candles.close[last]), (as_micros(due_at) - end) / 1_000_000
        later = self._first_from(due_at)
        if later == len(candles.opens):
            return None
        return as_moment(candles.opens[later]), float(candles.open[later]), 0.0

    def walk(self, terms: TradeTerms, sealed_until: datetime, as_of: datetime) -> Exit | None:
        """As candle_walk.walk_trade."""
        asked, by_signal = terms.close_requested_at or terms.expires_at, terms.signal_at or terms.expires_at
        due_at = min(terms.expires_at, asked, by_signal)
        first, end = self._first_from(terms.opened_at), self._ended_by(due_at)
        place = self._first_touch(terms, first, end)
        if place is not None:
            candle, best = self._candle(place), self._best(terms, first, place)
            stop, reason = stop_in_force(terms, best)
            at_stop = stop is not None and (candle.low <= stop if terms.direction > 0 else candle.high >= stop)
            at_target = terms.take_profit is not None and (
                candle.high >= terms.take_profit if terms.direction > 0 else candle.low <= terms.take_profit
            )
            price, reason = touch(terms, candle, stop if at_stop else None, reason, at_target)
            both = at_stop and at_target
            return exit_at(terms, candle.ends_at, price, reason, both, None, *self._extremes(first, place))
        if due_at > as_of or sealed_until < due_at.replace(second=0, microsecond=0):
            return None
        fill = self.fill(terms.opened_at, due_at)
        if fill is None:
            return None
        reason = "expired" if due_at == terms.expires_at else "manual" if due_at == asked else "signal"
        return exit_at(terms, fill[0], fill[1], reason, False, fill[2], *self._extremes(first, end))

    def _candle(self, place: int) -> Candle:
        opens, first, high, low, last, ends = (column[place] for column in self.candles)
        return Candle(as_moment(opens), float(first), float(high), float(low), float(last), as_moment(ends))

    def _first_touch(self, terms: TradeTerms, first: int, end: int) -> int | None:
        """The first candle whose range holds the stop or the target."""
        if first >= end:
            return None
        # A short trade is a long one with prices turned around.
        way, lows, highs = terms.direction, self.candles.low[first:end], self.candles.high[first:end]
        worst, best = (lows, highs) if way > 0 else (-highs, -lows)
        touched: NDArray[np.bool_] | None = None
        if terms.trailing_stop_pct is not None:
            before = np.maximum.accumulate(np.concatenate(([way * terms.entry_price], best[:-1])))
            # The same operations in the same order as trailing_level.
            level = before * (1 - way * terms.trailing_stop_pct / 100)
            touched = worst <= (level if terms.stop_loss is None else np.maximum(level, way * terms.stop_loss))
        elif terms.stop_loss is not None:
            touched = worst <= way * terms.stop_loss
        if terms.take_profit is not None:
            at_target = best >= way * terms.take_profit
            touched = at_target if touched is None else touched | at_target
        if touched is None or not touched.any():
            return None
        return first + int(touched.argmax())

    def _best(self, terms: TradeTerms, first: int, place: int) -> float:
        if first == place:
            return terms.entry_price
        if terms.direction > 0:
            return max(terms.entry_price, float(self.candles.high[first:place].max()))
        return min(terms.entry_price, float(self.candles.low[first:place].min()))

    def _extremes(self, first: int, end: int) -> tuple[list[float], list[float]]:
        """The highest and the lowest price of these candles, as lists that are empty if there is none."""
        if first >= end:
            return [], []
        return [float(self.candles.high[first:end].max())], [float(self.candles.low[first:end].min())]


def as_micros(moment: datetime) -> int:
    """Microseconds since 1970.

    >>> as_micros(datetime(1970, 1, 2, tzinfo=UTC))
    86400000000
    """
    return (moment - _EPOCH) // timedelta(microseconds=1)


def as_moment(micros: Any) -> datetime:
    """The moment so many microseconds after 1970.

    >>> as_moment(86_400_000_000).isoformat()
    '1970-01-02T00:00:00+00:00'
    """
    return _EPOCH + timedelta(microseconds=int(micros))
