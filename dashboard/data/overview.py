"""What the first page shows."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from dashboard.data.filters import Filters


@dataclass(frozen=True)
class EquityDay:
    """The running sum of P&L (percent, one unit a trade) over one UTC day with closed trades.

    `level`: at its end; `high` and `low`: its extremes within the day; `under`: how far `level` lies under the highest
    point before it, 0 or positive; `fall`: the largest fall that ends within the day; `trades`: closed on it.
    """

    day: date
    level: float
    high: float
    low: float
    under: float
    fall: float
    trades: int


@dataclass(frozen=True)
class KnownEquity:
    """What was known at one as_of: realised and unrealised P&L (percent), open trades."""

    as_of: datetime
    realised_pnl_pct: float
    unrealised_pnl_pct: float
    open_trades: int


@dataclass(frozen=True)
class Scope:
    """What the filter bar offers, and where things stand."""

    versions: list[str]
    symbols: list[str]
    last_as_of: datetime | None
    first_day: date | None
    last_day: date | None


def read_scope(connection: Connection) -> Scope:
    """The versions and symbols there are; moments of the first and last close."""
    raise NotImplementedError


def read_equity(connection: Connection, filters: Filters) -> list[EquityDay]:
    """Equity by day, on the filters' basis, in order."""
    raise NotImplementedError


def read_known_equity(connection: Connection, filters: Filters, most: int = 2_000) -> list[KnownEquity]:
    """Equity as it was known up to the filters' moment, thinned to `most` points; for all versions, or one."""
    raise NotImplementedError


def read_analysis(connection: Connection, filters: Filters) -> Any | None:
    """The document of the last analysis of the filters' version at their moment (scorekeeper.domain.analysis.Analysis).

    None where there is none, and for filters that no analysis is made of: a symbol, a period, suspect or late ones.
    """
    raise NotImplementedError
