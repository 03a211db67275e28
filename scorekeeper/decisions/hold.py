"""How long a decision holds: minutes, or sessions of a market that closes."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from scorekeeper.decisions.fields import number_or_none
from scorekeeper.decisions.strict_json import DecisionError

MOST_HOLD_MINUTES = 5_256_000  # ten years
MOST_HOLD_SESSIONS = 2_600  # ten years


class Hours(Protocol):
    """When a market is open."""

    def sessions_after(self, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
        """(opens at, closes at) of the sessions that close after a moment, in order, UTC.

        Ends where the calendar is not known any more.
        """


class Hold(Protocol):
    """What a context says of decisions that do not say how long they hold."""

    @property
    def default_hold_minutes(self) -> float: ...
    @property
    def default_hold_sessions(self) -> int | None: ...
    @property
    def hours(self) -> Hours | None: ...


def read_expiry(document: Mapping[str, Any], opened_at: datetime, hold: Hold) -> datetime:
    """When a decision expires, by its own field or by the defaults. Raises DecisionError.

    It must be readable: this moment decides every score of a decision, even of one without a trade.
    """
    minutes = number_or_none(document, "max_hold_minutes", above=0)
    sessions = number_or_none(document, "max_hold_sessions", low=1, high=MOST_HOLD_SESSIONS)
    if sessions is None:
        return _after_minutes(minutes, opened_at, hold)
    if sessions != int(sessions):
        raise DecisionError("max_hold_sessions", "not a whole number")
    if minutes is not None:
        raise DecisionError("max_hold_sessions", "max_hold_minutes is given too: which of them holds cannot be told")
    if hold.hours is None:
        raise DecisionError("max_hold_sessions", "sessions are those of a calendar: set CALENDAR")
    return _after_sessions(hold.hours, opened_at, int(sessions))


def _after_minutes(minutes: float | None, opened_at: datetime, hold: Hold) -> datetime:
    if minutes is None and hold.hours is not None and hold.default_hold_sessions is not None:
        return _after_sessions(hold.hours, opened_at, hold.default_hold_sessions)
    minutes = hold.default_hold_minutes if minutes is None else minutes
    if minutes > MOST_HOLD_MINUTES:
        raise DecisionError("max_hold_minutes", f"more than {MOST_HOLD_MINUTES}")
    length = timedelta(minutes=minutes)
    if not length:
        raise DecisionError("max_hold_minutes", "less than a microsecond")
    if hold.hours is None:
        return opened_at + length
    return end_of_trading_time(hold.hours, opened_at, length)


def _after_sessions(hours: Hours, opened_at: datetime, sessions: int) -> datetime:
    """The close of the last of so many sessions: of those that close after the decision.

    The session that a decision is made in counts as the first.
    """
    for number, (_, closes_at) in enumerate(hours.sessions_after(opened_at), 1):
        if number == sessions:
            return closes_at
    raise DecisionError("max_hold_sessions", "reaches beyond the sessions that the calendar knows")


def end_of_trading_time(hours: Hours, opened_at: datetime, length: timedelta) -> datetime:
    """The first moment by which a market was open for `length` since `opened_at`. Raises DecisionError.

    >>> from datetime import UTC
    >>> class TwoDays:
    ...     def sessions_after(self, moment):
    ...         yield datetime(2026, 1, 1, 9, tzinfo=UTC), datetime(2026, 1, 1, 17, tzinfo=UTC)
    ...         yield datetime(2026, 1, 2, 9, tzinfo=UTC), datetime(2026, 1, 2, 17, tzinfo=UTC)
    >>> end_of_trading_time(TwoDays(), datetime(2026, 1, 1, 16, 30, tzinfo=UTC), timedelta(minutes=45)).isoformat()
    '2026-01-02T09:15:00+00:00'
    """
    for opens_at, closes_at in hours.sessions_after(opened_at):
        begins_at = max(opens_at, opened_at)
        if begins_at + length <= closes_at:
            return begins_at + length
        length -= closes_at - begins_at
    raise DecisionError("max_hold_minutes", "reaches beyond the sessions that the calendar knows")
