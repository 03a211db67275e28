"""A trade's life candle by candle: the rules once more, in plain Python, for `verify` to hold the SQL against."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Candle:
    """One sealed minute: its opening, and open, high, low, close."""

    minute_at: datetime
    open: float
    high: float
    low: float
    close: float


@dataclass(frozen=True)
class Held:
    """What decides a trade's life, as decided; `direction` +1 or -1, prices in quote currency, fee a side in bps.

    `close_requested_at`: asked for by hand, `signal_at`: by a decision; the first one holds.
    `trailing_stop_pct`: percent, between 0 and 100, that the stop stays behind the best price.
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


@dataclass(frozen=True)
class Exit:
    """How a trade ended: percent of entry, seconds, UTC."""

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
    """Where a trailing stop lies: so many percent behind the best price (long: the highest, short: the lowest)."""
    if direction > 0:
        return best_price * (1 - trailing_stop_pct / 100)
    return best_price * (1 + trailing_stop_pct / 100)


def expiry_fill(
    candles: Sequence[Candle], opened_at: datetime, due_at: datetime
) -> tuple[datetime, float, float] | None:
    """(time, price, age in seconds) of an expiry at `due_at`, or None while there is no price.

    `candles`: sealed, in order, from the minute that contains `opened_at` on.
    """
    last: Candle | None = None
    for candle in candles:
        if opened_at < candle.minute_at + MINUTE <= due_at:
            last = candle
        elif candle.minute_at >= due_at and last is None:
            return candle.minute_at, candle.open, 0.0
    if last is None:
        return None
    return due_at, last.close, (due_at - last.minute_at - MINUTE).total_seconds()


def walk_trade(held: Held, candles: Sequence[Candle], sealed_until: datetime, as_of: datetime) -> Exit | None:
    """How the trade ended by `as_of`, or None while it is open; candles as in expiry_fill, sealed before that time."""
    by_hand, by_signal = held.close_requested_at or held.expires_at, held.signal_at or held.expires_at
    due_at = min(held.expires_at, by_hand, by_signal)
    highs: list[float] = []
    lows: list[float] = []
    best_price = held.entry_price
    for candle in candles:
        if candle.minute_at < held.opened_at or candle.minute_at + MINUTE > due_at:
            continue
        stop, stop_reason = _stop_in_force(held, best_price)
        at_stop = stop is not None and (candle.low <= stop if held.direction > 0 else candle.high >= stop)
        at_target = held.take_profit is not None and (
            candle.high >= held.take_profit if held.direction > 0 else candle.low <= held.take_profit
        )
        if at_stop or at_target:
            price, reason = _touch(held, candle, stop if at_stop else None, stop_reason, at_target)
            return _exit(held, candle.minute_at + MINUTE, price, reason, at_stop and at_target, None, highs, lows)
        highs.append(candle.high)
        lows.append(candle.low)
        best_price = max(best_price, candle.high) if held.direction > 0 else min(best_price, candle.low)
    if due_at > as_of or sealed_until < due_at.replace(second=0, microsecond=0):
        return None
    fill = expiry_fill(candles, held.opened_at, due_at)
    if fill is None:
        return None
    reason = "expired" if due_at == held.expires_at else "manual" if due_at == by_hand else "signal"
    return _exit(held, fill[0], fill[1], reason, False, fill[2], highs, lows)


def _stop_in_force(held: Held, best_price: float) -> tuple[float | None, str]:
    """The tighter of stop and trailing level, and the reason of an exit there; the stop where they are equal."""
    if held.trailing_stop_pct is None:
        return held.stop_loss, "stop_loss"
    level = trailing_level(held.direction, best_price, held.trailing_stop_pct)
    if held.stop_loss is not None and held.direction * (level - held.stop_loss) <= 0:
        return held.stop_loss, "stop_loss"
    return level, "trailing_stop"


def _touch(held: Held, candle: Candle, stop: float | None, stop_reason: str, at_target: bool) -> tuple[float, str]:
    if at_target:
        assert held.take_profit is not None
        beyond = held.direction * (candle.open - held.take_profit) >= 0
        if beyond or stop is None:
            return held.take_profit, "take_profit"
    assert stop is not None
    worse = min if held.direction > 0 else max
    return worse(stop, candle.open), stop_reason


def _exit(
    held: Held,
    time: datetime,
    price: float,
    reason: str,
    ambiguous: bool,
    age: float | None,
    highs: list[float],
    lows: list[float],
) -> Exit:
    def gain(at: float) -> float:
        moved = at - held.entry_price if held.direction > 0 else held.entry_price - at
        return moved / held.entry_price * 100

    pnl = gain(price)
    extremes = [pnl, *(gain(p) for p in (max(highs, default=price), min(lows, default=price)))]
    net = pnl - held.fee_bps / 100 * (1 + price / held.entry_price)
    return Exit(time, price, reason, ambiguous, age, pnl, net, max(0.0, *extremes), min(0.0, *extremes))
