"""Any ccxt exchange with candles of the wanted length, as a market.

A candle is complete by the exchange's own clock. One that a page does not show was never there only if it ended
`grace_minutes` before that clock, and only within the page's reach.
"""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pandas as pd

from scorekeeper.decisions.prices import LOOK_BACK, is_price
from scorekeeper.errors import ScorekeeperError
from scorekeeper.market.base import CANDLE_COLUMNS, MINUTE, ONE_MINUTE, Bars, CandlePage, MarketError
from scorekeeper.market.exchange_client import BadResponseError, ExchangeClient
from scorekeeper.market.exchange_listing import ExchangeListing
from scorekeeper.market.exchange_quirks import DAILY, FILLED, KEPT_CANDLES, REACH_CANDLES, candles_in

CLOCK_AGE_SECONDS = 30
DEFAULT_PAGE = 300
OVERLAP_CANDLES = 3
_KEPT_MARGIN = 15
_HOUR = timedelta(hours=1)
Row = tuple[datetime, float, float, float, float, float]


class ExchangeMarket:
    """The ccxt exchange `exchange_id`; its list of markets is kept in the folder `cache`.

    `options`: see ExchangeClient.
    """

    def __init__(
        self,
        exchange_id: str,
        grace_minutes: int,
        cache: Path,
        options: dict[str, Any],
        *,
        bars: Bars = ONE_MINUTE,
    ) -> None:
        if exchange_id in DAILY and bars.length > _HOUR:
            raise ScorekeeperError(f"MARKET=ccxt:{exchange_id}: set CANDLE_LENGTH to 1h or less for this exchange")
        self.bars = bars
        self._client = ExchangeClient(exchange_id, options, bars.name)
        self._listing = ExchangeListing(self._client, cache)
        self._id = exchange_id
        self._grace = grace_minutes * MINUTE
        self._clock: tuple[datetime, float] | None = None
        self._clock_lock = asyncio.Lock()

    @property
    def name(self) -> str:
        """`ccxt:` and the exchange."""
        return f"ccxt:{self._id}"

    def take_requests(self) -> Mapping[str, int]:
        """See Market.take_requests."""
        taken, self._client.requests = self._client.requests, Counter()
        return taken

    @property
    def page_minutes(self) -> int:
        """See Market.page_minutes."""
        return self._page_candles * (self.bars.seconds // 60)

    @property
    def _page_candles(self) -> int:
        """Candles that one page holds at most."""
        spot = (self._client.api.features or {}).get("spot") or {}
        limit = (spot.get("fetchOHLCV") or {}).get("limit") or DEFAULT_PAGE
        return int(min(limit, 1_000, REACH_CANDLES.get(self._id, limit)))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.api.close()

    async def now(self) -> datetime:
        """See Market.now. It is asked for every half minute; a steady clock carries it on in between."""
        async with self._clock_lock:
            if self._clock is None or time.monotonic() - self._clock[1] > CLOCK_AGE_SECONDS:
                asked = time.monotonic()
                has_time = self._client.api.has.get("fetchTime")
                milliseconds = await self._client.ask(self._fetch_time if has_time else self._fetch_date)
                # The moment of the question, not the later one of its response: never ahead of the exchange.
                self._clock = (datetime.fromtimestamp(milliseconds / 1000, UTC), asked)
            clock, asked = self._clock
            return clock + timedelta(seconds=time.monotonic() - asked)

    async def _fetch_time(self) -> int:
        milliseconds = await self._client.api.fetch_time()
        if not isinstance(milliseconds, int) or not 1_500_000_000_000 < milliseconds < 4_000_000_000_000:
            raise BadResponseError(f"the time {milliseconds!r}")
        return milliseconds

    async def _fetch_date(self) -> int:
        """The time by the Date header of a small response, in whole seconds; without one, by the local clock."""
        symbol = await self._listing.first_symbol()
        self._client.date = None
        await self._client.api.fetch_ohlcv(symbol, self.bars.name, None, 2)
        if self._client.date is None:
            return int(time.time() * 1000)
        return int(parsedate_to_datetime(self._client.date).timestamp() * 1000)

    def declared_bases(self) -> dict[str, date]:
        """See Market.declared_bases: what an exchange trades is not split."""
        return {}

    def keep_bases(self, bases: Mapping[str, date]) -> list[dict[str, Any]]:
        """See Market.keep_bases."""
        return []

    async def first_kept(self) -> datetime | None:
        """See Market.first_kept."""
        kept = KEPT_CANDLES.get(self._id)
        if kept is None:
            return None
        # A margin: the exchange drops its oldest candles while pages are asked for.
        return self.bars.start_of(await self.now()) - (kept - _KEPT_MARGIN) * self.bars.length

    async def read_spellings(self, words: Collection[str]) -> dict[str, str]:
        """See Market.read_spellings."""
        return await self._listing.read_spellings(words)

    async def first_minute(self, symbol: str, opened_at: datetime) -> datetime:
        """See Market.first_minute; for the reference price it looks back seven days."""
        listed = await self._listing.find(symbol)
        opened_candle = self.bars.start_of(opened_at)
        earliest = await self.first_kept() or opened_candle - LOOK_BACK
        end = opened_candle
        while end > opened_candle - LOOK_BACK:
            start = max(end - self._page_candles * self.bars.length, earliest)
            if start >= end:
                break
            if (last := await self._last_before(listed, start, opened_at)) is not None:
                return last
            end = start
        return max(opened_candle, earliest)  # `earliest` is later only where the exchange keeps nothing older

    async def _last_before(self, listed: str, start: datetime, opened_at: datetime) -> datetime | None:
        """When the last candle from `start` on opened that was complete at `opened_at`."""
        last, length = None, self.bars.length
        while start + length <= opened_at:
            rows, _ = await self._page(listed, start, self._page_candles)
            before = [opens_at for opens_at, *_ in rows if opens_at + length <= opened_at]
            if not before:
                break
            last, start = before[-1], before[-1] + length
        return last

    async def candles(self, symbol: str, since: datetime, until: datetime, as_of: datetime) -> CandlePage:
        """See Market.candles."""
        listed = await self._listing.find(symbol)
        clock = (await self.now()).replace(second=0, microsecond=0)
        length = self.bars.length
        first = self.bars.start_of(since)  # the candle that contains `since`
        start = first - OVERLAP_CANDLES * length  # a candle that has changed since is stored as a revision
        wanted = min(self._page_candles, math.ceil((clock - start) / length) + 1)
        if self._id in DAILY:
            day = since.replace(hour=0, minute=0)
            start = max(start, day)
            wanted = min(wanted, int((day + timedelta(days=1) - start) / length))
        usable, bad = await self._page(listed, start, wanted)
        # A page that begins late may have been cut at its front. What it leaves out is asked for by itself.
        while usable and usable[0][0] > first:
            earlier, _ = await self._page(listed, start, math.ceil((usable[0][0] - start) / length))
            earlier = [row for row in earlier if row[0] < usable[0][0]]
            if not earlier:
                break
            usable = earlier + usable
        rows = [row for row in usable if row[0] + length <= min(clock, as_of) and row[0] < until]
        if any(row[0] >= first for row in rows):
            sealed_until = rows[-1][0] + length
        elif bad is not None:
            raise MarketError(f"{self._id} answers with the candle {bad}")
        else:
            # The page shows nothing within its reach: there was no candle, once the grace is over.
            sealed_until = min(start + wanted * length, clock - self._grace)
        frame = pd.DataFrame(rows, columns=CANDLE_COLUMNS)
        return CandlePage(frame, max(min(sealed_until, until, as_of), since))

    async def _page(self, listed: str, since: datetime, limit: int) -> tuple[list[Row], str | None]:
        """One page from `since` on: its candles in order, up to the first impossible one; that one."""

        async def fetch() -> tuple[list[Row], str | None]:
            stamp = int(since.timestamp() * 1000)
            raw = await self._client.api.fetch_ohlcv(listed, self.bars.name, stamp, limit)
            return self._read_page(raw, stamp)

        return await self._client.ask(fetch)

    def _read_page(self, raw: Any, stamp: int) -> tuple[list[Row], str | None]:
        """The candles that ccxt returns, from the epoch milliseconds `stamp` on. Raises BadResponseError."""
        if not isinstance(raw, list):
            raise BadResponseError("no list of candles")
        body = self._client.body()
        said = None if raw else candles_in(body)
        # Candles, but none from the start on: a stale response, unless this exchange always answers with its last ones.
        if not raw and (said is None or (said == "some" and self._id not in KEPT_CANDLES)):
            raise BadResponseError(f"no candles that were asked for: {body[:80]!r}")
        if self._id in FILLED:
            raw = [one for one in raw if one[5]]
        rows, apart = {}, self.bars.seconds * 1000
        for one in raw:
            if not isinstance(one, list) or len(one) < 6 or not isinstance(one[0], int) or one[0] % apart:
                raise BadResponseError(f"{str(one)[:80]} is no candle of {self.bars.name}")
            rows[one[0]] = one
        usable: list[Row] = []
        for at in sorted(at for at in rows if at >= stamp):
            values = [0.0 if i == 4 and v is None else v for i, v in enumerate(rows[at][1:6])]
            if not _is_candle(values):
                return usable, str(rows[at])[:120]
            opened, high, low, close, volume = map(float, values)
            usable.append((datetime.fromtimestamp(at / 1000, UTC), opened, high, low, close, volume))
        return usable, None


def _is_candle(values: list[Any]) -> bool:
    if any(isinstance(v, bool) or not isinstance(v, int | float) or not math.isfinite(v) for v in values):
        return False
    opened, high, low, close, volume = values
    return bool(
        is_price(low) and is_price(high) and low <= min(opened, close) and high >= max(opened, close) and volume >= 0
    )
