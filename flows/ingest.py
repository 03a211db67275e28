"""Everything in the inbox, until it is empty."""

from dataclasses import asdict
from typing import Any

from prefect import flow, get_run_logger

from scorekeeper.settings import load_settings
from tasks import alerts, artifacts, naming, steps


@flow(
    name="ingest",
    description="Takes every decision file in the inbox into Postgres, and publishes what is new.",
    flow_run_name="ingest",
)
async def ingest(paths: list[str] | None = None) -> dict[str, Any]:
    """Ingest the inbox, or the files and folders named in `paths` (which stay where they are)."""
    settings = load_settings()
    with steps.connect(settings) as db:
        summary = await steps.ingest_files(db, settings, paths)
        refused = f", {summary.rejected} rejected" if summary.rejected else ""
        decisions, files = naming.counted(summary.decisions, "decision"), naming.counted(summary.files, "file")
        await naming.rename_run(f"ingest {decisions} from {files}{refused}")
        published = await steps.publish_files(db, settings)
        if summary.files or summary.rejected:
            await artifacts.publish_quarantine(db, settings)
        await alerts.tell_of_quarantine(db)
        await alerts.tell_of_track(db)
    get_run_logger().info(
        "%d files, %d decisions, %d duplicates, %d rejected; %d lines published",
        summary.files, summary.decisions, summary.duplicates, summary.rejected, published.log_lines,
    )  # fmt: skip
    steps.tell_unread(summary)
    steps.stop_at_trouble(summary)
    return asdict(summary)
