"""Day by day."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from dashboard.data.filters import Filters


@dataclass(frozen=True)
class Day:
    """A UTC day and what closed on it, on the filters' basis; idle days are between the others, with 0 trades."""

    day: date
    trades: int
    winners: int
    losers: int
    total_pnl_pct: float
    href: str


def read_days(connection: Connection, filters: Filters) -> list[Day]:
    """Every calendar day from the first close to the last."""
    raise NotImplementedError
