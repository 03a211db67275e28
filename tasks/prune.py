"""The task of the flow `prune`."""

from datetime import UTC, datetime

from scorekeeper.errors import ScorekeeperError
from scorekeeper.operations import prune as library
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from scorekeeper.threads import run_in_thread
from tasks.engine import task
from tasks.retries import DAILY


@task(name="prune", **DAILY)
async def prune_old(db: Database, settings: Settings, as_of: datetime, dry_run: bool) -> library.Pruned:
    """Delete decisions, candles and archived files older than the settings keep them. Raises ScorekeeperError."""
    if as_of > datetime.now(UTC):
        raise ScorekeeperError(f"nothing is pruned: {as_of:%F %R} UTC lies in the future")
    return await run_in_thread(library.prune, db, settings, as_of, dry_run=dry_run)
