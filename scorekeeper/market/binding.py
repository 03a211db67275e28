"""The market that a database is bound to, and the last as_of that track has worked up to.

A database keeps the score by the prices of one market, by its sessions and by candles of one length. The first track
binds it.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from scorekeeper.errors import ScorekeeperError
from scorekeeper.market.base import ONE_MINUTE, Bars
from scorekeeper.store.sql import statement

_OR_SWITCH = (
    "use another SCOREKEEPER_HOME or DATABASE_URL, or switch on purpose with: scorekeeper migrate --switch-market"
)


def check_market(connection: Connection, name: str, *, calendar: str | None = None, bars: Bars = ONE_MINUTE) -> None:
    """Raises ScorekeeperError if the database is bound to another market than `name`, calendar or length of candles.

    `calendar`: the name of its sessions; None or empty: the market never closes.
    """
    bound = connection.execute(statement("market/select_market")).one_or_none()
    if bound is None:
        return
    if bound.name != name:
        raise ScorekeeperError(f"this database keeps the score of {bound.name}, not of {name}: {_OR_SWITCH}")
    if bound.calendar != (calendar or None):
        raise ScorekeeperError(
            f"this database keeps the score by {_by_calendar(bound.calendar)}, not by {_by_calendar(calendar)}: "
            f"{_OR_SWITCH}"
        )
    if bound.candle_seconds != bars.seconds:
        kept = Bars(timedelta(seconds=bound.candle_seconds)).name
        raise ScorekeeperError(
            f"this database keeps the score by CANDLE_LENGTH={kept}, not by CANDLE_LENGTH={bars.name}: use another "
            "SCOREKEEPER_HOME or DATABASE_URL"
        )


def _by_calendar(name: str | None) -> str:
    return f"CALENDAR={name}" if name else "a market that never closes (no CALENDAR)"


def bind_market(
    connection: Connection, name: str, as_of: datetime, *, calendar: str | None = None, bars: Bars = ONE_MINUTE
) -> None:
    """Bind the database to a market, its calendar and its candles, if it has none yet, and begin a track at `as_of`.

    `calendar`: see check_market. Raises ScorekeeperError for another market, calendar or length of candles, and for an
    `as_of` before the last one.
    """
    given = {"name": name, "as_of": as_of, "calendar": calendar or None, "candle_seconds": bars.seconds}
    connection.execute(statement("market/bind_market"), given)
    check_market(connection, name, calendar=calendar, bars=bars)
    stored = connection.execute(statement("market/keep_candle_length"), {"candle_seconds": bars.seconds}).scalar_one()
    if stored != bars.seconds:
        kept = Bars(timedelta(seconds=stored)).name
        raise ScorekeeperError(
            f"this database holds candles of CANDLE_LENGTH={kept}, which CANDLE_LENGTH={bars.name} would misread: use "
            "another SCOREKEEPER_HOME or DATABASE_URL"
        )
    last = connection.execute(statement("market/lock_market")).scalar_one()
    if as_of < last:
        raise ScorekeeperError(
            f"as_of {as_of:%Y-%m-%d %H:%M} UTC lies before the last one, {last:%Y-%m-%d %H:%M} UTC: was a clock set "
            "back? Track goes on by itself from that minute on, and nothing is lost"
        )
    connection.execute(statement("market/begin_as_of"), {"as_of": as_of})


def advance_as_of(connection: Connection, as_of: datetime) -> None:
    """Note that track has worked up to `as_of`."""
    connection.execute(statement("market/advance_as_of"), {"as_of": as_of})
