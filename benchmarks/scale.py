"""Decision files into Postgres by several workers at once: all of one system, and each of a system of its own.

Each worker is a process (benchmarks/ingest_once.py). The time is from the first one's begin to the last one's end,
without the start of Python. Workers of one system share its inbox. A lock lets one ingest at a time, so they are no
faster than one: the benchmark shows that they are no slower. The yardstick is one worker.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.database import ROOT, address, database, vacuum
from benchmarks.decisions import Shape
from benchmarks.ingest import write_lines
from benchmarks.result import Run, Timed, open_console
from scorekeeper.store.database import Database, open_database

WORKERS = (1, 2, 4)
SIZE = 200_000


def run(size: int, workers: list[int], shape: Shape, output: Path) -> None:
    """Ingest `size` decisions by each number of workers, of one system and of as many; print the table."""
    console = open_console()
    result = Run(
        "scale", f"workers that ingest {size:,} decisions with {shape.agents} signals each",
        "the rate of one worker", "workers", {"size": size, "workers": workers, **vars(shape)},
    )  # fmt: skip
    first = 0.0
    for systems, what in ((1, "all of one system"), (None, "each of a system of its own")):
        for number in workers:
            if number == 1 and systems is None:
                continue
            with console.status(f"{number} workers {what}"), database() as db:
                seconds = _ingest(db, size, number, systems or number, shape)
            first = first or seconds
            result.add(Timed(what, size, [seconds], number), first / seconds)
    result.finish(console, output)


def _ingest(db: Database, size: int, workers: int, systems: int, shape: Shape) -> float:
    names = [f"s{number}" for number in range(systems)]
    with tempfile.TemporaryDirectory(prefix="scorekeeper-benchmark-") as folder:
        for number, name in enumerate(names):
            home = Path(folder) / name
            (home / "inbox").mkdir(parents=True)
            write_lines(home / "inbox", size // systems, shape, number)
            open_database(address(db), home, system=name).close()
        vacuum(db)
        os.sync()
        started = [_start(db, Path(folder), names[number % systems]) for number in range(workers)]
        done = [_read(one) for one in started]
    if sum(one["decisions"] for one in done) != size // systems * systems:
        raise RuntimeError(f"not all came in: {done}")
    return float(max(one["ended_at"] for one in done) - min(one["ended_at"] - one["seconds"] for one in done))


def _start(db: Database, folder: Path, name: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "benchmarks.ingest_once", str(folder / name)],
        cwd=ROOT, env={**os.environ, "DATABASE_URL": address(db), "SYSTEM": name}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def _read(process: "subprocess.Popen[str]") -> dict[str, Any]:
    said, wrong = process.communicate()
    if process.returncode:
        raise RuntimeError(f"ingest: {wrong.strip()[-500:]}")
    answer: dict[str, Any] = json.loads(said)
    return answer
