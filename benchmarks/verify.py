"""Verify an installation that has lived through decisions: files, trades, score, what is learned, log and dataset.

The installation is made by the product's own steps (benchmarks/verify_world.py). Each verification is a process of its
own (benchmarks/verify_once.py), so that its memory is its own. The yardstick takes turns with it: a process that reads
the same rows and lines once, and does nothing with them. Beside the time stands the CPU time of the process alone,
which depends less on what else the machine does.
"""

import os
import tempfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks.database import database, run_part, vacuum
from benchmarks.result import Figure, Run, Target, Timed, open_console
from benchmarks.verify_once import environment
from benchmarks.verify_world import build
from scorekeeper.settings import load_settings

SIZES = (20_000, 200_000)
REPEATS = 3
READ, VERIFY, CPU, MEMORY = "read the same rows", "verify", "verify, its own CPU", "verify, memory"
TARGETS = {VERIFY: Target(Figure.TIME, 3), MEMORY: Target(Figure.MEMORY, 200)}
ONCE = "benchmarks.verify_once"


def run(sizes: list[int], repeats: int, output: Path) -> None:
    """Verify an installation of each size; print the table."""
    console = open_console()
    result = Run(
        "verify", "everything recomputed and compared", "reading the same rows and lines", "decisions",
        {"size": sizes, "repeats": repeats},
    )  # fmt: skip
    for decisions in sizes:
        done: dict[str, list[dict[str, Any]]] = {"read": [], "verify": []}
        with database() as db, tempfile.TemporaryDirectory(prefix="scorekeeper-benchmark-") as folder:
            home = Path(folder)
            (home / "inbox").mkdir()
            with console.status(f"an installation of {decisions:,} decisions"), patch.dict(
                os.environ, environment(home)
            ):
                build(db, load_settings(), decisions)
                vacuum(db)
            for attempt in range(repeats):
                for what, answers in done.items():
                    with console.status(f"{what} {decisions:,} decisions, {attempt + 1} of {repeats}"):
                        answers.append(run_part(db, ONCE, what, str(home)))
        if any(one["count"] for one in done["verify"]):
            raise RuntimeError(f"verify found {done['verify'][0]['count']} differences")
        rows, peak = done["read"][0]["count"], max(one["peak_mb"] for one in done["verify"])
        read = Timed(READ, rows, [one["seconds"] for one in done["read"]], decisions,
                     max(one["peak_mb"] for one in done["read"]))  # fmt: skip
        timed = Timed(VERIFY, rows, [one["seconds"] for one in done["verify"]], decisions, peak)
        cpu = Timed(CPU, rows, [one["cpu_seconds"] for one in done["verify"]], decisions)
        result.add(read, 1.0)
        result.add(timed, timed.median / read.median, TARGETS[VERIFY])
        result.add(cpu, cpu.median / Timed("", 0, [one["cpu_seconds"] for one in done["read"]]).median)
        result.add(Timed(MEMORY, rows, timed.seconds, decisions, peak), None, TARGETS[MEMORY])
        result.figures[f"{decisions} decisions"] = done
    result.finish(console, output)
