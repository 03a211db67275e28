"""By hand: reads a performance_dataset.jsonl of the predecessor."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from prefect import flow

from scorekeeper.settings import load_settings
from tasks import naming, steps


@flow(
    name="import-dataset",
    description="Reads a performance_dataset.jsonl of the predecessor; repeatable.",
    flow_run_name="import {path}",
)
async def import_dataset(path: str) -> dict[str, Any]:
    """Import the dataset at `path`, and publish what is new."""
    settings = load_settings()
    with steps.connect(settings) as db:
        imported = await steps.import_records(db, settings, Path(path))
        decisions, records = naming.counted(imported.decisions, "decision"), naming.counted(imported.records, "record")
        await naming.rename_run(f"import {decisions} from {records}")
        await steps.publish_files(db, settings)
    return asdict(imported)
