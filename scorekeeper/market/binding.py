"""The market that a database is bound to, and the last as_of that track has worked up to.

A database keeps the score by the prices of one market. The first track binds it.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from scorekeeper.errors import ScorekeeperError
from scorekeeper.market.base import Bars
from scorekeeper.store.sql import statement


ONE_MINUTE = Bars()


def check_market(connection: Connection, name: str, bars: Bars = ONE_MINUTE) -> None:
    """Raises ScorekeeperError if the database is bound to another market than `name`, or to other candles."""
    bound = connection.execute(statement("market/select_market")).one_or_none()
    if bound is not None and bound.name != name:
        raise ScorekeeperError(
            f"this database keeps the score of {bound.name}, not of {name}: use another SCOREKEEPER_HOME or "
            "DATABASE_URL, or switch on purpose with: scorekeeper migrate --switch-market"
        )
    if bound is not None and bound.candle_seconds != bars.seconds:
        kept = Bars(timedelta(seconds=bound.candle_seconds)).name
        raise ScorekeeperError(
            f"this database keeps the score by candles of {kept}, not of {bars.name}: set CANDLE_LENGTH={kept}, or use "
            "another SCOREKEEPER_HOME or DATABASE_URL"
        )


def bind_market(connection: Connection, name: str, as_of: datetime, bars: Bars = ONE_MINUTE) -> None:
    """Bind the database to the market `name`, if it has none yet, and begin a track at `as_of`.

    Raises ScorekeeperError for another market or other candles, and for an `as_of` before the last one.
    """
    given = {"name": name, "as_of": as_of, "candle_seconds": bars.seconds}
    connection.execute(statement("market/bind_market"), given)
    check_market(connection, name, bars)
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
