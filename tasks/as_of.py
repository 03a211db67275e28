"""The `as_of` of a run: the whole minute in UTC that it works up to."""

import asyncio
from datetime import UTC, datetime

from scorekeeper.decisions.timestamps import as_utc
from tasks.engine import runtime

PREFETCH_SECONDS = 10.0  # how early a worker starts a scheduled run


def whole_minute(moment: datetime | None) -> datetime:
    """`moment` (None: now) in UTC, rounded down to the minute; a naive one is UTC."""
    return as_utc(moment or datetime.now(UTC)).replace(second=0, microsecond=0)


async def fix_as_of(as_of: datetime | None) -> datetime:
    """The whole minute of this run: that of `as_of`, else the current one.

    A scheduled run that starts early waits for its scheduled time. Otherwise it would work on the minute before.
    """
    due = runtime.flow_run.scheduled_start_time
    if as_of is None and due is not None and (early := (due - datetime.now(UTC)).total_seconds()) > 0:
        await asyncio.sleep(min(early, PREFETCH_SECONDS))
    return whole_minute(as_of)
