"""Hourly, where PUBLISH_PARQUET is true: add what is new to the dataset in Parquet."""

from typing import Any

from scorekeeper.settings import Settings
from tasks.at_work import step
from tasks.database import connect
from tasks.engine import flow
from tasks.publish import publish_parquet_files
from tasks.run_names import counted, rename_run
from tasks.systems import each_system


@flow(
    name="publish-parquet",
    description="Adds what is new to the dataset in Parquet, for analysts.",
    flow_run_name="publish-parquet",
)
async def publish_parquet(system: str | None = None) -> dict[str, Any]:
    """The number of new rows, and of files written; `system`: one of SYSTEMS_DIR (default: all)."""
    return await each_system(system, "publish-parquet", publish_system)


async def publish_system(settings: Settings) -> dict[str, Any]:
    """Publish one system's, unless PUBLISH_PARQUET is false."""
    if not settings.publish_parquet:
        await rename_run("publish-parquet: switched off, set PUBLISH_PARQUET=true")
        return {"rows": 0, "files": 0}
    with connect(settings) as db:
        done = await step(publish_parquet_files)(db, settings)
        await rename_run(f"publish-parquet: {counted(done.rows, 'row')}")
    return {"rows": done.rows, "files": done.files}
