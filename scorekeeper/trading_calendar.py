"""When a market is open: its sessions, with early closes and daylight saving, as exchange_calendars knows them."""

from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from operator import attrgetter
from typing import NamedTuple

from scorekeeper.errors import ScorekeeperError

# The sessions a year are counted over these: a figure must not change with the year that it is asked in.
_FIRST_COUNTED, _LAST_COUNTED = 2015, 2024
_DAY = timedelta(days=1)
_closing = attrgetter("closes_at")


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
        self.name = name

    def sessions(self, first: date, last: date) -> list[Session]:
        """The sessions named after the days from `first` to `last`, in order. None of a year that is not known."""
        return [one for year in range(first.year, last.year + 1) for one in _year(self._name, year)
                if first <= one.day <= last]  # fmt: skip

    def sessions_after(self, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
        """(opens at, closes at) of the sessions that close after a moment, in order, as far as they are known."""
        # A session that spans midnight is named after a day beside those of its moments.
        first = moment.astimezone(UTC).date() - 2 * _DAY
        year = first.year
        while (sessions := _year(self._name, year)) or year == first.year:
            for one in sessions[bisect_right(sessions, moment, key=_closing) :]:
                yield one.opens_at, one.closes_at
            year += 1

    def close_day(self, day: date) -> date:
        """The first UTC day, from `day` on, on which a session closes; `day` where none is known any more."""
        for later in range(16):
            if day + later * _DAY in _close_days(self._name, (day + later * _DAY).year):
                return day + later * _DAY
        return day

    def count_close_days(self, first: date, last: date) -> int:
        """The number of UTC days from `first` to `last` on which a session closes."""
        years = range(first.year, last.year + 1)
        return sum(first <= day <= last for year in years for day in _close_days(self._name, year))

    @property
    def sessions_a_year(self) -> int:
        """How many sessions a year has: the mean of 2015 to 2024, rounded. 252 in New York."""
        return _sessions_a_year(self._name)

    @property
    def zone(self) -> str:
        """The market's time zone, such as America/New_York."""
        import exchange_calendars

        return str(exchange_calendars.get_calendar(self._name).tz)


def calendar_of(name: str | None) -> TradingCalendar | None:
    """The calendar of a name; None for none, which a market that never closes has. Raises ScorekeeperError."""
    return _calendar(name) if name else None


@lru_cache(maxsize=8)
def _calendar(name: str) -> TradingCalendar:
    return TradingCalendar(name)


@lru_cache(maxsize=64)
def _year(name: str, year: int) -> tuple[Session, ...]:
    """The sessions of a year; none if the library does not know them, since holidays are not announced that far."""
    import exchange_calendars

    try:
        calendar = exchange_calendars.get_calendar(name, start=f"{year}-01-01", end=f"{year}-12-31")
    except ValueError:
        return ()
    opens, closes = calendar.opens.dt.to_pydatetime(), calendar.closes.dt.to_pydatetime()
    return tuple(
        Session(day.date(), opens_at, closes_at)
        for day, opens_at, closes_at in zip(calendar.sessions, opens, closes, strict=True)
    )


@lru_cache(maxsize=256)
def _close_days(name: str, year: int) -> frozenset[date]:
    # A session of the next year's first day may close on the last day of this one, and the other way round.
    near = (one for other in (year - 1, year, year + 1) for one in _year(name, other))
    return frozenset(day for one in near if (day := one.closes_at.astimezone(UTC).date()).year == year)


@lru_cache(maxsize=8)
def _sessions_a_year(name: str) -> int:
    counts = [len(sessions) for year in range(_FIRST_COUNTED, _LAST_COUNTED + 1) if (sessions := _year(name, year))]
    return round(sum(counts) / len(counts)) if counts else 252
