"""Lists: what a page of one holds, and what leaves it as CSV or JSON."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some rows of a list: `after` begins the next page (None: this is the last), `count` says how many there are.

    `count` is exact up to `most`; `is_more`: there are more than that ("10,000+").
    """

    rows: list[T]
    after: str | None
    count: int
    is_more: bool


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


def as_csv(rows: Iterator[object]) -> Iterator[str]:
    """Rows (dataclasses of one kind) as lines of CSV with a header; cells that begin a formula are disarmed."""
    raise NotImplementedError
