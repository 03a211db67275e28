"""A symbol's candles as far as decisions need them that pass by in order of time; trades walked over them at once.

A test compares each answer with that of candle_walk.py, which goes candle by candle.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from scorekeeper.verify.candle_walk import Candle, Exit, TradeTerms, exit_at, stop_in_force, touch

LOOK_BACK = timedelta(days=7)  # a price of before the decision may be this old
_FORGET_AT = 20_000  # candles that are not needed any more


class CandleWindow:
    """Sealed candles in order, read in `blocks` as they are needed. `opens`, `ends`: when they open, and end."""

    def __init__(self, blocks: Iterator[Sequence[Candle]]) -> None:
        self._blocks = blocks
        self.candles: list[Candle] = []
        self.opens: list[datetime] = []
        self.ends: list[datetime] = []
        self._highs, self._lows = np.empty(0), np.empty(0)

    def move(self, opened_at: datetime, until: datetime) -> None:
        """Have every candle from LOOK_BACK before `opened_at` to the first that opens at or after `until`.

        `opened_at` never goes back.
        """
        while not self.opens or self.opens[-1] < until:
            block = next(self._blocks, None)
            if block is None:
                break
            self._take(block, opened_at)

    def _take(self, block: Sequence[Candle], opened_at: datetime) -> None:
        # Of equal moments none is dropped: a price exactly as old as may be counts.
        gone = bisect_left(self.opens, opened_at - LOOK_BACK)
        if gone < _FORGET_AT:
            gone = 0
        self.candles = [*self.candles[gone:], *block]
        self.opens = [*self.opens[gone:], *(one.minute_at for one in block)]
        self.ends = [*self.ends[gone:], *(one.ends_at for one in block)]
        self._highs = np.concatenate((self._highs[gone:], [one.high for one in block]))
        self._lows = np.concatenate((self._lows[gone:], [one.low for one in block]))

    def fill(self, opened_at: datetime, due_at: datetime) -> tuple[datetime, float, float] | None:
        """As candle_walk.expiry_fill."""
        last = bisect_right(self.ends, due_at) - 1
        if last >= 0 and self.ends[last] > opened_at:
            return due_at, self.candles[last].close, (due_at - self.ends[last]).total_seconds()
        later = bisect_left(self.opens, due_at)
        return (self.opens[later], self.candles[later].open, 0.0) if later < len(self.opens) else None

    def walk(self, terms: TradeTerms, sealed_until: datetime, as_of: datetime) -> Exit | None:
        """As candle_walk.walk_trade."""
        asked, by_signal = terms.close_requested_at or terms.expires_at, terms.signal_at or terms.expires_at
        due_at = min(terms.expires_at, asked, by_signal)
        first, end = bisect_left(self.opens, terms.opened_at), bisect_right(self.ends, due_at)
        place = self._first_touch(terms, first, end)
        if place is not None:
            candle, best = self.candles[place], self._best(terms, first, place)
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

    def _first_touch(self, terms: TradeTerms, first: int, end: int) -> int | None:
        """The first candle whose range holds the stop or the target."""
        if first >= end:
            return None
        # A short trade is a long one with prices turned around.
        way, lows, highs = terms.direction, self._lows[first:end], self._highs[first:end]
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
            return max(terms.entry_price, float(self._highs[first:place].max()))
        return min(terms.entry_price, float(self._lows[first:place].min()))

    def _extremes(self, first: int, end: int) -> tuple[list[float], list[float]]:
        """The highest and the lowest price of these candles, as lists that are empty if there is none."""
        if first >= end:
            return [], []
        return [float(self._highs[first:end].max())], [float(self._lows[first:end].min())]
