"""The days of the daily series of a database: those of the calendar that its market is bound to."""

from datetime import date

from sqlalchemy import Connection

from scorekeeper.metrics.series_days import EVERY_DAY, SeriesDays
from scorekeeper.store.sql import statement
from scorekeeper.trading_calendar import TradingCalendar, calendar_of


class SessionDays:
    """The UTC days on which a session of a calendar closes."""

    def __init__(self, calendar: TradingCalendar) -> None:
        self._calendar = calendar
        self.name = calendar.name

    @property
    def a_year(self) -> int:
        return self._calendar.sessions_a_year

    def of(self, day: date) -> date:
        return self._calendar.close_day(day)

    def count(self, first: date, last: date) -> int:
        return self._calendar.count_close_days(first, last)


def days_of(calendar: str | None) -> SeriesDays:
    """The days of the series under the calendar of that name (None: a market that never closes)."""
    found = calendar_of(calendar)
    return EVERY_DAY if found is None else SessionDays(found)


def read_series_days(connection: Connection) -> SeriesDays:
    """The days of the series under the calendar that the database is bound to."""
    return days_of(connection.execute(statement("market/select_calendar")).scalar())
