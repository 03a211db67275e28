"""When the sessions of a calendar close, asked of exchange_calendars for `verify` alone."""

from datetime import UTC, date, timedelta

from scorekeeper.verify.recount import MarketYear

_AROUND = timedelta(days=20)  # longer than any market is closed


def market_year(calendar: str | None, first: date, last: date) -> MarketYear | None:
    """The closing days of a calendar's sessions around exits from `first` to `last`; None for no calendar."""
    if not calendar:
        return None
    import exchange_calendars

    listed = exchange_calendars.get_calendar(calendar, start="2015-01-01", end="2024-12-31")
    a_year = round(len(listed.sessions) / 10)
    end = last + _AROUND
    if (known := exchange_calendars.get_calendar(calendar).bound_max()) is not None:
        end = min(end, known.date())
    sessions = exchange_calendars.get_calendar(calendar, start=str(first - _AROUND), end=str(end))
    closes = {moment.to_pydatetime().astimezone(UTC).date() for moment in sessions.closes}
    return MarketYear(sorted(closes), a_year)
