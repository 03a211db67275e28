"""One publication in a process of its own, so that its time is warm and its memory is its own. Started by publish.py.

Prints one JSON object: the lines written, the seconds, the seconds that writing the very same bytes to two files takes,
each with an fsync, and the peak of memory in MB.
"""

import json
import os
import sys
import time
from pathlib import Path

from benchmarks.memory import peak_memory_mb
from scorekeeper.publish.publish import publish, rebuild
from scorekeeper.store.database import open_database


def main(what: str, folder: Path) -> None:
    """Publish what is new into the files of `folder`, or rebuild them."""
    log, dataset = folder / "performance_summary.logl", folder / "performance_dataset.jsonl"
    before = [path.stat().st_size if path.exists() and what == "publish" else 0 for path in (log, dataset)]
    with open_database(os.environ["DATABASE_URL"], folder, migrate=False) as db:
        work = rebuild if what == "rebuild" else publish
        start = time.perf_counter()
        done = work(db, log_path=log, dataset_path=dataset)
        seconds = time.perf_counter() - start
    peak_mb = peak_memory_mb()
    answer = {"lines": done.log_lines + done.dataset_lines, "seconds": seconds, "peak_mb": peak_mb}
    if what == "publish":
        answer["write_seconds"] = sum(_write(path, size) for path, size in zip((log, dataset), before, strict=True))
    print(json.dumps(answer))


def _write(path: Path, size: int) -> float:
    """Seconds to write what lies behind the first `size` bytes to another file, and have it on the disk."""
    with path.open("rb") as file:
        file.seek(size)
        content = file.read()
    other = path.with_name("written-again")
    start = time.perf_counter()
    with other.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    seconds = time.perf_counter() - start
    other.unlink()
    return seconds


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
