"""Hourly, where PUBLISH_PARQUET is true: add what is new to the dataset in Parquet."""

from prefect import flow

from scorekeeper.settings import load_settings
from tasks.database import connect
from tasks.publish import publish_parquet_files
from tasks.run_names import counted, rename_run


@flow(
    name="publish-parquet",
    description="Adds what is new to the dataset in Parquet, for analysts.",
    flow_run_name="publish-parquet",
)
async def publish_parquet() -> dict[str, int]:
    """The number of new rows, and of files written. Nothing is written unless PUBLISH_PARQUET is true."""
    settings = load_settings()
    if not settings.publish_parquet:
        await rename_run("publish-parquet: switched off, set PUBLISH_PARQUET=true")
        return {"rows": 0, "files": 0}
    with connect(settings) as db:
        done = await publish_parquet_files(db, settings)
        await rename_run(f"publish-parquet: {counted(done.rows, 'row')}")
    return {"rows": done.rows, "files": done.files}
