"""One verification, or one reading of the same rows, in a process of its own. Started by verify.py.

Prints one JSON object: the rows read or the differences found, the seconds, those of CPU of this process, and the peak
of memory in MB.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import text

from benchmarks.memory import peak_memory_mb
from scorekeeper.settings import Settings, load_settings
from scorekeeper.store.database import Database, open_database
from scorekeeper.verify.run import compare

# What verify compares: each row once, by the driver, as a program that wants to compare it would get it.
TABLES = (
    "decision", "agent_signal", "trade", "candle", "event", "daily_score", "agent_daily_score", "learned_vote",
    "learned_outcome", "weight_state", "agent_weight", "weight_evidence", "calibration_map", "meta_trade", "meta_model",
    "file_arrival", "decision_file",
)  # fmt: skip
AT_ONCE = 2_000


def main(what: str, home: Path) -> None:
    """Verify the installation in `home`, or read its rows and files."""
    os.environ |= environment(home)
    settings = load_settings()
    with open_database(os.environ["DATABASE_URL"], home, migrate=False) as db:
        work: Callable[[Database, Settings], int] = verify if what == "verify" else read
        start, mine = time.perf_counter(), time.process_time()
        count = work(db, settings)
        seconds, cpu = time.perf_counter() - start, time.process_time() - mine
        answer = {"count": count, "seconds": seconds, "cpu_seconds": cpu, "peak_mb": peak_memory_mb()}
    print(json.dumps(answer))


def environment(home: Path) -> dict[str, str]:
    """Where everything of the installation in `home` is."""
    return {
        "SCOREKEEPER_HOME": str(home), "INBOX_DIR": str(home / "inbox"), "MARKET": f"replay:{home / 'market'}",
        "LOG_DIR": str(home / "logs"), "DATASETS_DIR": str(home / "datasets"),
    }  # fmt: skip


def verify(db: Database, settings: Settings) -> int:
    """The number of differences."""
    return len(compare(db, settings).differences)


def read(db: Database, settings: Settings) -> int:
    """Fetch every row that verify compares, and every line of the files, once. Returns how many there were."""
    count = 0
    with db.snapshot() as connection:
        for table in TABLES:
            rows: Any = connection.execute(
                text(f"SELECT * FROM scorekeeper.{table}").execution_options(yield_per=AT_ONCE)  # noqa: S608
            )
            for some in rows.partitions(AT_ONCE):
                count += len(some)
    archived = (path for path in settings.archive_dir.rglob("*") if path.is_file())
    for path in (settings.log_path, settings.dataset_path, *archived):
        with path.open("rb") as file:
            count += sum(1 for _ in file)
    return count


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
