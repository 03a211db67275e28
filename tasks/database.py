"""How a flow opens the database of its installation."""

import asyncio

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_fixed

from scorekeeper.errors import ScorekeeperError
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database, open_database
from tasks.engine import runtime

PATIENCE_SECONDS = 600.0


def connect(settings: Settings) -> Database:
    """The database of this installation, migrated to the newest schema. Raises ScorekeeperError."""
    return open_database(settings.database_url, settings.scorekeeper_home, system=settings.system)


async def connect_patiently(settings: Settings) -> Database:
    """The same for a daily flow: a deployed run waits up to PATIENCE_SECONDS for a database that is away.

    Raises ScorekeeperError.
    """
    if runtime.deployment.id is None:
        return connect(settings)
    async for attempt in AsyncRetrying(
        retry=retry_if_exception_type(ScorekeeperError), stop=stop_after_delay(PATIENCE_SECONDS),
        wait=wait_fixed(10), reraise=True,
    ):  # fmt: skip
        with attempt:
            return await asyncio.to_thread(connect, settings)
    raise AssertionError("tenacity gives up by raising")
