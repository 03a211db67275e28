"""The steps of one track in a process of its own, so that its memory is its own. Started by burst.py.

Prints one JSON object: for each step its seconds and the most memory in MB that the process had held by its end; and
how many trades were closed and lines written.
"""

import json
import os
import sys
import time
from datetime import datetime
from pathlib import Path

from benchmarks.memory import peak_memory_mb
from scorekeeper.metrics import score_update
from scorekeeper.publish.publish import publish
from scorekeeper.store.database import open_database
from scorekeeper.trades import settle


def main(folder: Path, as_of: datetime) -> None:
    """Settle, score and publish into the files of `folder`."""
    log, dataset = folder / "performance_summary.logl", folder / "performance_dataset.jsonl"
    steps: dict[str, tuple[float, float]] = {}
    with open_database(os.environ["DATABASE_URL"], folder, migrate=False) as db:
        start = time.perf_counter()
        settled = db.transact(lambda c: settle.settle(c, as_of, suspect_price_pct=5))
        steps["settle"] = time.perf_counter() - start, peak_memory_mb()
        start = time.perf_counter()
        db.transact(lambda c: score_update.update_score(c, as_of))
        steps["score"] = time.perf_counter() - start, peak_memory_mb()
        start = time.perf_counter()
        done = publish(db, log_path=log, dataset_path=dataset)
        steps["publish"] = time.perf_counter() - start, peak_memory_mb()
    answer = {"steps": steps, "closed": settled.closed, "log": done.log_lines, "dataset": done.dataset_lines}
    print(json.dumps(answer))


if __name__ == "__main__":
    main(Path(sys.argv[1]), datetime.fromisoformat(sys.argv[2]))
