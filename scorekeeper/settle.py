"""A trade's life in the database: prices in, what is due closed, what is open marked.

Every function works inside the caller's transaction and may be repeated.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import Connection, text

from scorekeeper import score
from scorekeeper.errors import ScorekeeperError
from scorekeeper.market import MINUTE, Answer, Market
from scorekeeper.scorecard import keep_scorecards
from scorekeeper.store.database import Database, open_copy
from scorekeeper.store.sql import json_rows, statement
from scorekeeper.threads import run_in_thread

# One number per kind of work that only one transaction at a time may do.
SETTLE_LOCK = 0x5C0_0001
CANDLE_LOCK = 0x5C0_0002


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


@dataclass(frozen=True)
class Settled:
    """What one settlement did: trades closed, horizon returns that became known.

    `exits`: exit decisions that were looked at for the first time; `idle_exits`: those of them that found nothing open.
    """

    closed: int
    horizons: int
    exits: int = 0
    idle_exits: int = 0


def check_market(connection: Connection, name: str) -> None:
    """Refuse another market than the one that the database is bound to. Raises ScorekeeperError."""
    bound = connection.execute(statement("select_market")).one_or_none()
    if bound is not None and bound.name != name:
        raise ScorekeeperError(
            f"this database keeps the score of {bound.name}, not of {name}: use another SCOREKEEPER_HOME or "
            "DATABASE_URL, or switch on purpose with: scorekeeper migrate --switch-market"
        )


def bind_market(connection: Connection, name: str, as_of: datetime) -> None:
    """Bind the database to a market, or refuse another one, or an `as_of` that lies before the last one.

    Raises ScorekeeperError.
    """
    connection.execute(statement("bind_market"), {"name": name, "as_of": as_of})
    check_market(connection, name)
    last = connection.execute(statement("lock_market")).scalar_one()
    if as_of < last:
        raise ScorekeeperError(
            f"as_of {as_of:%Y-%m-%d %H:%M} UTC lies before the last one, {last:%Y-%m-%d %H:%M} UTC: was a clock set "
            "back? Track goes on by itself from that minute on, and nothing is lost"
        )
    connection.execute(statement("begin_as_of"), {"as_of": as_of})


def advance_as_of(connection: Connection, as_of: datetime) -> None:
    """Note that track has worked up to `as_of`."""
    connection.execute(statement("advance_as_of"), {"as_of": as_of})


def select_needs(connection: Connection, as_of: datetime) -> list[Need]:
    """The symbols whose candles are wanted at `as_of`, in order of their names."""
    rows = connection.execute(statement("select_symbols_to_fetch"), {"as_of": as_of})
    return [Need(*row) for row in rows]


async def fetch_candles(
    db: Database,
    market: Market,
    need: Need,
    as_of: datetime,
    *,
    suspect_price_pct: float,
    on_page: Callable[[datetime], None] = lambda _: None,
) -> Fetched:
    """Bring a symbol's sealed range up to `as_of`, and back to its earliest new decision.

    Each answer is one transaction: killed, it goes on where it was; `on_page` is told up to where it is sealed then.
    Where the range has to begin anew, what the old one decides is settled first (`suspect_price_pct`: see settle).
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
                store_answer,
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
        restart = partial(
            _restart_coverage, symbol=need.symbol, start=kept, as_of=as_of, suspect_price_pct=suspect_price_pct
        )
        await run_in_thread(db.transact, restart)
    while at is not None and at < as_of:
        reached = await take(at, as_of, whole=False)
        if reached <= at:
            break
        at = reached
    return Fetched(written, gone_until, ends)


def _mark_filled_back(connection: Connection, symbol: str) -> None:
    connection.execute(statement("mark_filled_back"), {"symbol": symbol})


def _restart_coverage(
    connection: Connection, symbol: str, start: datetime, as_of: datetime, suspect_price_pct: float
) -> None:
    # Whoever was killed between storing and settling left sealed candles that no trade was held against yet.
    settle(connection, as_of, suspect_price_pct=suspect_price_pct)
    connection.execute(statement("restart_coverage"), {"symbol": symbol, "start": start})


def store_answer(
    connection: Connection,
    symbol: str,
    since: datetime,
    answer: Answer,
    as_of: datetime,
    *,
    filled_back: bool | None = None,
) -> int:
    """Write the sealed candles of an answer from `since` on, extend the symbol's sealed range; new candles.

    `filled_back`: False for a piece of a back-fill that is on its way; None leaves that as it is.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": CANDLE_LOCK})
    for month in sorted({(minute.year, minute.month) for minute in answer.candles["minute_at"]}):
        ensure_partition(connection, *month)
    connection.execute(statement("create_incoming_candles"))
    with open_copy(connection, "copy_incoming_candles") as copy:
        for minute, *prices in answer.candles.itertuples(index=False, name=None):
            copy.write_row((symbol, minute.to_pydatetime(), *prices))
    connection.execute(statement("insert_revisions"), {"as_of": as_of})
    sealed = {"sealed_from": since, "sealed_until": answer.sealed_until}
    new = connection.execute(statement("insert_candles"), sealed).rowcount
    connection.execute(statement("extend_coverage"), {"symbol": symbol, **sealed, "filled_back": filled_back})
    return new


def ensure_partitions(connection: Connection, since: datetime, until: datetime) -> None:
    """Make the candle partitions of all months from that of `since` to that of `until`, unless they are there."""
    month = since.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while month <= until:
        ensure_partition(connection, month.year, month.month)
        month = (month + timedelta(days=32)).replace(day=1)


def ensure_partition(connection: Connection, year: int, month: int) -> None:
    """Make the candle partition of a month, unless it is there."""
    connection.execute(statement("ensure_candle_partition"), {"year": year, "month": month})


def settle(connection: Connection, as_of: datetime, *, suspect_price_pct: float) -> Settled:
    """Close what decisions and sealed candles close at `as_of`, and fill the horizon returns that they decide."""
    open_settlement(connection)
    # No answer is stored meanwhile: what is said to be settled below is what was held against the trades.
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": CANDLE_LOCK})
    known = {"as_of": as_of}
    connection.execute(statement("set_reference_prices"), {**known, "suspect_price_pct": suspect_price_pct})
    connection.execute(statement("apply_exits"), {**known, "settles": True})
    closed = connection.execute(statement("close_due_trades"), known).rowcount
    horizons = connection.execute(statement("set_horizon_returns"), known).rowcount
    connection.execute(statement("advance_settled"))
    connection.execute(statement("advance_settled_as_of"), known)
    record_settlement(connection)
    exits, idle = connection.execute(statement("count_idle_exits"), known).one()
    return Settled(closed, horizons, exits, idle)


def apply_exits(connection: Connection, at: datetime) -> None:
    """Note for open trades which decision asks first for their close, of those made up to `at`; nothing is closed.

    They wait for the next settlement.
    """
    open_settlement(connection)
    connection.execute(statement("apply_exits"), {"as_of": at, "settles": False})


def conclude(connection: Connection, as_of: datetime) -> int:
    """What follows when all is settled: rollups, marks, that `as_of` has been worked up to, what each version comes to.

    The number of days scored.
    """
    days = score.score_stale_days(connection, as_of)
    mark(connection, as_of)
    advance_as_of(connection, as_of)
    keep_scorecards(connection, as_of)
    return days


def close_by_quote(
    connection: Connection, trade_id: str, *, price: float, at: datetime, as_of: datetime, reason: str
) -> bool:
    """Close an open trade at a quoted price, now; False if it was not open. `reason`: expired, manual or signal."""
    open_settlement(connection)
    closed = connection.execute(
        statement("close_by_quote"), {"trade_id": trade_id, "price": price, "at": at, "as_of": as_of, "reason": reason}
    ).rowcount
    record_settlement(connection)
    return closed == 1


def open_settlement(connection: Connection) -> None:
    """Begin to close trades in this transaction: one settlement at a time."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": SETTLE_LOCK})
    connection.execute(statement("create_settled_trades"))
    connection.execute(statement("create_settled_decisions"))
    connection.execute(text("TRUNCATE settled_trade, settled_decision"))


def record_settlement(connection: Connection) -> None:
    """Note what this transaction settled: lines to publish, rollup days to make again."""
    connection.execute(statement("insert_outcome_events"))
    connection.execute(statement("insert_horizon_events"))
    connection.execute(statement("mark_stale_days"))


def select_stuck(connection: Connection, as_of: datetime) -> list[tuple[str, int, datetime]]:
    """(symbol, trades, since when prices are kept) of trades that are due, but older than the prices."""
    return [tuple(row) for row in connection.execute(statement("select_stuck_trades"), {"as_of": as_of})]


def select_waiting(connection: Connection, symbols: Sequence[str], as_of: datetime) -> set[str]:
    """Those of the symbols of which something is decided by minutes beyond what is sealed."""
    given = {"symbols": list(symbols), "as_of": as_of}
    return set(connection.execute(statement("select_waiting_symbols"), given).scalars())


def note_price_troubles(connection: Connection, troubles: Sequence[dict[str, str]], as_of: datetime) -> None:
    """Keep why symbols have no prices up to `as_of`, in place of what was kept: rows of symbol, kind and says."""
    given = {"rows": json_rows(troubles), "as_of": as_of}
    connection.execute(statement("replace_price_troubles"), given)


def mark(connection: Connection, as_of: datetime) -> int:
    """Write what was known of open trades at `as_of`; equity rows written (a repeat writes none)."""
    return connection.execute(statement("mark_open_trades"), {"as_of": as_of}).rowcount


def request_close(connection: Connection, trade_id: str, moment: datetime) -> str:
    """Ask for a trade to be closed at `moment`, rounded down to the minute, but not to before its entry.

    What became of it: requested, already requested, closed, not open yet, no trade or unknown. A request may come after
    its moment, as a late decision may: exit_known_at tells.
    """
    # What a settlement is just closing is closed, and what is asked for here is known to the next one.
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": SETTLE_LOCK})
    row = connection.execute(statement("select_trade"), {"trade_id": trade_id}).mappings().one_or_none()
    if row is None:
        return "unknown"
    if not row["is_trade"]:
        return "no trade"
    if row["exit_time"] is not None:
        return "closed"
    if row["close_requested_at"] is not None:
        return "already requested"
    minute = moment.replace(second=0, microsecond=0)
    asked = {"trade_id": trade_id, "moment": moment, "minute": minute}
    changed = connection.execute(statement("request_close"), asked).rowcount
    return "requested" if changed else "not open yet"


def void_decision(connection: Connection, trade_id: str, why: str, at: datetime) -> str:
    """Take a decision out of every figure, for a reason that is kept: voided, already voided or unknown.

    Raises ScorekeeperError without a reason.
    """
    if not why.strip():
        raise ScorekeeperError(f"{trade_id} is not voided: a reason is needed, and kept")
    # It writes a decision, its trade and days to be scored again, as settlements and scores do in other orders.
    for lock in (SETTLE_LOCK, score.SCORE_LOCK):
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": lock})
    row = connection.execute(statement("select_trade"), {"trade_id": trade_id}).mappings().one_or_none()
    if row is None:
        return "unknown"
    if row["voided_at"] is not None:
        return "already voided"
    connection.execute(statement("void_decision"), {"trade_id": trade_id, "why": why, "at": at})
    market = connection.execute(statement("select_market")).one_or_none()
    tracked = None if market is None else market.last_as_of
    # Where the clock here lags behind what track has worked up to, what counts already goes on counting.
    known = at if tracked is None else max(at, tracked)
    score.score_stale_days(connection, known)
    keep_scorecards(connection, known)
    return "voided"
