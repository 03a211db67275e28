"""Sealed candles: which are wanted, how they are fetched, and how they are stored.

Functions that take a connection work inside the caller's transaction and may be repeated.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from scorekeeper.locks import Lock, lock
from scorekeeper.market.base import MINUTE, CandlePage, Market
from scorekeeper.store.database import Database, open_copy
from scorekeeper.store.sql import json_rows, statement
from scorekeeper.threads import run_in_thread

SettleFirst = Callable[[Connection], object]  # settles what the sealed candles decide, in the caller's transaction


@dataclass(frozen=True)
class Need:
    """A symbol that has something open or undecided, and what is known of it."""

    symbol: str
    sealed_from: datetime | None
    sealed_until: datetime | None
    filled_back: bool
    earliest_new: datetime | None


@dataclass(frozen=True)
class Fetched:
    """What a fetch did: candles written; `gone_until`: the market has not kept what was needed before it; `ends`: why
    there is nothing up to `as_of`, where the market says so.
    """

    candles: int
    gone_until: datetime | None
    ends: str | None = None


def select_needs(connection: Connection, as_of: datetime) -> list[Need]:
    """The symbols whose candles are wanted at `as_of`, in order of their names."""
    rows = connection.execute(statement("trades/select_symbols_to_fetch"), {"as_of": as_of})
    return [Need(*row) for row in rows]


async def fetch_candles(
    db: Database,
    market: Market,
    need: Need,
    as_of: datetime,
    *,
    settle_first: SettleFirst,
    on_page: Callable[[datetime], None] = lambda _: None,
) -> Fetched:
    """Bring a symbol's sealed range up to `as_of`, and back to its earliest new decision.

    Each answer is one transaction: killed, it goes on where it was; `on_page` is told up to where it is sealed then.
    Where the range has to start again later, `settle_first` is called before, with the connection: the old range may
    decide trades that no settlement has seen yet.
    Raises what the market raises.
    """
    sealed_from, sealed_until, written = need.sealed_from, need.sealed_until, 0
    start = gone_until = None
    ends: str | None = None
    new = need.earliest_new
    if new is not None and (sealed_from is None or new < sealed_from + MINUTE or not need.filled_back):
        start = await market.first_minute(need.symbol, new)
        gone_until = start if start > new else None

    async def take(since: datetime, until: datetime, *, whole: bool) -> datetime:
        nonlocal written, ends
        answer = await market.candles(need.symbol, since, until, as_of)
        while whole and since < answer.sealed_until < until:
            more = await market.candles(need.symbol, answer.sealed_until, until, as_of)
            if more.sealed_until == answer.sealed_until:
                break
            answer = answer.followed_by(more)
        if answer.sealed_until > since and (answer.sealed_until == until or not whole):
            store = partial(
                store_page,
                symbol=need.symbol, since=since, answer=answer, as_of=as_of, filled_back=False if whole else None,
            )  # fmt: skip
            written += await run_in_thread(db.transact, store)
            on_page(answer.sealed_until)
        ends = answer.ends
        return answer.sealed_until

    # Backwards in pages that each join the range, so that it stays one piece whenever this ends.
    while sealed_from is not None and start is not None and start < sealed_from:
        since = start if market.page_minutes is None else max(start, sealed_from - market.page_minutes * MINUTE)
        if await take(since, sealed_from, whole=True) < sealed_from:
            break
        sealed_from = since
    if sealed_from is not None and start is not None and sealed_from <= start:
        await run_in_thread(db.transact, partial(_mark_filled_back, symbol=need.symbol))
    at = sealed_until or start
    kept = await market.first_kept()
    if at is not None and kept is not None and at < kept:
        # The exchange has forgotten what would join the two: older trades stay open, and are reported.
        at = gone_until = kept
        restart = partial(_restart_coverage, symbol=need.symbol, start=kept, settle_first=settle_first)
        await run_in_thread(db.transact, restart)
    while at is not None and at < as_of:
        reached = await take(at, as_of, whole=False)
        if reached <= at:
            break
        at = reached
    return Fetched(written, gone_until, ends)


def _mark_filled_back(connection: Connection, symbol: str) -> None:
    connection.execute(statement("trades/mark_filled_back"), {"symbol": symbol})


def _restart_coverage(connection: Connection, symbol: str, start: datetime, settle_first: SettleFirst) -> None:
    settle_first(connection)
    connection.execute(statement("trades/restart_coverage"), {"symbol": symbol, "start": start})


def store_page(
    connection: Connection,
    symbol: str,
    since: datetime,
    answer: CandlePage,
    as_of: datetime,
    *,
    filled_back: bool | None = None,
) -> int:
    """Write the sealed candles of an answer from `since` on, extend the symbol's sealed range; new candles.

    `filled_back`: False for a piece of a back-fill that is on its way; None leaves that as it is.
    """
    lock(connection, Lock.CANDLE)
    for month in sorted({(minute.year, minute.month) for minute in answer.candles["minute_at"]}):
        ensure_partition(connection, *month)
    connection.execute(statement("trades/create_incoming_candles"))
    with open_copy(connection, "trades/copy_incoming_candles") as copy:
        for minute, *prices in answer.candles.itertuples(index=False, name=None):
            copy.write_row((symbol, minute.to_pydatetime(), *prices))
    connection.execute(statement("trades/insert_revisions"), {"as_of": as_of})
    sealed = {"sealed_from": since, "sealed_until": answer.sealed_until}
    new = connection.execute(statement("trades/insert_candles"), sealed).rowcount
    connection.execute(statement("trades/extend_coverage"), {"symbol": symbol, **sealed, "filled_back": filled_back})
    return new


def ensure_partitions(connection: Connection, since: datetime, until: datetime) -> None:
    """Make the candle partitions of all months from that of `since` to that of `until`, unless they are there."""
    month = since.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while month <= until:
        ensure_partition(connection, month.year, month.month)
        month = (month + timedelta(days=32)).replace(day=1)


def ensure_partition(connection: Connection, year: int, month: int) -> None:
    """Make the candle partition of a month, unless it is there."""
    connection.execute(statement("trades/ensure_candle_partition"), {"year": year, "month": month})


def select_stuck(connection: Connection, as_of: datetime) -> list[tuple[str, int, datetime]]:
    """(symbol, trades, since when prices are kept) of trades that are due, but older than the prices."""
    return [tuple(row) for row in connection.execute(statement("trades/select_stuck_trades"), {"as_of": as_of})]


def select_waiting(connection: Connection, symbols: Sequence[str], as_of: datetime) -> set[str]:
    """Those of the symbols of which something is decided by minutes beyond what is sealed."""
    given = {"symbols": list(symbols), "as_of": as_of}
    return set(connection.execute(statement("trades/select_waiting_symbols"), given).scalars())


def note_price_troubles(connection: Connection, troubles: Sequence[dict[str, str]], as_of: datetime) -> None:
    """Keep why symbols have no prices up to `as_of`, in place of what was kept: rows of symbol, kind and says."""
    given = {"rows": json_rows(troubles), "as_of": as_of}
    connection.execute(statement("trades/replace_price_troubles"), given)
