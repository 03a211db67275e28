"""The rules of a trade's life in plain loops: slow, obviously right, and without code of the product.

tests/recounted.py gives the figures of what this decides.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class RefCandle:
    minute_at: datetime
    open: float
    high: float
    low: float
    close: float
    volume: float
    ends_at: datetime | None = None

    @property
    def end(self) -> datetime:
        return self.minute_at + MINUTE if self.ends_at is None else self.ends_at


@dataclass(frozen=True)
class RefDecision:
    trade_id: str
    symbol: str
    version: str
    direction: int
    price: float | None
    opened_at: datetime
    expires_at: datetime
    stop_loss: float | None
    take_profit: float | None
    trailing_stop_pct: float | None
    fee_bps: float
    close_requested_at: datetime | None
    signals: dict[str, tuple[int, float | None]]
    signal_at: datetime | None = None
    exit_side: int | None = None
    closes: tuple[str, ...] | None = None
    given_id: str | None = None


@dataclass(frozen=True)
class RefExit:
    exit_time: datetime
    exit_price: float
    exit_reason: str
    ambiguous_exit: bool
    price_age_seconds: float | None
    pnl_pct: float
    net_pnl_pct: float
    mfe_pct: float
    mae_pct: float


def floor_minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def at_once(moment: datetime) -> datetime:
    """With candles of a minute, one may end in every minute."""
    return moment


def sealed_by_file(
    candles: list[RefCandle], as_of: datetime, quiet: Callable[[datetime], datetime] = at_once
) -> datetime:
    """Every minute before this is sealed: up to the end of the last candle of the file, and never beyond as_of.

    `quiet`: the last minute until which no further candle of the market ends.
    """
    return min(as_of, quiet(candles[-1].end)) if candles else datetime.min.replace(tzinfo=UTC)


def sealed_by_exchange(
    candles: list[RefCandle], as_of: datetime, grace_minutes: int, quiet: Callable[[datetime], datetime] = at_once
) -> datetime:
    """Every minute before this is sealed: up to the last complete candle, and whatever ended long enough ago."""
    sealed = as_of - grace_minutes * MINUTE
    for candle in candles:
        if candle.end <= as_of:
            sealed = max(sealed, candle.end)
    return min(as_of, quiet(sealed))


def known(candles: list[RefCandle], sealed: datetime) -> list[RefCandle]:
    return [candle for candle in candles if candle.end <= sealed]


def fill_at_expiry(
    candles: list[RefCandle], opened_at: datetime, due_at: datetime
) -> tuple[datetime, float, float] | None:
    """(exit time, price, age): the last close after the entry and by due_at, else the first open from due_at on."""
    closes = [c for c in candles if opened_at < c.end <= due_at]
    if closes:
        return due_at, closes[-1].close, (due_at - closes[-1].end).total_seconds()
    later = [c for c in candles if c.minute_at >= due_at]
    if later:
        return later[0].minute_at, later[0].open, 0.0
    return None


def close_that_counts(asked_at: list[datetime], opened_at: datetime) -> datetime | None:
    """The first request to close a trade that is open: later ones, and those from before it opened, are refused."""
    return min((at for at in asked_at if at >= opened_at), default=None)


def asked_at(exit: RefDecision, trade: RefDecision, trades: set[str]) -> datetime | None:
    """When an exit decision asks for the close of a trade, if it does; `trades`: the ids of that symbol's."""
    if exit.exit_side is None or exit.symbol != trade.symbol or exit.exit_side == -trade.direction:
        return None
    if exit.closes is not None:
        asks = trade.trade_id in exit.closes and exit.opened_at >= trade.opened_at
    elif exit.given_id in trades:
        asks = trade.trade_id == exit.given_id and exit.opened_at >= trade.opened_at
    else:
        asks = trade.version == exit.version and exit.opened_at > trade.opened_at
    moment = max(floor_minute(exit.opened_at), trade.opened_at)
    return moment if asks and moment < trade.expires_at else None


def first_signal(trade: RefDecision, exits: list[RefDecision], trades: set[str]) -> tuple[datetime | None, str | None]:
    """When the first of the exit decisions asks for a trade's close, and its id."""
    best: RefDecision | None = None
    for exit in exits:
        if asked_at(exit, trade, trades) is None:
            continue
        if best is None or (exit.opened_at, exit.trade_id.encode()) < (best.opened_at, best.trade_id.encode()):
            best = exit
    return (None, None) if best is None else (asked_at(best, trade, trades), best.trade_id)


def gain_pct(direction: int, entry: float, price: float) -> float:
    if direction == 1:
        return (price - entry) / entry * 100
    return (entry - price) / entry * 100


def settle_trade(decision: RefDecision, candles: list[RefCandle], sealed: datetime, as_of: datetime) -> RefExit | None:
    candles = known(candles, sealed)
    entry = decision.price
    assert entry is not None
    long = decision.direction == 1
    target, trailing = decision.take_profit, decision.trailing_stop_pct
    due_at = decision.expires_at
    reason = "expired"
    if decision.close_requested_at is not None and decision.close_requested_at < due_at:
        due_at, reason = decision.close_requested_at, "manual"
    if decision.signal_at is not None and decision.signal_at < due_at:
        due_at, reason = decision.signal_at, "signal"

    lived: list[RefCandle] = []
    for candle in candles:
        if candle.minute_at < decision.opened_at or candle.end > due_at:
            continue
        stop, stop_reason = decision.stop_loss, "stop_loss"
        if trailing is not None:
            if long:
                level = max([entry, *(c.high for c in lived)]) * (1 - trailing / 100)
                tighter = stop is None or level > stop
            else:
                level = min([entry, *(c.low for c in lived)]) * (1 + trailing / 100)
                tighter = stop is None or level < stop
            if tighter:
                stop, stop_reason = level, "trailing_stop"
        stopped = stop is not None and (candle.low <= stop if long else candle.high >= stop)
        reached = target is not None and (candle.high >= target if long else candle.low <= target)
        if not stopped and not reached:
            lived.append(candle)
            continue
        takes = reached
        if stopped and reached:
            assert target is not None
            takes = candle.open >= target if long else candle.open <= target
        if takes:
            assert target is not None
            price, reason = target, "take_profit"
        else:
            assert stop is not None
            beyond = candle.open <= stop if long else candle.open >= stop
            price, reason = (candle.open if beyond else stop), stop_reason
        return finish(decision, candle.end, price, reason, stopped and reached, None, lived)

    if due_at > as_of or sealed < floor_minute(due_at):
        return None
    fill = fill_at_expiry(candles, decision.opened_at, due_at)
    if fill is None:
        return None
    return finish(decision, fill[0], fill[1], reason, False, fill[2], lived)


def finish(
    decision: RefDecision,
    time: datetime,
    price: float,
    reason: str,
    ambiguous: bool,
    age: float | None,
    lived: list[RefCandle],
) -> RefExit:
    entry = decision.price
    assert entry is not None
    pnl = gain_pct(decision.direction, entry, price)
    reached = [pnl]
    for candle in lived:
        reached.append(gain_pct(decision.direction, entry, candle.high))
        reached.append(gain_pct(decision.direction, entry, candle.low))
    net = pnl - decision.fee_bps / 100 * (1 + price / entry)
    return RefExit(time, price, reason, ambiguous, age, pnl, net, max(0.0, max(reached)), min(0.0, min(reached)))


def reference_price(decision: RefDecision, candles: list[RefCandle], sealed: datetime) -> float | None:
    if sealed < floor_minute(decision.opened_at):
        return None
    candles = known(candles, sealed)
    week_ago = decision.opened_at - timedelta(days=7)
    complete = [c for c in candles if week_ago <= c.minute_at and c.end <= decision.opened_at]
    if complete:
        return complete[-1].close
    later = [c for c in candles if c.end > decision.opened_at]
    return later[0].open if later else None


def is_suspect(decision: RefDecision, candles: list[RefCandle], sealed: datetime, limit_pct: float) -> bool:
    reference = reference_price(decision, candles, sealed)
    if reference is None or decision.price is None:
        return False
    return abs(decision.price - reference) / reference * 100 > limit_pct


def horizon_return(decision: RefDecision, candles: list[RefCandle], sealed: datetime, as_of: datetime) -> float | None:
    if decision.expires_at > as_of or sealed < floor_minute(decision.expires_at):
        return None
    base = decision.price if decision.price is not None else reference_price(decision, candles, sealed)
    fill = fill_at_expiry(known(candles, sealed), decision.opened_at, decision.expires_at)
    return None if fill is None or base is None else (fill[1] - base) / base * 100


@dataclass(frozen=True)
class RefScored:
    """A decision with what became of it."""

    decision: RefDecision
    exit: RefExit | None
    horizon_return_pct: float | None
    suspect: bool
    voided: bool = False
