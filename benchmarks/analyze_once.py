"""One analysis, or its yardstick, in a process of its own, so that its memory is its own. Started by analyze.py.

Prints one JSON object: the seconds of each repetition, the peak of memory in MB, and some figures to compare.
"""

import json
import os
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.memory import peak_memory_mb
from scorekeeper.analysis.run import analyze, read_input
from scorekeeper.store.database import Database, open_database


def main(what: str, as_of: datetime, repeats: int) -> None:
    """Analyse, or do the same on arrays in memory (`what`: product, read or numpy)."""
    work = {"product": _product, "read": _read, "numpy": _numpy}[what]
    with (
        tempfile.TemporaryDirectory(prefix="scorekeeper-benchmark-") as home,
        open_database(os.environ["DATABASE_URL"], Path(home), migrate=False) as db,
    ):
        answer = work(db, as_of, repeats)
    print(json.dumps(answer | {"peak_mb": peak_memory_mb()}))


def _product(db: Database, as_of: datetime, repeats: int) -> dict[str, Any]:
    """The whole step, undone afterwards."""
    seconds = []
    for _ in range(repeats):
        with db.engine.connect() as connection:
            start = time.perf_counter()
            done = analyze(connection, as_of)
            seconds.append(time.perf_counter() - start)
            connection.rollback()
    return {
        "seconds": seconds,
        "figures": {
            "gross": done.expectancy_pct.estimate.mean,
            "independent": done.expectancy_pct.estimate.independent,
            **{f"{one.agent} ic": one.ic for one in done.agents},
            **{f"{one.agent} shapley": one.shapley_pct / one.signals for one in done.agents},
            **{f"{one.agent} calls": one.call_return_pct.estimate.mean for one in done.agents},
            **{f"{one.agent} independent": one.call_return_pct.estimate.independent for one in done.agents},
        },
    }


def _read(db: Database, as_of: datetime, repeats: int) -> dict[str, Any]:
    seconds = []
    for _ in range(repeats):
        with db.engine.connect() as connection:
            start = time.perf_counter()
            read_input(connection, as_of)
            seconds.append(time.perf_counter() - start)
            connection.rollback()
    return {"seconds": seconds}


def _numpy(db: Database, as_of: datetime, repeats: int) -> dict[str, Any]:
    from benchmarks.analyze_numpy import figures  # the product's memory must not hold what this imports

    with db.engine.connect() as connection:
        rows = read_input(connection, as_of)
        connection.rollback()
    seconds, found = [], {}
    for _ in range(repeats):
        start = time.perf_counter()
        found = figures(rows)[0]
        seconds.append(time.perf_counter() - start)
    return {"seconds": seconds, "figures": found}


if __name__ == "__main__":
    main(sys.argv[1], datetime.fromisoformat(sys.argv[2]), int(sys.argv[3]))
