"""A trade's life, candle by candle, in plain Python: `verify` compares what the SQL stored with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple


class Candle(NamedTuple):
    """One sealed candle: when it opens, its open, high, low and close, and when it is complete."""

    minute_at: datetime
    open: float
    high: float
    low: float
    close: float
    ends_at: datetime


@dataclass(frozen=True)
class TradeTerms:
    """What decides when and where a trade closes.

    `direction`: +1 (long) or -1 (short). Prices are in quote currency, `fee_bps` is per side.
    `trailing_stop_pct`: how far the stop stays behind the best price, in percent between 0 and 100.
    `close_requested_at` (by hand) and `signal_at` (by a decision): the earlier one closes the trade.
    What it costs beside its fee: see the columns of the table trade; None: none of it.
    """

    direction: int
    entry_price: float
    opened_at: datetime
    expires_at: datetime
    stop_loss: float | None
    take_profit: float | None
    trailing_stop_pct: float | None
    close_requested_at: datetime | None
    fee_bps: float
    signal_at: datetime | None = None
    entry_fee_bps: float | None = None
    target_fee_bps: float | None = None
    share_fee_pct: float | None = None
    min_fee: float | None = None
    spread_bps: float | None = None
    funding_bps_per_day: float | None = None
    position_value: float | None = None


@dataclass(frozen=True)
class Exit:
    """How a trade ended. P&L and excursions are in percent of the entry price, the age in seconds, times in UTC."""

    exit_time: datetime
    exit_price: float
    exit_reason: str
    ambiguous_exit: bool
    price_age_seconds: float | None
    pnl_pct: float
    net_pnl_pct: float
    mfe_pct: float
    mae_pct: float


def trailing_level(direction: int, best_price: float, trailing_stop_pct: float) -> float:
    """The price of a trailing stop: `trailing_stop_pct` percent behind the best price.

    The best price of a long trade is the highest, of a short trade the lowest.

    >>> trailing_level(1, 200.0, 5.0), trailing_level(-1, 200.0, 5.0)
    (190.0, 210.0)
    """
    if direction > 0:
        return best_price * (1 - trailing_stop_pct / 100)
    return best_price * (1 + trailing_stop_pct / 100)


def expiry_fill(
    candles: Sequence[Candle], opened_at: datetime, due_at: datetime
) -> tuple[datetime, float, float] | None:
    """(exit time, exit price, age of the price in seconds) of a close at `due_at`; None while there is no price.

    The price is the last close after the entry and not after `due_at`; without one, the first open from `due_at` on.
    `candles`: sealed, in order, from the one that contains `opened_at`.
    """
    last: Candle | None = None
    for candle in candles:
        if opened_at < candle.ends_at <= due_at:
            last = candle
        elif candle.minute_at >= due_at and last is None:
            return candle.minute_at, candle.open, 0.0
    if last is None:
        return None
    return due_at, last.close, (due_at - last.ends_at).total_seconds()


def walk_trade(terms: TradeTerms, candles: Sequence[Candle], sealed_until: datetime, as_of: datetime) -> Exit | None:
    """How the trade ended by `as_of`; None while it is open.

    `candles`: as in expiry_fill. Every candle that ends by `sealed_until` is sealed.
    """
    close_requests, by_signal = terms.close_requested_at or terms.expires_at, terms.signal_at or terms.expires_at
    due_at = min(terms.expires_at, close_requests, by_signal)
    highs: list[float] = []
    lows: list[float] = []
    best_price = terms.entry_price
    for candle in candles:
        if candle.minute_at < terms.opened_at or candle.ends_at > due_at:
            continue
        stop, stop_reason = stop_in_force(terms, best_price)
        at_stop = stop is not None and (candle.low <= stop if terms.direction > 0 else candle.high >= stop)
        at_target = terms.take_profit is not None and (
            candle.high >= terms.take_profit if terms.direction > 0 else candle.low <= terms.take_profit
        )
        if at_stop or at_target:
            price, reason = touch(terms, candle, stop if at_stop else None, stop_reason, at_target)
            return exit_at(terms, candle.ends_at, price, reason, at_stop and at_target, None, highs, lows)
        highs.append(candle.high)
        lows.append(candle.low)
        best_price = max(best_price, candle.high) if terms.direction > 0 else min(best_price, candle.low)
    if due_at > as_of or sealed_until < due_at.replace(second=0, microsecond=0):
        return None
    fill = expiry_fill(candles, terms.opened_at, due_at)
    if fill is None:
        return None
    reason = "expired" if due_at == terms.expires_at else "manual" if due_at == close_requests else "signal"
    return exit_at(terms, fill[0], fill[1], reason, False, fill[2], highs, lows)


def stop_in_force(terms: TradeTerms, best_price: float) -> tuple[float | None, str]:
    """The tighter of stop and trailing level, with its exit reason; the stop if they are equal."""
    if terms.trailing_stop_pct is None:
        return terms.stop_loss, "stop_loss"
    level = trailing_level(terms.direction, best_price, terms.trailing_stop_pct)
    if terms.stop_loss is not None and terms.direction * (level - terms.stop_loss) <= 0:
        return terms.stop_loss, "stop_loss"
    return level, "trailing_stop"


def touch(
    terms: TradeTerms, candle: Candle, stop: float | None, stop_reason: str, at_target: bool
) -> tuple[float, str]:
    """The price and the reason of an exit in this candle, whose range holds the stop, the target or both."""
    if at_target:
        assert terms.take_profit is not None
        beyond = terms.direction * (candle.open - terms.take_profit) >= 0
        if beyond or stop is None:
            return terms.take_profit, "take_profit"
    assert stop is not None
    worse = min if terms.direction > 0 else max
    return worse(stop, candle.open), stop_reason


def exit_at(
    terms: TradeTerms,
    time: datetime,
    price: float,
    reason: str,
    ambiguous: bool,
    age: float | None,
    highs: Sequence[float],
    lows: Sequence[float],
) -> Exit:
    """The exit at a time and price; `highs`, `lows`: of the candles that the trade lived through whole."""
    def gain(at: float) -> float:
        moved = at - terms.entry_price if terms.direction > 0 else terms.entry_price - at
        return moved / terms.entry_price * 100

    pnl = gain(price)
    extremes = [pnl, *(gain(p) for p in (max(highs, default=price), min(lows, default=price)))]
    net = pnl - terms.fee_bps / 100 * (1 + price / terms.entry_price) - _other_costs(terms, time, price, reason)
    return Exit(time, price, reason, ambiguous, age, pnl, net, max(0.0, *extremes), min(0.0, *extremes))


def _other_costs(terms: TradeTerms, time: datetime, price: float, reason: str) -> float:
    """What the trade costs beside its fee on both sides, in percent of the entry price."""
    ratio = price / terms.entry_price
    share = terms.share_fee_pct or 0.0
    entry = share if terms.entry_fee_bps is None else (terms.entry_fee_bps - terms.fee_bps) / 100 + share
    exit_ = share
    if reason == "take_profit" and terms.target_fee_bps is not None:
        exit_ = (terms.target_fee_bps - terms.fee_bps) / 100 * ratio + share
    missing_at_entry = missing_at_exit = 0.0
    if terms.min_fee is not None and terms.position_value is not None:
        least = terms.min_fee * 100 / terms.position_value
        missing_at_entry = max(0.0, least - (terms.fee_bps / 100 + entry))
        missing_at_exit = max(0.0, least - (terms.fee_bps / 100 * ratio + exit_))
    spread = 0.0 if terms.spread_bps is None else terms.spread_bps / 200 * (1 + ratio)
    funding = 0.0
    if terms.funding_bps_per_day is not None:
        days = (time - terms.opened_at).total_seconds() / 86400
        funding = terms.direction * terms.funding_bps_per_day / 100 * days
    return entry + missing_at_entry + exit_ + missing_at_exit + spread + funding
