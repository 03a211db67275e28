"""One ingest in a process of its own, so that its memory is its own. Started by ingest.py and scale.py.

Prints one JSON object: decisions and duplicates, the seconds, when it ended, and the peak of memory in MB.
"""

import json
import os
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.memory import peak_memory_mb
from scorekeeper.inbox.ingest import ingest_files
from scorekeeper.settings import load_settings
from scorekeeper.store.database import open_database


def main(home: Path) -> None:
    """Ingest what lies in the inbox of `home`."""
    os.environ |= {"SCOREKEEPER_HOME": str(home), "INBOX_DIR": str(home / "inbox")}
    settings = load_settings()
    with open_database(os.environ["DATABASE_URL"], home, migrate=False, system=settings.system) as db:
        later = datetime.now(UTC) + timedelta(minutes=1)  # by then the files have not changed for long enough
        start = time.perf_counter()
        done = ingest_files(db, settings, received_at=later)
        seconds, ended_at = time.perf_counter() - start, time.time()
    if done.rejected or done.trouble or done.waiting:
        raise RuntimeError(f"not all came in: {done.rejections[:1]} {done.trouble[:1]} {done.waiting[:1]}")
    print(
        json.dumps(
            {
                "decisions": done.decisions, "duplicates": done.duplicates, "seconds": seconds,
                "peak_mb": peak_memory_mb(), "ended_at": ended_at,
            }
        )
    )  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]))
