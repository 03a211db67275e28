"""The task of the flow `verify`."""

import time
from collections.abc import Callable

from scorekeeper.errors import ScorekeeperError
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from scorekeeper.threads import run_in_thread
from scorekeeper.verify.run import Verified, compare
from tasks.at_work import run_logger
from tasks.engine import task
from tasks.retries import DAILY

LOG_SECONDS = 30.0


@task(name="verify", **DAILY)
async def verify_all(db: Database, settings: Settings) -> Verified:
    """Every difference between what is stored or published and its recomputation, and what waits for the next track."""
    return await run_in_thread(compare, db, settings, _now_and_then(run_logger().info))


def _now_and_then(log: Callable[[str, str], None]) -> Callable[[str], None]:
    """Log how far it is, at most once in LOG_SECONDS: a short verification logs nothing."""
    quiet_until = time.monotonic() + LOG_SECONDS

    def tell(words: str) -> None:
        nonlocal quiet_until
        if (now := time.monotonic()) >= quiet_until:
            quiet_until = now + LOG_SECONDS
            log("%s", words)

    return tell


def fail_at_differences(differences: list[str]) -> None:
    """Raises ScorekeeperError if there are any, which fails the run."""
    if differences:
        raise ScorekeeperError(f"{len(differences)} differences; the artifact `differences` lists them")
