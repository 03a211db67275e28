"""When a market is open: its sessions, with early closes and daylight saving, as exchange_calendars knows them."""

from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple

from scorekeeper.errors import ScorekeeperError


class Session(NamedTuple):
    """One session: the day that it is named after, in the market's zone, and its first and last moment, UTC."""

    day: date
    opens_at: datetime
    closes_at: datetime


class TradingCalendar:
    """The sessions of a market that closes.

    `name`: as exchange_calendars has it, such as XNYS, XNAS or XLON. Breaks within a session (Tokyo's lunch) are not
    known: a session is open from its first to its last moment. Raises ScorekeeperError for a name that is not listed.
    """

    def __init__(self, name: str) -> None:
        # Imported here: it loads pandas, and most markets never close.
        import exchange_calendars

        try:
            self._name = exchange_calendars.resolve_alias(name)
        except exchange_calendars.errors.InvalidCalendarName:
            raise ScorekeeperError(f"CALENDAR={name}: no such calendar; write one such as XNYS, XNAS or XLON") from None

    def sessions(self, first: date, last: date) -> list[Session]:
        """The sessions named after the days from `first` to `last`, in order."""
        return [one for year in range(first.year, last.year + 1) for one in _year(self._name, year)
                if first <= one.day <= last]  # fmt: skip


@lru_cache(maxsize=64)
def _year(name: str, year: int) -> tuple[Session, ...]:
    import exchange_calendars

    calendar = exchange_calendars.get_calendar(name, start=f"{year}-01-01", end=f"{year}-12-31")
    opens, closes = calendar.opens.dt.to_pydatetime(), calendar.closes.dt.to_pydatetime()
    return tuple(
        Session(day.date(), opens_at, closes_at)
        for day, opens_at, closes_at in zip(calendar.sessions, opens, closes, strict=True)
    )
