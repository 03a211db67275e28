"""What the first page shows."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, localcontext
from typing import Any

from sqlalchemy import Connection

from dashboard.data.answer import read_day_pieces, read_last_as_of, read_stored_analysis
from dashboard.data.filters import Filters
from scorekeeper.metrics.day_sums import DaySums
from scorekeeper.metrics.exact import EXACT
from scorekeeper.store.sql import statement

MOST_OFFERED = 500  # versions and symbols that the filter bar names; others can be written


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
class Scope:
    """What the filter bar offers, and where things stand."""

    versions: list[str]
    symbols: list[str]
    last_as_of: datetime | None
    first_day: date | None
    last_day: date | None
    # Decisions from before were deleted by their age: what is counted from rows covers the later ones.
    kept_from: datetime | None = None


def read_scope(connection: Connection) -> Scope:
    """The versions and symbols there are; moments of the first and last close."""
    row = connection.execute(statement("dashboard/select_scope"), {"most": MOST_OFFERED}).one()
    return Scope(list(row.versions), list(row.symbols), row.last_as_of, row.first_day, row.last_day, row.kept_from)


def read_equity(connection: Connection, filters: Filters) -> list[EquityDay]:
    """Equity by day, on the filters' basis, in order."""
    return follow(read_day_pieces(connection, filters, None).get((None, filters.after_fees), []))


def follow(days: Iterable[DaySums]) -> list[EquityDay]:
    """The running sum over days in order; it starts at 0 and takes one step per exit_time, as the drawdown does."""
    found, level, peak = [], Decimal(0), Decimal(0)
    with localcontext(EXACT):
        for day in days:
            high, low = level + day.path_high_pct, level + day.path_low_pct
            fall = max(day.path_fall_pct, peak - low)
            level, peak = level + day.sum_pct, max(peak, high)
            found.append(
                EquityDay(day.day, float(level), float(high), float(low), float(peak - level), float(fall), day.trades)
            )
    return found


def read_analysis(connection: Connection, filters: Filters) -> dict[str, Any] | None:
    """The last analysis of the filters' version at their moment, as it is stored (analysis/document.py: `Analysis`).

    It stays a dictionary, since the class would bring SciPy into a process that shows pages. None if there is no
    analysis, and for filters that no analysis covers: a symbol, a period, suspect or late decisions.
    """
    found = read_stored_analysis(connection, filters, read_last_as_of(connection))
    return None if found is None else dict(found.document)
