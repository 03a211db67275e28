"""Candles for all that is open or undecided: one symbol that fails stops no other."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.exc import DataError, IntegrityError

from scorekeeper.decisions.symbols import spell
from scorekeeper.errors import ScorekeeperError
from scorekeeper.market import (
    CandleFileError,
    Market,
    MarketError,
    UnknownSymbolError,
    binding,
    open_market,
    sealed_candles,
    symbol_list,
)
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from scorekeeper.threads import run_in_thread

SYMBOLS_AT_ONCE = 20
REPORT_SECONDS = 3.0
MOST_NAMED = 5
MOST_SAID = 1_000  # characters of a market's words that are kept
CLOCK_TOLERANCE = timedelta(seconds=5)
LOCAL_AHEAD = timedelta(minutes=5)  # so far the local clock is believed where it differs
Tell = Callable[[int, str], object]  # a level of the logging module, and what is said: Logger.log is one


@dataclass
class Prices:
    """What fetching did: symbols gone through and answered for, candles new, and what is wrong, a line each.

    `ends`: symbols whose candle files end too early for `as_of`. `troubles`: what is kept of all that, a row a symbol.
    """

    symbols: int = 0
    answered: int = 0
    candles: int = 0
    unknown: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    troubles: list[dict[str, str]] = field(default_factory=list)

    def note(self, symbol: str, kind: str, says: str) -> None:
        """Keep why a symbol has no prices: a row of price_trouble."""
        self.troubles.append({"symbol": symbol, "kind": kind, "says": says[:MOST_SAID]})


async def fetch_prices(
    db: Database,
    settings: Settings,
    as_of: datetime,
    *,
    now: datetime,
    tell: Tell,
    settle_first: sealed_candles.SettleFirst,
    on_percent: Callable[[float], Awaitable[None]] | None = None,
) -> Prices:
    """Candles up to `as_of` for every symbol that has something open or undecided.

    `now` is the local clock: an `as_of` that lies ahead of it and of the market's own, or far ahead of that, is
    refused. `settle_first` is called where sealed candles are given up. `tell` hears of progress and trouble,
    `on_percent` of the share of symbols gone through. Raises ScorekeeperError.
    """
    cache = settings.scorekeeper_home / "cache"
    async with open_market(
        settings.market, settings.candle_grace_minutes, cache=cache, exchange_options=settings.exchange_options, now=now
    ) as market:
        await run_in_thread(db.transact, lambda c: binding.check_market(c, market.name))
        clock = await market.now()
        # A minute that has not come yet would hold up every track until it comes.
        if clock is not None and as_of > min(max(clock, now), clock + LOCAL_AHEAD) + CLOCK_TOLERANCE:
            raise ScorekeeperError(
                f"as_of {as_of:%Y-%m-%d %H:%M} UTC lies ahead of the exchange's clock, {clock:%Y-%m-%d %H:%M} UTC: "
                "wait for it, or put this machine's clock right"
            )
        await run_in_thread(db.transact, lambda c: binding.bind_market(c, market.name, as_of))
        await _read_spellings(db, market, tell)
        prices = await _fetch_all(db, market, as_of, settle_first, tell, on_percent)
    # Of one that failed just now it is not known how far back its prices go.
    unanswered = {line.partition(" ")[0] for line in prices.failed}
    for symbol, trades, since in await run_in_thread(db.transact, lambda c: sealed_candles.select_stuck(c, as_of)):
        if symbol not in unanswered:
            prices.gone.append(
                f"{symbol}: {trades} trades are older than the prices that the market keeps ({since:%F %R} UTC)"
            )
    for names in (prices.unknown, prices.gone, prices.failed, prices.ends):
        names.sort()
    await run_in_thread(db.transact, lambda c: sealed_candles.note_price_troubles(c, prices.troubles, as_of))
    return prices


async def _read_spellings(db: Database, market: Market, tell: Tell) -> None:
    """Let the market's list say what the decisions that wait for it are about."""
    spellings = await run_in_thread(db.transact, symbol_list.select_spellings)
    if not spellings:
        return
    try:
        listed = await market.read_spellings({spell(raw) for raw in spellings})
    except MarketError as failed:
        tell(logging.WARNING, f"{failed}; what {', '.join(spellings[:MOST_NAMED])} mean is asked again")
        return
    released = await run_in_thread(db.transact, lambda c: symbol_list.release_decisions(c, spellings, listed))
    tell(logging.INFO, f"{len(spellings)} spellings of symbols, in {released} decisions: {len(listed)} are listed")


async def _fetch_all(
    db: Database,
    market: Market,
    as_of: datetime,
    settle_first: sealed_candles.SettleFirst,
    tell: Tell,
    on_percent: Callable[[float], Awaitable[None]] | None,
) -> Prices:
    prices, unreached = Prices(), 0
    ends: dict[str, str] = {}
    needs = await run_in_thread(db.transact, lambda c: sealed_candles.select_needs(c, as_of))
    at_once = asyncio.Semaphore(SYMBOLS_AT_ONCE)

    async def fetch(need: sealed_candles.Need) -> None:
        nonlocal unreached
        symbol = need.symbol
        try:
            async with at_once:
                if unreached >= SYMBOLS_AT_ONCE and not prices.answered:
                    raise ScorekeeperError("not asked: the exchange has answered for no symbol so far")
                on_page = _reporter(symbol, as_of, tell)
                done = await sealed_candles.fetch_candles(
                    db, market, need, as_of, settle_first=settle_first, on_page=on_page
                )
        except UnknownSymbolError as missing:
            prices.unknown.append(symbol)
            prices.note(symbol, "unlisted", str(missing))
            tell(logging.WARNING, f"{missing}; its trades stay open")
        except (ScorekeeperError, DataError, IntegrityError) as broken:
            # The database refuses a candle only where a market gave one that cannot be: it is that symbol's alone.
            says = str(broken) if isinstance(broken, ScorekeeperError) else str(broken.orig).splitlines()[0]
            is_file = isinstance(broken, CandleFileError)
            unreached += not is_file  # a file that is broken says nothing of the others
            prices.failed.append(f"{symbol} ({says})")
            prices.note(symbol, "file" if is_file else "failed", says)
            tell(logging.ERROR, f"{symbol}: {says}; its trades stay open until prices come")
        else:
            prices.answered += 1
            prices.candles += done.candles
            if done.gone_until is not None:
                tell(logging.WARNING, f"{symbol}: the market keeps no prices before {done.gone_until}")
            if done.ends is not None:
                ends[symbol] = done.ends
        prices.symbols += 1
        if prices.symbols % 50 == 0 or prices.symbols == len(needs):
            tell(logging.INFO, f"{prices.symbols} of {len(needs)} symbols, {prices.candles} new candles")
        if on_percent is not None:
            await on_percent(100 * prices.symbols / len(needs))

    await asyncio.gather(*(fetch(need) for need in needs))
    # Where all that was decided is decided, nobody minds.
    for symbol in sorted(
        await run_in_thread(db.transact, lambda c: sealed_candles.select_waiting(c, sorted(ends), as_of))
    ):
        prices.ends.append(f"{symbol}: {ends[symbol]}")
        prices.note(symbol, "ends", ends[symbol])
        tell(logging.WARNING, f"{symbol}: {ends[symbol]}; what is due later stays open until it goes on")
    return prices


def _reporter(symbol: str, as_of: datetime, tell: Tell) -> Callable[[datetime], None]:
    """Says every few seconds how far a long back-fill of a symbol has come."""
    told_at = time.monotonic()

    def on_page(sealed_until: datetime) -> None:
        nonlocal told_at
        if time.monotonic() - told_at > REPORT_SECONDS:
            told_at = time.monotonic()
            tell(logging.INFO, f"{symbol}: candles up to {sealed_until:%F %R}, of {as_of:%F %R} UTC")

    return on_page
