"""When Prefect repeats a task that failed. Each repeated task is one transaction, so repeating it changes nothing."""

from typing import Any

from prefect.cache_policies import NO_CACHE
from sqlalchemy.exc import OperationalError

from scorekeeper.errors import AwayError, ContendedError


async def _may_pass(_task: Any, _run: Any, state: Any) -> bool:
    """Whether the failure can go away by itself: the database was away, or others held the rows."""
    return isinstance(await state.aresult(raise_on_failure=False), OperationalError | ContendedError | AwayError)


# Two more attempts, a second apart: a database that went away is often back by then.
REPEATABLE: dict[str, Any] = {
    "cache_policy": NO_CACHE, "retries": 2, "retry_delay_seconds": 1, "retry_condition_fn": _may_pass,
}  # fmt: skip
# A daily task tries for five minutes, so that a short outage of Postgres does not cost a day.
DAILY: dict[str, Any] = REPEATABLE | {"retries": 4, "retry_delay_seconds": [1, 10, 60, 240]}
