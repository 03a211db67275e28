"""The task of the flow `verify`."""

from scorekeeper.errors import ScorekeeperError
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from scorekeeper.threads import run_in_thread
from scorekeeper.verify.run import Verified, compare
from tasks.at_work import now_and_then, run_logger
from tasks.engine import task
from tasks.retries import DAILY


@task(name="verify", **DAILY)
async def verify_all(db: Database, settings: Settings) -> Verified:
    """Every difference between what is stored or published and its recomputation, and what waits for the next track."""
    return await run_in_thread(compare, db, settings, now_and_then(run_logger().info))


def fail_at_differences(differences: list[str]) -> None:
    """Raises ScorekeeperError if there are any, which fails the run."""
    if differences:
        raise ScorekeeperError(f"{len(differences)} differences; the artifact `differences` lists them")
