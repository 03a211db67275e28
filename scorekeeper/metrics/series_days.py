"""Which days a daily series has: every UTC day, or those on which a session of the market closes.

The rollups are by UTC day. Where the market closes, P&L of a day without a close of a session counts to the next day
that has one, so that a weekend adds no idle days.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal, localcontext
from typing import Protocol

from scorekeeper.metrics.exact import EXACT

_DAY = timedelta(days=1)


class SeriesDays(Protocol):
    """The days of a daily series. `name`: the calendar's, None for every day. `a_year`: how many days a year has."""

    @property
    def name(self) -> str | None: ...
    @property
    def a_year(self) -> int: ...

    def of(self, day: date) -> date:
        """The day of the series that the P&L of a UTC day counts to: that day, or a later one."""

    def count(self, first: date, last: date) -> int:
        """The number of days of the series from `first` to `last`, which are days of it."""


class _EveryDay:
    name = None
    a_year = 365

    def of(self, day: date) -> date:
        return day

    def count(self, first: date, last: date) -> int:
        return (last - first).days + 1


EVERY_DAY: SeriesDays = _EveryDay()


def fold_days(sums: Iterable[tuple[date, Decimal]], days: SeriesDays) -> dict[date, Decimal]:
    """The sums of UTC days, in percent, by day of the series.

    >>> fold_days([(date(2025, 5, 1), Decimal("1.5"))], EVERY_DAY)
    {datetime.date(2025, 5, 1): Decimal('1.5')}
    """
    if days is EVERY_DAY:
        return dict(sums)
    folded: dict[date, Decimal] = {}
    with localcontext(EXACT):
        for day, total in sums:
            of = days.of(day)
            folded[of] = folded.get(of, Decimal(0)) + total
    return folded


def count_days(first: date, last: date, days: SeriesDays) -> int:
    """The days of the series that the P&L of the UTC days from `first` to `last` counts to, and those between them.

    >>> count_days(date(2025, 5, 1), date(2025, 5, 4), EVERY_DAY)
    4
    """
    return days.count(days.of(first), days.of(last))


def last_boundary(until: date, days: SeriesDays) -> date:
    """The latest day, not after `until`, before which no P&L counts to a day from it on.

    >>> last_boundary(date(2025, 5, 4), EVERY_DAY)
    datetime.date(2025, 5, 4)
    """
    while days.of(until - _DAY) >= until:
        until -= _DAY
    return until
