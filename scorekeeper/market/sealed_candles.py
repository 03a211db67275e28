"""A symbol's sealed candles: fetched in pages, and stored so that the sealed range stays one piece.

Functions that take a connection work inside the caller's transaction and may be repeated.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from scorekeeper.locks import Lock, lock
from scorekeeper.market.base import MINUTE, CandlePage, Market
from scorekeeper.store.database import Database, open_copy
from scorekeeper.store.sql import statement
from scorekeeper.threads import run_in_thread

# By symbol, the time of the earliest decision for which the market was asked what came before it, and the minute from
# which on it has to be sealed for that.
Asked = dict[str, tuple[datetime, datetime]]
OnPage = Callable[[datetime], None]  # called with the minute up to which the symbol is sealed


@dataclass(frozen=True)
class Need:
    """A symbol that has something open or undecided, and its sealed range (None: nothing is sealed yet).

    `filled_back`: a back-fill is neither under way nor known to be needed. `earliest_new`: the time of the earliest
    decision without a reference price.
    """

    symbol: str
    sealed_from: datetime | None
    sealed_until: datetime | None
    filled_back: bool
    earliest_new: datetime | None


@dataclass(frozen=True)
class Fetched:
    """What a fetch did.

    `candles`: how many were written. `gone_until`: the market no longer keeps what was needed before it. `ends`: why
    there is nothing up to `as_of`, where the market says so. `gap_until`: the market no longer keeps the candles
    between the sealed range and this minute, so the range cannot grow.
    """

    candles: int
    gone_until: datetime | None = None
    ends: str | None = None
    gap_until: datetime | None = None


async def fetch_candles(
    db: Database,
    market: Market,
    need: Need,
    as_of: datetime,
    *,
    asked: Asked | None = None,
    on_page: OnPage = lambda _: None,
) -> Fetched:
    """Extend a symbol's sealed range back to its earliest new decision, and forward to `as_of`.

    Each page is stored in a transaction of its own: a fetch that is killed goes on from there. With a gap, nothing is
    fetched forward: see Fetched.gap_until. What the market is asked is added to `asked`. Raises what the market raises.
    """
    pages = _Pages(db, market, need.symbol, as_of, on_page)
    sealed_from, new = need.sealed_from, need.earliest_new
    start = gone_until = None
    if new is not None and (sealed_from is None or new < sealed_from + market.bars.length or not need.filled_back):
        start = await market.first_minute(need.symbol, new)
        gone_until = start if start > new else None
        if asked is not None:
            asked[need.symbol] = new, start
    if sealed_from is not None and start is not None:
        await pages.fill_back(sealed_from, start)
    at = need.sealed_until or start
    kept = await market.first_kept()
    if at is not None and kept is not None and at < kept:
        return Fetched(pages.written, kept, pages.ends, gap_until=kept)
    if at is not None:
        await pages.fill_forward(at, begun=need.sealed_until is not None)
    return Fetched(pages.written, gone_until, pages.ends)


async def fetch_forward(
    db: Database, market: Market, symbol: str, since: datetime, as_of: datetime, *, on_page: OnPage
) -> Fetched:
    """Extend a symbol's sealed range, which ends at `since`, to `as_of`. Raises what the market raises."""
    pages = _Pages(db, market, symbol, as_of, on_page)
    await pages.fill_forward(since, begun=True)
    return Fetched(pages.written, ends=pages.ends)


@dataclass
class _Pages:
    """The pages of one fetch: each is asked for and stored before the next."""

    db: Database
    market: Market
    symbol: str
    as_of: datetime
    on_page: OnPage
    written: int = 0
    ends: str | None = field(default=None, init=False)

    async def fill_forward(self, at: datetime, *, begun: bool) -> None:
        """Extend the range from `at` to as_of, or as far as the market goes. `begun`: there is a range already."""
        while at < self.as_of:
            page = await self._ask(at, self.as_of)
            if begun or page.sealed_until > at:
                # No candle ends before the next one does: the minutes until then need no answer of the market.
                quiet = min(self.market.bars.quiet_until(page.sealed_until), self.as_of)
                page = replace(page, sealed_until=max(page.sealed_until, quiet))
            if page.sealed_until <= at:
                break
            begun = True
            await self._store(page, at, filled_back=None)
            at = page.sealed_until

    async def fill_back(self, sealed_from: datetime, start: datetime) -> None:
        """Extend the range backwards from `sealed_from` to `start`, by pieces that each join it.

        So the range stays one piece whenever this ends.
        """
        while start < sealed_from:
            most = self.market.page_minutes
            since = start if most is None else max(start, self.market.bars.start_of(sealed_from - most * MINUTE))
            page = await self._ask(since, sealed_from)
            while since < page.sealed_until < sealed_from:
                more = await self._ask(page.sealed_until, sealed_from)
                if more.sealed_until == page.sealed_until:
                    break
                page = page.followed_by(more)
            if page.sealed_until < sealed_from:
                return
            await self._store(page, since, filled_back=False)
            sealed_from = since
        await run_in_thread(self.db.transact, partial(_mark_filled_back, symbol=self.symbol))

    async def _ask(self, since: datetime, until: datetime) -> CandlePage:
        page = await self.market.candles(self.symbol, since, until, self.as_of)
        self.ends = page.ends
        return page

    async def _store(self, page: CandlePage, since: datetime, *, filled_back: bool | None) -> None:
        store = partial(
            store_page, symbol=self.symbol, since=since, page=page, as_of=self.as_of, filled_back=filled_back
        )
        self.written += await run_in_thread(self.db.transact, store)
        self.on_page(page.sealed_until)


def _mark_filled_back(connection: Connection, symbol: str) -> None:
    connection.execute(statement("market/mark_filled_back"), {"symbol": symbol})


def restart_coverage(connection: Connection, symbol: str, start: datetime) -> None:
    """Begin a symbol's sealed range again at `start`, after a gap. What it had decided must be settled before."""
    connection.execute(statement("market/restart_coverage"), {"symbol": symbol, "start": start})


def store_page(
    connection: Connection,
    symbol: str,
    since: datetime,
    page: CandlePage,
    as_of: datetime,
    *,
    filled_back: bool | None = None,
) -> int:
    """Write the sealed candles of a page from `since` on, and extend the symbol's sealed range; new candles.

    `filled_back`: False for a piece of a back-fill that is under way; None leaves that as it is.
    """
    # Imported here: it loads numpy, which a command that stores no candles does without.
    from scorekeeper.market.candle_rows import are_in_order, ending_in, months, pack_candles

    lock(connection, Lock.CANDLE)
    for month in months(page.candles):
        ensure_partition(connection, *month)
    sealed = {"sealed_from": since, "sealed_until": page.sealed_until}
    known = connection.execute(statement("market/select_is_new_symbol"), {"symbol": symbol}).one()
    if known.is_new and are_in_order(page.candles):
        # Nothing that is stored can differ: no copy between. This takes a third of the time.
        first = ending_in(page.candles, since, page.sealed_until, known.length)
        new = _copy(connection, "market/copy_candles", pack_candles(symbol, first))
    else:
        connection.execute(statement("market/create_incoming_candles"))
        _copy(connection, "market/copy_incoming_candles", pack_candles(symbol, page.candles))
        connection.execute(statement("market/insert_revisions"), {"as_of": as_of})
        new = connection.execute(statement("market/insert_candles"), sealed).rowcount
    connection.execute(statement("market/extend_coverage"), {"symbol": symbol, **sealed, "filled_back": filled_back})
    return new


def _copy(connection: Connection, name: str, blocks: Iterable[bytes]) -> int:
    with open_copy(connection, name) as copy:
        for block in blocks:
            copy.write(block)
    return int(copy.cursor.rowcount)


def ensure_partitions(connection: Connection, since: datetime, until: datetime) -> None:
    """Make the candle partitions of all months from that of `since` to that of `until`, unless they are there."""
    month = since.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while month <= until:
        ensure_partition(connection, month.year, month.month)
        month = (month + timedelta(days=32)).replace(day=1)


def ensure_partition(connection: Connection, year: int, month: int) -> None:
    """Make the candle partition of a month, unless it is there."""
    connection.execute(statement("market/ensure_candle_partition"), {"year": year, "month": month})
