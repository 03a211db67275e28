"""The tasks of the flows that a person starts: close a trade, void a decision, import a dataset."""

from datetime import UTC, datetime
from pathlib import Path

from scorekeeper.decisions.timestamps import as_utc
from scorekeeper.errors import ScorekeeperError
from scorekeeper.metrics import voiding
from scorekeeper.operations import import_dataset
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from scorekeeper.threads import run_in_thread
from scorekeeper.trades import close_requests
from tasks.engine import task


@task(name="import dataset")
async def import_records(db: Database, settings: Settings, path: Path) -> import_dataset.Imported:
    """Read a dataset of the predecessor."""
    return await run_in_thread(import_dataset.import_dataset, db, path, settings, datetime.now(UTC))


@task(name="void decision")
async def void_decision(db: Database, trade_id: str, why: str) -> str:
    """Take a decision out of every figure."""
    now = datetime.now(UTC)
    return await run_in_thread(db.transact, lambda c: voiding.void_decision(c, trade_id, why, now))


@task(name="request close")
async def request_close(db: Database, trade_id: str, as_of: datetime | None) -> str:
    """Note that a trade is to be closed at `as_of` (None: now; a naive one is UTC). Raises ScorekeeperError."""
    now = datetime.now(UTC)
    moment = as_utc(as_of or now)
    if moment > now:
        raise ScorekeeperError(f"{trade_id} is not closed: {moment:%F %R} UTC lies in the future")
    return await run_in_thread(db.transact, lambda c: close_requests.request_close(c, trade_id, moment))
