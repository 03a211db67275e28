"""Daily: gives up candles and archived files that nobody needs any more."""

from datetime import datetime
from typing import Any

from prefect import flow, get_run_logger

from scorekeeper.settings import load_settings
from tasks import naming, steps


@flow(
    name="prune",
    description="Gives up candles and archived files older than KEEP_CANDLES_DAYS and KEEP_ARCHIVE_DAYS keep them.",
    flow_run_name="prune",
)
async def prune(as_of: datetime | None = None, dry_run: bool = False) -> dict[str, Any]:
    """Prune as of `as_of` (default: now); `dry_run` only says what would go."""
    settings = load_settings()
    moment = await steps.fix_as_of(as_of)
    with await steps.connect_patiently(settings) as db:
        done = await steps.prune(db, settings, moment, dry_run)
    months, days = naming.counted(len(done.months), "month"), naming.counted(len(done.days), "day")
    await naming.rename_run(f"prune {months} of candles, {days} of the archive")
    for what in (*done.months, *done.days):
        get_run_logger().info("%s: %s", "would go" if dry_run else "gone", what)
    return {"months": done.months, "days": [str(folder) for folder in done.days]}
