"""A standby that the dashboard reads: how far it lags behind its primary, and reads that it had to cancel."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection

from scorekeeper.errors import CancelledByReplayError
from scorekeeper.store.sql import statement

T = TypeVar("T")
ATTEMPTS = 4
MOST_LAG_SECONDS = 60.0  # a track commits once a minute


@dataclass(frozen=True)
class Standby:
    """A hot standby: the time of the last commit that it has applied, and its lag in seconds. None: it is not known."""

    applied_until: datetime | None
    lag_seconds: float | None

    @property
    def is_behind(self) -> bool:
        """Whether a page may miss what the primary has shown for longer than a track takes to come."""
        return self.lag_seconds is None or self.lag_seconds > MOST_LAG_SECONDS


def make_standby(is_standby: bool, applied_until: datetime | None, lag_seconds: float | None) -> Standby | None:
    """What a row of select_standby says; None for a server that takes writes."""
    return Standby(applied_until, lag_seconds) if is_standby else None


def read_standby(connection: Connection) -> Standby | None:
    """How far the standby lags behind that is asked; None for a server that takes writes."""
    return make_standby(*connection.execute(statement("dashboard/select_standby")).one())


def read_again(work: Callable[[], T]) -> T:
    """What `work` reads in a transaction of its own. A standby that cancelled it is asked again, so often.

    Raises CancelledByReplayError after ATTEMPTS of them.
    """
    for attempt in range(1, ATTEMPTS):
        try:
            return work()
        except CancelledByReplayError:
            time.sleep(0.05 * 2**attempt)
    return work()
