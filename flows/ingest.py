"""On arrival, and as a sweep: take in every decision file in the inbox."""

from dataclasses import asdict
from functools import partial
from typing import Any

from scorekeeper.settings import Settings
from tasks.alert_events import emit_refusals, emit_track_late
from tasks.artifacts import publish_quarantine
from tasks.at_work import run_logger, step
from tasks.database import connect
from tasks.engine import flow
from tasks.ingest import fail_at_trouble, ingest_files, warn_of_unread
from tasks.publish import publish_files
from tasks.run_names import counted, rename_run
from tasks.systems import each_system, one_system


@flow(
    name="ingest",
    description="Takes every decision file in the inbox into Postgres, and publishes what is new.",
    flow_run_name="ingest",
)
async def ingest(
    paths: list[str] | None = None, system: str | None = None, stay_seconds: float = 0
) -> dict[str, Any]:
    """Ingest the inbox, or the files and folders named in `paths` (which stay where they are).

    `system`: one of SYSTEMS_DIR (default: all; `paths` are taken in for one). `stay_seconds`: take in what comes within
    so many seconds of the last file, too.
    """
    if paths is not None:
        one_system(system)
    return await each_system(system, "ingest", partial(ingest_system, paths, stay_seconds))


async def ingest_system(paths: list[str] | None, stay_seconds: float, settings: Settings) -> dict[str, Any]:
    """Ingest for one system."""
    with connect(settings) as db:
        summary = await step(ingest_files)(db, settings, paths, stay_seconds)
        refused = f", {summary.rejected} rejected" if summary.rejected else ""
        decisions, files = counted(summary.decisions, "decision"), counted(summary.files, "file")
        await rename_run(f"ingest {decisions} from {files}{refused}")
        published = await step(publish_files)(db, settings)
        if summary.files or summary.rejected:
            await publish_quarantine(db, settings)
        await emit_refusals(db)
        await emit_track_late(db)
    run_logger().info(
        "%d files, %d decisions, %d duplicates, %d rejected; %d lines published",
        summary.files, summary.decisions, summary.duplicates, summary.rejected, published.log_lines,
    )  # fmt: skip
    warn_of_unread(summary)
    fail_at_trouble(summary)
    return asdict(summary)
