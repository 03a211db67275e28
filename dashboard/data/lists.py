"""The lists: closed trades, decisions, open trades; a page of each, or all of it for CSV and JSON.

A page begins after the last row of the one before it, never at a number of rows: page 10,000 costs what the first does.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from fractions import Fraction
from json import dumps, loads
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection

from dashboard.data.added_up import is_plain
from dashboard.data.answer import moments, parameters, read_day_pieces, read_last_as_of
from dashboard.data.filters import FilterError, Filters
from dashboard.data.rows import DecisionRow, OpenTrade, Page, Rows, Sums, TradeRow
from scorekeeper.store.sql import statement

PAGE_ROWS = 50
MOST_COUNTED = 10_000
EXPORT_ROWS = 2_000

T = TypeVar("T", TradeRow, DecisionRow, OpenTrade)
_TRADES = ("outcome", "side", "exit", "stance")
_BOTH = ("interval", "confidence", "hour", "weekday", "agent", "without", "confidence_from", "confidence_to")
_DECISIONS = ("action", "side", "call")


@dataclass(frozen=True)
class Listing(Generic[T]):
    """How a list is read: its statements, what a row is, which columns it can be sorted by, and the filters it knows.

    `sorts`: each with its own order where none is asked for; the first is the list's own. A filter that it does not
    know is refused: it would be ignored.
    """

    kind: type[T]
    select: str
    count: str | None
    sorts: Mapping[str, str]
    known: tuple[str, ...]


TRADES = Listing(
    TradeRow, "dashboard/select_trades", "dashboard/count_trades",
    {
        "exit_time": "desc", "opened_at": "desc", "pnl_pct": "desc", "mfe_pct": "desc", "mae_pct": "asc",
        "hold_time_minutes": "desc", "confidence": "desc", "symbol": "asc",
    },
    (*_TRADES, *_BOTH),
)  # fmt: skip
DECISIONS = Listing(
    DecisionRow, "dashboard/select_decisions", "dashboard/count_decisions",
    {"expires_at": "desc", "opened_at": "desc", "confidence": "desc", "symbol": "asc"},
    (*_DECISIONS, *_BOTH),
)  # fmt: skip
OPEN = Listing(
    OpenTrade, "dashboard/select_open_trades", None,
    {"expires_at": "asc", "opened_at": "desc", "pnl_pct": "desc", "symbol": "asc"},
    ("side",),
)  # fmt: skip
# What a cursor holds beside the id, by the column's kind.
_AFTER = {datetime: "after_at", float: "after_value", str: "after_text"}
_KINDS: Mapping[str, type] = {"exit_time": datetime, "opened_at": datetime, "expires_at": datetime, "symbol": str}
# As the statements put what is undefined.
_UNDEFINED = {"confidence": -1.0, "pnl_pct": float("-inf")}


def read_trades(connection: Connection, filters: Filters, limit: int = PAGE_ROWS) -> Page[TradeRow]:
    """Closed trades in the filters' order, from `filters.after` on."""
    return _read(connection, TRADES, filters, limit)


def read_decisions(connection: Connection, filters: Filters, limit: int = PAGE_ROWS) -> Page[DecisionRow]:
    """Decisions in the filters' order, from `filters.after` on."""
    return _read(connection, DECISIONS, filters, limit)


def read_open_trades(connection: Connection, filters: Filters, limit: int = PAGE_ROWS) -> Page[OpenTrade]:
    """Trades that were open at the filters' moment, the next to expire first."""
    return _read(connection, OPEN, filters, limit)


def every(read: Callable[[Connection, Filters], Page[T]], connection: Connection, filters: Filters) -> Rows[T]:
    """All rows of the list that `read` has a page of, from `filters.after` on, EXPORT_ROWS in memory at a time."""
    listing: Listing[T] = _LISTINGS[read]

    def pages() -> Iterator[T]:
        after = filters.after
        while True:
            rows, after = _read_page(connection, listing, filters.changed(after=after), EXPORT_ROWS)[:2]
            yield from rows
            if after is None:
                return

    return Rows(listing.kind, pages())


_LISTINGS: Mapping[Callable[..., Any], Listing[Any]] = {
    read_trades: TRADES, read_decisions: DECISIONS, read_open_trades: OPEN,
}  # fmt: skip


def order_of(listing: Listing[T], filters: Filters) -> tuple[str, bool]:
    """The column that a list is sorted by, and whether it descends. Raises FilterError for another column."""
    sort = filters.sort or next(iter(listing.sorts))
    if sort not in listing.sorts:
        raise FilterError("sort", sort, f"one of {', '.join(listing.sorts)}")
    return sort, (filters.order or listing.sorts[sort]) == "desc"


def _read(connection: Connection, listing: Listing[T], filters: Filters, limit: int) -> Page[T]:
    rows, after, given = _read_page(connection, listing, filters, limit)
    if listing is TRADES:
        count, sums = _sum_trades(connection, filters, given)
    elif filters.after is None and after is None:
        count, sums = len(rows), None
    else:
        count, sums = _count(connection, listing, given), None
    is_more = count > MOST_COUNTED and sums is None
    return Page(rows, after, MOST_COUNTED if is_more else count, is_more, sums)


def _read_page(
    connection: Connection, listing: Listing[T], filters: Filters, limit: int
) -> tuple[list[T], str | None, dict[str, Any]]:
    """The rows of a page, where the next one begins, and what the selection's statements take."""
    for name in sorted({*_TRADES, *_BOTH, *_DECISIONS} - {*listing.known}):
        if (value := getattr(filters, name)) is not None:
            raise FilterError(name, str(value), "another page: this one has no such filter")
    sort, descending = order_of(listing, filters)
    column = "net_pnl_pct" if listing is TRADES and sort == "pnl_pct" and filters.after_fees else sort
    given: dict[str, Any] = {
        **parameters(filters), **moments(filters, read_last_as_of(connection)),
        **{name: getattr(filters, name) for name in listing.known},
        "after_fees": filters.after_fees, "sort": column, "descending": descending,
    }  # fmt: skip
    page = given | _read_cursor(filters.after, _KINDS.get(column, float)) | {"most": limit + 1}
    found = connection.execute(statement(listing.select), page).mappings().all()
    names = [field.name for field in fields(listing.kind)]
    rows = [listing.kind(**{name: row[name] for name in names}) for row in found[:limit]]
    return rows, _write_cursor(rows[-1], column) if len(found) > limit else None, given


def _sum_trades(connection: Connection, filters: Filters, given: dict[str, Any]) -> tuple[int, Sums | None]:
    """How many trades are selected, and what they come to; from the rollups where these hold just them."""
    if is_plain(filters) and all(given[name] is None for name in TRADES.known):
        days = read_day_pieces(connection, filters, None).get((None, filters.after_fees), [])
        sums = [sum(getattr(day, name) for day in days) for name in ("trades", "winners", "losers")]
        return sums[0], Sums(sums[1], sums[2], float(sum(Fraction(day.sum_pct) for day in days)))
    row = connection.execute(statement("dashboard/count_trades"), given | {"most": MOST_COUNTED + 1}).one()
    return row.trades, None if row.trades > MOST_COUNTED else Sums(row.winners, row.losers, float(row.sum_pct))


def _count(connection: Connection, listing: Listing[T], given: dict[str, Any]) -> int:
    given = given | _read_cursor(None, str) | {"most": MOST_COUNTED + 1}
    if listing.count is not None:
        return int(connection.execute(statement(listing.count), given).scalar_one())
    return len(connection.execute(statement(listing.select), given).all())


def _write_cursor(row: TradeRow | DecisionRow | OpenTrade, column: str) -> str:
    value = getattr(row, column)
    value = _UNDEFINED[column] if value is None else value
    return dumps([value.isoformat() if isinstance(value, datetime) else value, row.trade_id], ensure_ascii=False)


def _read_cursor(words: str | None, kind: type) -> dict[str, Any]:
    """The statement's parameters for a page that begins after a row. Raises FilterError for what is no such row."""
    cursor: dict[str, Any] = {"after_id": None, "after_at": None, "after_value": None, "after_text": None}
    if words is None:
        return cursor
    try:
        value, trade_id = loads(words)
        value = datetime.fromisoformat(value) if kind is datetime else value
        fits = isinstance(value, kind) or (kind is float and isinstance(value, int) and abs(value) < 1e300)
        if not fits or not isinstance(trade_id, str) or (kind is datetime and value.tzinfo is None):
            raise ValueError(words)
        # JSON can write half characters and NUL; neither is in a name, nor taken by Postgres.
        if b"\0" in f"{value}{trade_id}".encode():
            raise ValueError(words)
    except (ValueError, TypeError, RecursionError):
        raise FilterError("after", words[:40], "what the link to the next page says") from None
    return cursor | {"after_id": trade_id, _AFTER[kind]: value}
