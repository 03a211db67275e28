"""Any ccxt exchange with one-minute candles: public endpoints only, no keys.

A candle counts as complete by the exchange's own clock. What a page does not show is taken for "there was none" only
for minutes that ended `grace_minutes` before the exchange's clock, and only within the page's own reach.
"""

import asyncio
import importlib
import json
import math
import time
from collections.abc import Awaitable, Callable, Collection
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import pandas as pd
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from scorekeeper.decisions.prices import LOOK_BACK, is_price
from scorekeeper.decisions.symbols import Listing
from scorekeeper.errors import ScorekeeperError
from scorekeeper.market.base import CANDLE_COLUMNS, MINUTE, Answer, MarketError, UnknownSymbolError
from scorekeeper.market.exchange_quirks import DAILY, FILLED, KEPT_CANDLES, REACH_MINUTES, candles_in
from scorekeeper.private_files import make_folder

ATTEMPTS = 5
LONGEST_WAIT_SECONDS = 30
MARKETS_AGE_SECONDS = 3600
CLOCK_AGE_SECONDS = 30
DEFAULT_PAGE = 300
OVERLAP_MINUTES = 3
_KEPT_MARGIN = 15
_SPOT_ONLY = {"types": ["spot"]}
_BODY: ContextVar[str] = ContextVar("body", default="")
T = TypeVar("T")
Row = tuple[datetime, float, float, float, float, float]


class _BadAnswerError(Exception):
    """An answer that is none: not a list of candles, or not in order of time."""


class ExchangeMarket:
    """The ccxt exchange `exchange_id`; its market list is kept in `cache` for an hour.

    `options` are handed to ccxt as they are (proxies, host names, time-outs).
    """

    def __init__(self, exchange_id: str, grace_minutes: int, cache: Path, options: dict[str, Any]) -> None:
        ccxt = importlib.import_module("ccxt.async_support")
        if exchange_id not in ccxt.exchanges:
            raise ScorekeeperError(f"MARKET=ccxt:{exchange_id}: ccxt knows no such exchange")
        self._errors: Any = ccxt
        self._id = exchange_id
        self._grace = grace_minutes * MINUTE
        self._cache = cache / f"markets-{exchange_id}.json"
        self._exchange: Any = getattr(ccxt, exchange_id)(
            {"enableRateLimit": True, "timeout": 15_000}
            | options
            | {"options": _listing(exchange_id) | options.get("options", {})}
        )
        if not self._exchange.has.get("fetchOHLCV") or "1m" not in (self._exchange.timeframes or {}):
            raise ScorekeeperError(f"MARKET=ccxt:{exchange_id}: it gives no one-minute candles; use another exchange")
        self._exchange.on_rest_response = self._read_body
        self._exchange.has["fetchCurrencies"] = False  # else some load it all the same, and fail without it
        self._date: str | None = None
        self._clock: tuple[datetime, float] | None = None
        self._clock_lock = asyncio.Lock()
        self._markets_lock = asyncio.Lock()
        self._reloaded = False

    def _read_body(self, code: int, _reason: str, url: str, _method: str, headers: Any, body: str, *_: Any) -> str:
        # ccxt reads most of what is not JSON (a page of HTML, nothing at all) as an empty list of candles.
        if code == 200 and body.lstrip()[:1] not in ("{", "["):
            raise self._errors.BadResponse(f"{url.partition('?')[0]} answers with what is no JSON: {body[:40]!r}")
        _BODY.set(body)
        self._date = headers.get("Date")
        return body

    @property
    def name(self) -> str:
        """`ccxt:` and the exchange."""
        return f"ccxt:{self._id}"

    @property
    def page_minutes(self) -> int:
        """Candles that one answer holds at most."""
        spot = (self._exchange.features or {}).get("spot") or {}
        limit = (spot.get("fetchOHLCV") or {}).get("limit") or DEFAULT_PAGE
        return int(min(limit, 1_000, REACH_MINUTES.get(self._id, limit)))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exchange.close()

    async def now(self) -> datetime:
        """See Market.now; asked for every half minute, and carried on by a steady clock in between."""
        async with self._clock_lock:
            if self._clock is None or time.monotonic() - self._clock[1] > CLOCK_AGE_SECONDS:
                asked = time.monotonic()
                milliseconds = await self._ask(
                    self._fetch_time if self._exchange.has.get("fetchTime") else self._fetch_date
                )
                # The moment it was asked at, not the later one of its answer: never ahead of the exchange.
                self._clock = (datetime.fromtimestamp(milliseconds / 1000, UTC), asked)
            clock, asked = self._clock
            return clock + timedelta(seconds=time.monotonic() - asked)

    async def _fetch_time(self) -> int:
        milliseconds = await self._exchange.fetch_time()
        if not isinstance(milliseconds, int) or not 1_500_000_000_000 < milliseconds < 4_000_000_000_000:
            raise _BadAnswerError(f"the time {milliseconds!r}")
        return milliseconds

    async def _fetch_date(self) -> int:
        """The time by the heading of some small answer, in whole seconds; by the local clock only without one."""
        async with self._markets_lock:
            if not self._exchange.markets:
                await self._load_markets()
        self._date = None
        await self._exchange.fetch_ohlcv(next(iter(self._exchange.markets)), "1m", None, 2)
        if self._date is None:
            return int(time.time() * 1000)
        return int(parsedate_to_datetime(self._date).timestamp() * 1000)

    async def first_kept(self) -> datetime | None:
        """See Market.first_kept."""
        kept = KEPT_CANDLES.get(self._id)
        if kept is None:
            return None
        # A margin: the oldest are dropped while pages are being asked for.
        return (await self.now()).replace(second=0, microsecond=0) - (kept - _KEPT_MARGIN) * MINUTE

    async def first_minute(self, symbol: str, opened_at: datetime) -> datetime:
        """See Market.first_minute; for the reference price it looks back seven days."""
        listed = await self._listed(symbol)
        opened_minute = opened_at.replace(second=0, microsecond=0)
        earliest = await self.first_kept() or opened_minute - LOOK_BACK
        end = opened_minute
        while end > opened_minute - LOOK_BACK:
            start = max(end - self.page_minutes * MINUTE, earliest)
            if start >= end:
                break
            if (last := await self._last_before(listed, start, opened_at)) is not None:
                return last
            end = start
        return max(opened_minute, earliest)  # earliest is the later one only where nothing older is kept

    async def _last_before(self, listed: str, start: datetime, opened_at: datetime) -> datetime | None:
        """The last minute from `start` on whose candle was complete at `opened_at`."""
        last = None
        while start + MINUTE <= opened_at:
            rows, _ = await self._page(listed, start, self.page_minutes)
            before = [minute for minute, *_ in rows if minute + MINUTE <= opened_at]
            if not before:
                break
            last, start = before[-1], before[-1] + MINUTE
        return last

    async def candles(self, symbol: str, since: datetime, until: datetime, as_of: datetime) -> Answer:
        """See Market.candles."""
        listed = await self._listed(symbol)
        clock = (await self.now()).replace(second=0, microsecond=0)
        start = since - OVERLAP_MINUTES * MINUTE  # what has changed since is told as a revision
        wanted = min(self.page_minutes, math.ceil((clock - start) / MINUTE) + 1)
        if self._id in DAILY:
            day = since.replace(hour=0, minute=0)
            start = max(start, day)
            wanted = min(wanted, int((day + timedelta(days=1) - start) / MINUTE))
        usable, bad = await self._page(listed, start, wanted)
        # A page that begins late may have been cut at its front: only what is asked for by itself was not there.
        while usable and usable[0][0] > since:
            earlier, _ = await self._page(listed, start, math.ceil((usable[0][0] - start) / MINUTE))
            earlier = [row for row in earlier if row[0] < usable[0][0]]
            if not earlier:
                break
            usable = earlier + usable
        rows = [row for row in usable if row[0] + MINUTE <= min(clock, as_of) and row[0] < until]
        if any(row[0] >= since for row in rows):
            sealed_until = rows[-1][0] + MINUTE
        elif bad is not None:
            raise MarketError(f"{self._id} answers with the candle {bad}")
        else:
            # Nothing in the page's reach: there was nothing, once the exchange has had its time.
            sealed_until = min(start + wanted * MINUTE, clock - self._grace)
        frame = pd.DataFrame(rows, columns=CANDLE_COLUMNS)
        return Answer(frame, max(min(sealed_until, until, as_of), since))

    async def _page(self, listed: str, since: datetime, limit: int) -> tuple[list[Row], str | None]:
        """One answer, from `since` on: its candles in order, one a minute, up to the first that cannot be; that one."""

        async def fetch() -> tuple[list[Row], str | None]:
            stamp = int(since.timestamp() * 1000)
            raw = await self._exchange.fetch_ohlcv(listed, "1m", stamp, limit)
            if not isinstance(raw, list):
                raise _BadAnswerError("no list of candles")
            said = None if raw else candles_in(_BODY.get())
            # Candles, but none from the start asked for on: an answer that has stood still, unless that is its way.
            if not raw and (said is None or (said == "some" and self._id not in KEPT_CANDLES)):
                raise _BadAnswerError(f"no candles that were asked for: {_BODY.get()[:80]!r}")
            if self._id in FILLED:
                raw = [one for one in raw if one[5]]
            rows = {}
            for one in raw:
                if not isinstance(one, list) or len(one) < 6 or not isinstance(one[0], int) or one[0] % 60_000:
                    raise _BadAnswerError(f"{str(one)[:80]} is no one-minute candle")
                rows[one[0]] = one
            usable: list[Row] = []
            for at in sorted(at for at in rows if at >= stamp):
                values = [0.0 if i == 4 and v is None else v for i, v in enumerate(rows[at][1:6])]
                if not _is_candle(values):
                    return usable, str(rows[at])[:120]
                opened, high, low, close, volume = map(float, values)
                usable.append((datetime.fromtimestamp(at / 1000, UTC), opened, high, low, close, volume))
            return usable, None

        return await self._ask(fetch)

    async def _ask(self, question: Callable[[], Awaitable[T]]) -> T:
        """The answer, asked for again with growing random waits while the exchange has passing trouble."""
        try:
            async for attempt in AsyncRetrying(
                retry=retry_if_exception_type((self._errors.OperationFailed, _BadAnswerError)),
                stop=stop_after_attempt(ATTEMPTS),
                wait=self._wait,
                reraise=True,
            ):
                with attempt:
                    return await question()
        except self._errors.BadSymbol as failed:
            raise UnknownSymbolError(f"{self._id}: {_first_line(failed)}") from None
        except self._errors.BaseError as failed:
            raise MarketError(f"{self._id}: {type(failed).__name__}: {_first_line(failed)}") from None
        except _BadAnswerError as failed:
            raise MarketError(f"{self._id} answers with {failed}") from None
        except (TypeError, ValueError, KeyError, AttributeError) as failed:
            # What ccxt's own reading of an answer in an unknown form ends in.
            raise MarketError(f"{self._id}: an answer that ccxt cannot read ({type(failed).__name__})") from None
        raise AssertionError("unreachable: an attempt returns or raises")

    def _wait(self, state: RetryCallState) -> float:
        backoff = wait_random_exponential(multiplier=0.5, max=LONGEST_WAIT_SECONDS)(state)
        headers = self._exchange.last_response_headers or {}
        asked = next((v for k, v in headers.items() if k.lower() == "retry-after"), None)
        failed = state.outcome.exception() if state.outcome else None
        if asked and str(asked).isdigit() and isinstance(failed, self._errors.OperationFailed):
            return float(min(int(asked), LONGEST_WAIT_SECONDS)) + backoff
        return backoff

    async def _listed(self, symbol: str) -> str:
        """The exchange's unified name of `symbol`; its market list is loaded, and reloaded once for an unknown one."""
        async with self._markets_lock:
            if not self._exchange.markets:
                await self._load_markets()
            if (found := self._find(symbol)) is None and (not self._reloaded or self._widen(symbol)):
                self._widen(symbol)
                await self._reload_markets()
                found = self._find(symbol)
        if found is None:
            raise UnknownSymbolError(f"{symbol}: {self._id} does not list it")
        return found

    async def read_spellings(self, words: Collection[str]) -> dict[str, str]:
        """See Market.read_spellings; the list is asked for anew before a word counts as unlisted."""
        async with self._markets_lock:
            if not self._exchange.markets:
                await self._load_markets()
            found = self._read(words)
            if len(found) < len(words) and not self._reloaded:
                await self._reload_markets()
                found = self._read(words)
        return found

    def _read(self, words: Collection[str]) -> dict[str, str]:
        listing = Listing({name: _own_names(market) for name, market in self._exchange.markets.items()})
        prefix = f"{self._id.upper()}:"  # as TradingView writes it: BINANCE:BTCUSDT
        found = {word: listing.read(word) or listing.read(word.removeprefix(prefix)) for word in words}
        return {word: symbol for word, symbol in found.items() if symbol is not None}

    def _find(self, symbol: str) -> str | None:
        """By the unified name, by ccxt's own names of the currencies, or by the exchange's own name of the market."""
        pair, _, rest = symbol.partition(":")
        base, _, quote = pair.partition("/")
        code = self._exchange.common_currency_code
        unified = f"{code(base)}/{code(quote)}" + (f":{rest}" if rest else "")
        for name in (symbol, unified):
            if name in self._exchange.markets:
                return str(name)
        for spelled in (symbol, *(f"{base}{mark}{quote}" for mark in ("", "-", "_"))):
            if listed := self._exchange.markets_by_id.get(spelled):
                return str(next((one for one in listed if one.get("spot")), listed[0])["symbol"])
        return None

    def _widen(self, symbol: str) -> bool:
        """Let a list that holds spot markets only hold perpetuals too, if one is asked for; whether that is news."""
        types = self._exchange.options.get("fetchMarkets")
        if ":" not in symbol or types != _SPOT_ONLY:
            return False
        self._exchange.options["fetchMarkets"] = {"types": ["spot", "linear", "inverse"]}
        return True

    async def _load_markets(self) -> None:
        try:
            if time.time() - self._cache.stat().st_mtime < MARKETS_AGE_SECONDS:
                self._exchange.set_markets(json.loads(self._cache.read_text(encoding="utf-8")))
                return
        except (OSError, ValueError):
            pass  # no list kept, or half of one: it is asked for
        await self._reload_markets()

    async def _reload_markets(self) -> None:
        self._reloaded = True
        markets = await self._ask(lambda: self._exchange.load_markets(True))
        part = self._cache.with_suffix(".part")
        try:
            make_folder(self._cache.parent)
            part.write_text(json.dumps(list(markets.values())), encoding="utf-8")
            part.replace(self._cache)
        except OSError as failed:
            raise ScorekeeperError(f"{self._cache} cannot be written: {failed.strerror}") from None


def _own_names(market: dict[str, Any]) -> list[str]:
    """What an exchange itself calls a market: its id, and a name beside that (hyperliquid's xyz:TSLA)."""
    info = market.get("info")
    names = (market.get("id"), info.get("name") if isinstance(info, dict) else None)
    return [name for name in names if isinstance(name, str) and name]


def _listing(exchange_id: str) -> dict[str, Any]:
    """ccxt's options: spot first, and no list of currencies, which some exchanges give only to those with keys."""
    options: dict[str, Any] = {"defaultType": "spot", "fetchCurrencies": False}
    if exchange_id == "binance":
        options["fetchMarkets"] = dict(_SPOT_ONLY)  # three lists otherwise, of which two are seldom wanted
    return options


def _is_candle(values: list[Any]) -> bool:
    if any(isinstance(v, bool) or not isinstance(v, int | float) or not math.isfinite(v) for v in values):
        return False
    opened, high, low, close, volume = values
    return bool(
        is_price(low) and is_price(high) and low <= min(opened, close) and high >= max(opened, close) and volume >= 0
    )


def _first_line(failed: BaseException) -> str:
    return (str(failed).strip().splitlines() or ["no reason given"])[0][:200]
