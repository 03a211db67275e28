"""The task of the flow `learn`."""

from datetime import datetime

from scorekeeper.learning import run as library
from scorekeeper.store.database import Database
from scorekeeper.threads import run_in_thread
from tasks.as_of import whole_minute
from tasks.engine import task
from tasks.retries import REPEATABLE


@task(name="learn", **REPEATABLE)
async def learn_versions(db: Database, as_of: datetime | None) -> library.Learned:
    """Learn what was known at the last whole hour at or before `as_of` (default: now), and before the last track."""
    return await run_in_thread(library.learn, db, whole_minute(as_of))
