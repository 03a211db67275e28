"""What of a breakdown is added up in stretches of days that are over; the rest is counted from the rows."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Connection

from dashboard.data.filters import Filters
from scorekeeper.metrics.breakdown import Breakdown
from scorekeeper.metrics.selection import Covered, Trades, bound_days, list_holes, read_parts

# So long a price may be away after an expiry: what expired earlier was known then, if it is known now.
SETTLED = timedelta(days=7)
_LAST = datetime(9999, 1, 1, tzinfo=UTC)


def is_plain(filters: Filters) -> bool:
    """Whether the rollups hold just the decisions that the filters select."""
    return filters.suspect == "no" and filters.late == "yes"


def read_added_up(connection: Connection, filters: Filters, by: Breakdown | None) -> tuple[list[Filters], Trades]:
    """What of a breakdown's trades is added up; and the filters of what is not, a period each."""
    bounds = bound_parts(filters, by, filters.as_of)
    if bounds is None:
        return [filters], defaultdict(list)
    covered, found = read_parts(connection, {"by": by, "version": filters.version}, bounds)
    return list_periods(filters, covered), found


def bound_parts(filters: Filters, by: Breakdown | None, at: datetime | None) -> tuple[date | None, date] | None:
    """The days that may be added up by part; None where what is added up holds other decisions."""
    if by is None or filters.symbol is not None or not is_plain(filters):
        return None
    return bound_days(filters.since, filters.until, at or _LAST)


def list_periods(filters: Filters, covered: Covered) -> list[Filters]:
    """The filters of what is not added up, a period each."""
    return [
        filters.changed(since=since, until=until)
        for since, until in list_holes(filters.since, filters.until, covered)
    ]
