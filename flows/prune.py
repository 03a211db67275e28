"""Daily: delete decisions, candles and archived files that are older than the settings keep them."""

from datetime import datetime
from functools import partial
from typing import Any

from scorekeeper.settings import Settings
from tasks.as_of import fix_as_of
from tasks.at_work import run_logger, step
from tasks.database import connect_patiently
from tasks.engine import flow
from tasks.prune import prune_old
from tasks.run_names import counted, rename_run
from tasks.systems import each_system


@flow(
    name="prune",
    description="Deletes what is older than KEEP_DECISIONS_DAYS, KEEP_CANDLES_DAYS and KEEP_ARCHIVE_DAYS.",
    flow_run_name="prune",
)
async def prune(as_of: datetime | None = None, dry_run: bool = False, system: str | None = None) -> dict[str, Any]:
    """Prune as of `as_of` (default: now); `dry_run` only says what would be deleted.

    `system`: one of SYSTEMS_DIR (default: all).
    """
    moment = await fix_as_of(as_of)
    return await each_system(system, "prune", partial(prune_system, moment, dry_run))


async def prune_system(moment: datetime, dry_run: bool, settings: Settings) -> dict[str, Any]:
    """Prune one system."""
    with await connect_patiently(settings) as db:
        done = await step(prune_old)(db, settings, moment, dry_run)
    months, days = counted(len(done.months), "month"), counted(len(done.days), "day")
    old = done.decisions
    await rename_run(f"prune {counted(old.decisions, 'decision')}, {months} of candles, {days} of the archive")
    if old.held_back:
        run_logger().warning("%s", old.held_back)
    for what in (*done.months, *done.days):
        run_logger().info("%s: %s", "would be deleted" if dry_run else "deleted", what)
    return {
        "months": done.months, "days": [str(folder) for folder in done.days], "decisions": old.decisions,
        "before": old.before and old.before.isoformat(), "held_back": old.held_back,
    }  # fmt: skip
