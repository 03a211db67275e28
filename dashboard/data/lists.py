"""The lists: closed trades, decisions, open trades; a page of each, or all of it for CSV and JSON."""

from collections.abc import Iterator

from sqlalchemy import Connection

from dashboard.data.filters import Filters
from dashboard.data.rows import DecisionRow, OpenTrade, Page, TradeRow

PAGE_ROWS = 50
MOST_COUNTED = 10_000


def read_trades(connection: Connection, filters: Filters, limit: int = PAGE_ROWS) -> Page[TradeRow]:
    """Closed trades in the filters' order, from `filters.after` on."""
    raise NotImplementedError


def read_decisions(connection: Connection, filters: Filters, limit: int = PAGE_ROWS) -> Page[DecisionRow]:
    """Decisions in the filters' order, from `filters.after` on."""
    raise NotImplementedError


def read_open_trades(connection: Connection, filters: Filters, limit: int = PAGE_ROWS) -> Page[OpenTrade]:
    """Trades that were open at the filters' moment, the next to expire first."""
    raise NotImplementedError


def every(read: object, connection: Connection, filters: Filters) -> Iterator[object]:
    """All rows of a list, a page in memory at a time."""
    raise NotImplementedError
