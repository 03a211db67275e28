"""The candles that open trades and undecided decisions need. A symbol that fails stops no other."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection
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
    price_units,
    sealed_candles,
    symbol_list,
)
from scorekeeper.market.sealed_candles import Asked, Fetched, Need, OnPage
from scorekeeper.settings import Settings
from scorekeeper.store.activity import count_activity
from scorekeeper.store.database import Database
from scorekeeper.store.sql import json_rows, statement
from scorekeeper.threads import run_in_thread
from scorekeeper.trades.settle import settle
from scorekeeper.trading_calendar import calendar_of

SYMBOLS_AT_ONCE = 20
REPORT_SECONDS = 3.0
MOST_NAMED = 5
MOST_SAID = 1_000  # characters of a market's words that are kept
CLOCK_TOLERANCE = timedelta(seconds=5)
FIRST_TIME = datetime.min.replace(tzinfo=UTC)
LOCAL_AHEAD = timedelta(minutes=5)  # up to here the local clock is believed where the two differ
Tell = Callable[[int, str], object]  # a level of the logging module, and the message: Logger.log is one
OnPercent = Callable[[float], Awaitable[None]]
Opener = Callable[..., AbstractAsyncContextManager[Market]]  # open_market is one


@dataclass
class Prices:
    """What fetching did: symbols gone through, symbols with a response, new candles, and the problems, a line each.

    `ends`: symbols whose candle files end too early for `as_of`. `troubles`: the same problems as rows of
    price_trouble, one per symbol. `asked`: what the settlement has to know, see settle.
    """

    symbols: int = 0
    answered: int = 0
    candles: int = 0
    unknown: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    troubles: list[dict[str, str]] = field(default_factory=list)
    asked: Asked = field(default_factory=dict)

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
    on_percent: OnPercent | None = None,
    opened_by: Opener = open_market,
) -> Prices:
    """Fetch candles up to `as_of` for every symbol that has something open or undecided.

    `now` is the local clock. An `as_of` ahead of it and of the market's clock is refused, and so is one far ahead of
    the market's. `tell` takes progress and problems, `on_percent` the share of symbols gone through.
    `opened_by`: SharedMarkets, if several systems fetch in the same run. Raises ScorekeeperError.
    """
    async with (
        opened_by(settings.market, settings.candle_grace_minutes, now=now, **settings.market_options) as market,
        _count_requests(db, market),
    ):
        await run_in_thread(calendar_of, settings.calendar)  # one that is not listed must not be bound
        terms: dict[str, Any] = {"calendar": settings.calendar, "bars": market.bars}
        await run_in_thread(db.transact, lambda c: binding.check_market(c, market.name, **terms))
        clock = await market.now()
        # A minute that has not come yet would block every track until it comes.
        if clock is not None and as_of > min(max(clock, now), clock + LOCAL_AHEAD) + CLOCK_TOLERANCE:
            raise ScorekeeperError(
                f"as_of {as_of:%Y-%m-%d %H:%M} UTC lies ahead of the exchange's clock, {clock:%Y-%m-%d %H:%M} UTC: "
                "wait for it, or put this machine's clock right"
            )
        await run_in_thread(db.transact, lambda c: binding.bind_market(c, market.name, as_of, **terms))
        await run_in_thread(db.transact, lambda c: price_units.keep_units(c, market))
        await _read_spellings(db, market, tell)
        prices = await _fetch_all(db, market, settings.suspect_price_pct, as_of, tell, on_percent)
    # For a symbol that failed just now, the kept range is not known.
    unanswered = {line.partition(" ")[0] for line in prices.failed}
    for symbol, trades, since in await run_in_thread(db.transact, lambda c: select_stuck(c, as_of)):
        if symbol not in unanswered:
            prices.gone.append(
                f"{symbol}: {trades} trades are older than the prices that the market keeps ({since:%F %R} UTC)"
            )
    for names in (prices.unknown, prices.gone, prices.failed, prices.ends):
        names.sort()
    await run_in_thread(db.transact, lambda c: note_price_troubles(c, prices.troubles, as_of))
    return prices


@asynccontextmanager
async def _count_requests(db: Database, market: Market) -> AsyncIterator[None]:
    """At the end, also by an error, add the market's requests to the counts of all processes."""
    try:
        yield
    finally:
        if requests := market.take_requests():
            await run_in_thread(db.transact, lambda c: count_activity(c, "requests", requests))


async def _read_spellings(db: Database, market: Market, tell: Tell) -> None:
    """Give the decisions that wait for the market's list the symbols that it has for their spellings."""
    spellings = await run_in_thread(db.transact, symbol_list.select_spellings)
    if not spellings:
        return
    try:
        listed = await market.read_spellings({spell(raw) for raw in spellings})
    except MarketError as exc:
        tell(logging.WARNING, f"{exc}; what {', '.join(spellings[:MOST_NAMED])} mean is asked again")
        return
    released = await run_in_thread(db.transact, lambda c: symbol_list.release_decisions(c, spellings, listed))
    tell(logging.INFO, f"{len(spellings)} spellings of symbols, in {released} decisions: {len(listed)} are listed")


async def _fetch_all(
    db: Database,
    market: Market,
    suspect_price_pct: float,
    as_of: datetime,
    tell: Tell,
    on_percent: OnPercent | None,
) -> Prices:
    prices, unreached = Prices(), 0
    ends: dict[str, str] = {}
    needs = await run_in_thread(db.transact, lambda c: select_needs(c, as_of))
    at_once = asyncio.Semaphore(SYMBOLS_AT_ONCE)

    async def fetch(need: Need) -> None:
        nonlocal unreached
        symbol = need.symbol
        try:
            async with at_once:
                if unreached >= SYMBOLS_AT_ONCE and not prices.answered:
                    raise ScorekeeperError("not asked: the exchange has answered for no symbol so far")
                fetched = await fetch_symbol(
                    db, market, need, as_of,
                    suspect_price_pct=suspect_price_pct, asked=prices.asked, on_page=_reporter(symbol, as_of, tell),
                )  # fmt: skip
        except UnknownSymbolError as exc:
            prices.unknown.append(symbol)
            prices.note(symbol, "unlisted", str(exc))
            tell(logging.WARNING, f"{exc}; its trades stay open")
        except (ScorekeeperError, DataError, IntegrityError) as exc:
            # The database refuses a candle only where the market gave an impossible one: that concerns this symbol.
            says = str(exc) if isinstance(exc, ScorekeeperError) else str(exc.orig).splitlines()[0]
            is_file = isinstance(exc, CandleFileError)
            unreached += not is_file  # a broken file says nothing about other symbols
            prices.failed.append(f"{symbol} ({says})")
            prices.note(symbol, "file" if is_file else "failed", says)
            tell(logging.ERROR, f"{symbol}: {says}; its trades stay open until prices come")
        else:
            prices.answered += 1
            prices.candles += fetched.candles
            if fetched.gone_until is not None:
                tell(logging.WARNING, f"{symbol}: the market keeps no prices before {fetched.gone_until}")
            if fetched.ends is not None:
                ends[symbol] = fetched.ends
        prices.symbols += 1
        if prices.symbols % 50 == 0 or prices.symbols == len(needs):
            tell(logging.INFO, f"{prices.symbols} of {len(needs)} symbols, {prices.candles} new candles")
        if on_percent is not None:
            await on_percent(100 * prices.symbols / len(needs))

    await asyncio.gather(*(fetch(need) for need in needs))
    # A file that ends early is a problem only while something waits for its next candles.
    for symbol in sorted(await run_in_thread(db.transact, lambda c: select_waiting(c, sorted(ends), as_of))):
        prices.ends.append(f"{symbol}: {ends[symbol]}")
        prices.note(symbol, "ends", ends[symbol])
        tell(logging.WARNING, f"{symbol}: {ends[symbol]}; what is due later stays open until it goes on")
    return prices


def _reporter(symbol: str, as_of: datetime, tell: Tell) -> OnPage:
    """Says every few seconds how far a long back-fill of a symbol has come."""
    told_at = time.monotonic()

    def on_page(sealed_until: datetime) -> None:
        nonlocal told_at
        if time.monotonic() - told_at > REPORT_SECONDS:
            told_at = time.monotonic()
            tell(logging.INFO, f"{symbol}: candles up to {sealed_until:%F %R}, of {as_of:%F %R} UTC")

    return on_page


async def fetch_symbol(
    db: Database,
    market: Market,
    need: Need,
    as_of: datetime,
    *,
    suspect_price_pct: float,
    asked: Asked | None = None,
    on_page: OnPage = lambda _: None,
) -> Fetched:
    """Fetch a symbol's candles up to `as_of`. After a gap its sealed range starts again where the market's candles do.

    `asked`: what this fetch has asked for other symbols so far; this one's is added. Raises what the market raises.
    """
    asked = {} if asked is None else asked
    fetched = await sealed_candles.fetch_candles(db, market, need, as_of, asked=asked, on_page=on_page)
    start = fetched.gap_until
    if start is None:
        return fetched
    await run_in_thread(
        db.transact,
        lambda c: restart_after_gap(
            c, need.symbol, start, as_of, suspect_price_pct=suspect_price_pct, asked=dict(asked)
        ),
    )
    asked[need.symbol] = FIRST_TIME, start  # it keeps nothing that came before any decision
    rest = await sealed_candles.fetch_forward(db, market, need.symbol, start, as_of, on_page=on_page)
    return Fetched(fetched.candles + rest.candles, start, rest.ends)


def restart_after_gap(
    connection: Connection,
    symbol: str,
    start: datetime,
    as_of: datetime,
    *,
    suspect_price_pct: float,
    asked: Asked | None = None,
) -> None:
    """Settle what the sealed candles decide, then begin the symbol's sealed range again at `start`.

    The old range may decide trades that no settlement has seen yet. Older trades that it does not decide stay open.
    """
    settle(connection, as_of, suspect_price_pct=suspect_price_pct, asked=asked)
    sealed_candles.restart_coverage(connection, symbol, start)


def select_needs(connection: Connection, as_of: datetime) -> list[Need]:
    """The symbols whose candles are wanted at `as_of`, in order of their names."""
    rows = connection.execute(statement("trades/select_symbols_to_fetch"), {"as_of": as_of})
    return [Need(*row) for row in rows]


def select_stuck(connection: Connection, as_of: datetime) -> list[tuple[str, int, datetime]]:
    """(symbol, trades, since when prices are kept) of trades that are due, but older than the prices."""
    return [tuple(row) for row in connection.execute(statement("trades/select_stuck_trades"), {"as_of": as_of})]


def select_waiting(connection: Connection, symbols: Sequence[str], as_of: datetime) -> set[str]:
    """The given symbols with decisions that need candles beyond the sealed range."""
    given = {"symbols": list(symbols), "as_of": as_of}
    return set(connection.execute(statement("trades/select_waiting_symbols"), given).scalars())


def note_price_troubles(connection: Connection, troubles: Sequence[dict[str, str]], as_of: datetime) -> None:
    """Replace the table of price troubles: rows of symbol, kind and says."""
    given = {"rows": json_rows(troubles), "as_of": as_of}
    connection.execute(statement("trades/replace_price_troubles"), given)
