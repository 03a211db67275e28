"""By hand: read a performance_dataset.jsonl of the predecessor."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from tasks.by_hand import import_records
from tasks.database import connect
from tasks.engine import flow
from tasks.publish import publish_files
from tasks.run_names import counted, rename_run
from tasks.systems import one_system


@flow(
    name="import-dataset",
    description="Reads a performance_dataset.jsonl of the predecessor; repeatable.",
    flow_run_name="import {path}",
)
async def import_dataset(path: str, system: str | None = None) -> dict[str, Any]:
    """Import the dataset at `path`, and publish what is new."""
    settings = one_system(system)
    with connect(settings) as db:
        imported = await import_records(db, settings, Path(path))
        await rename_run(f"import {counted(imported.decisions, 'decision')} from {counted(imported.records, 'record')}")
        await publish_files(db, settings)
    return asdict(imported)
