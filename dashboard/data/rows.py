"""Lists: what a page of one holds, and what leaves it as CSV or JSON."""

import csv
import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

FORMULAS = ("=", "+", "-", "@")

T = TypeVar("T")


@dataclass(frozen=True)
class Sums:
    """What the trades of a selection come to: counts, and the sum of their P&L in percent, on the filters' basis."""

    winners: int
    losers: int
    sum_pct: float


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some rows of a list: `after` begins the next page (None: this is the last), `count` says how many there are.

    `is_more`: there are more, and they were not counted ("10,000+"). `sums`: of a list of closed trades, all that are
    selected; None where they were not counted.
    """

    rows: list[T]
    after: str | None
    count: int
    is_more: bool
    sums: Sums | None = None


@dataclass(frozen=True)
class TradeRow:
    """A closed trade of a list. Prices in quote currency; P&L, MFE and MAE in percent of entry; confidence 0..100."""

    trade_id: str
    version: str
    symbol: str
    bar_interval: str | None
    side: str
    confidence: float | None
    opened_at: datetime
    exit_time: datetime
    entry_price: float
    exit_price: float
    exit_reason: str
    price_source: str
    ambiguous_exit: bool
    pnl_pct: float
    net_pnl_pct: float
    mfe_pct: float
    mae_pct: float
    horizon_return_pct: float | None
    hold_time_minutes: float
    price_suspect: bool
    late: bool


@dataclass(frozen=True)
class DecisionRow:
    """A decision of a list. `said`, `said_direction` and `said_confidence`: of the agent that the filters name.

    `traded`: it opened a trade; `pnl_pct` and `net_pnl_pct` once that is closed. Horizon columns are None until known.
    """

    trade_id: str
    version: str
    symbol: str
    bar_interval: str | None
    action: str
    direction: int
    confidence: float | None
    price: float | None
    opened_at: datetime
    expires_at: datetime
    received_at: datetime
    late: bool
    price_suspect: bool | None
    horizon_return_pct: float | None
    traded: bool
    exit_reason: str | None
    pnl_pct: float | None
    net_pnl_pct: float | None
    said: str | None
    said_direction: int | None
    said_confidence: float | None
    reason: str | None


@dataclass(frozen=True)
class OpenTrade:
    """An open trade at the filters' moment. `mark_price` is None before its first candle; distances in percent of it.

    Negative minutes: it is overdue, its price is not known yet.
    """

    trade_id: str
    version: str
    symbol: str
    side: str
    entry_price: float
    opened_at: datetime
    expires_at: datetime
    stop_loss: float | None
    take_profit: float | None
    trailing_stop_pct: float | None
    trailing_level: float | None
    close_requested_at: datetime | None
    price_suspect: bool
    mark_price: float | None
    mark_at: datetime | None
    mark_age_minutes: float | None
    pnl_pct: float | None
    age_minutes: float | None
    minutes_to_expiry: float | None
    distance_to_stop_pct: float | None
    distance_to_target_pct: float | None


class Rows(Generic[T]):
    """An iterator over rows of one kind, which is known also where there are none."""

    def __init__(self, kind: type[T], rows: Iterator[T]) -> None:
        self.kind = kind
        self._rows = rows

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        return next(self._rows)


def as_csv(rows: Iterator[Any]) -> Iterator[str]:
    """Rows (dataclasses of one kind) as lines of CSV with a header; cells that begin a formula are disarmed.

    Times are ISO 8601 in UTC, numbers as Python writes them, what is undefined is empty.
    """
    first = next(rows, None)
    kind: Any = getattr(rows, "kind", type(first))
    if kind is type(None):
        yield ""
        return
    names = [field.name for field in fields(kind)]
    yield _line(names)
    for row in itertools.chain([] if first is None else [first], rows):
        yield _line([_cell(getattr(row, name)) for name in names])


def _line(cells: list[str]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
    if isinstance(value, str):
        # A spreadsheet would take it for a formula, also behind what it does not show.
        return f"'{value}" if value.lstrip()[:1] in FORMULAS or value[:1] in ("\t", "\r", "\n") else value
    return str(value).lower() if isinstance(value, bool) else str(value)
