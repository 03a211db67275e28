"""The task that several flows end with: publishing what is new. The task of the flow `publish-parquet`."""

from scorekeeper.publish import publish
from scorekeeper.publish.parquet import ParquetPublished, publish_parquet
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from scorekeeper.threads import run_in_thread
from tasks.at_work import run_logger
from tasks.engine import task
from tasks.retries import REPEATABLE


@task(name="publish files", **REPEATABLE)
async def publish_files(db: Database, settings: Settings) -> publish.Published:
    """Append what is new to log and dataset."""
    done = await run_in_thread(publish.publish, db, log_path=settings.log_path, dataset_path=settings.dataset_path)
    for words in done.explain():
        run_logger().warning("%s", words)
    return done


@task(name="publish parquet", **REPEATABLE)
async def publish_parquet_files(db: Database, settings: Settings) -> ParquetPublished:
    """Add what is new to the dataset in Parquet."""
    done = await run_in_thread(publish_parquet, db, settings.parquet_dir)
    for words in done.explain():
        run_logger().warning("%s", words)
    return done
