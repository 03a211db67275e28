"""When a task that failed is repeated. Each transaction of such a task may be repeated without changing anything."""

from typing import Any

from sqlalchemy.exc import OperationalError

from scorekeeper.errors import AwayError, ContendedError


def may_pass(failure: object) -> bool:
    """Whether a failure can go away by itself: the database was away, or others held the rows."""
    return isinstance(failure, OperationalError | ContendedError | AwayError)


# Two more attempts, a second apart: a database that went away is often back by then.
REPEATABLE: dict[str, Any] = {"retries": 2, "retry_delay_seconds": 1}
# A daily task tries for five minutes, so that a short outage of Postgres does not cost a day.
DAILY: dict[str, Any] = {"retries": 4, "retry_delay_seconds": [1, 10, 60, 240]}
