"""`analyze` over a history: reading, computing and storing, beside its figures in plain numpy on arrays in memory.

Five agents have a signal for every decision, of ten symbols and two versions. Each is a process of its own
(benchmarks/analyze_once.py), so that its memory is its own. The yardstick's figures must be the product's.
"""

import math
from pathlib import Path
from typing import Any

from benchmarks.database import database, run_part
from benchmarks.result import Figure, Run, Target, Timed, open_console
from benchmarks.score import AS_OF, fill_history, score_all

SIZES = (100_000, 1_000_000)
REPEATS = 3
ANALYZE, READ, YARDSTICK, MEMORY = "analyze", "of it, reading", "the same in numpy", "analyze, memory"
ONCE = "benchmarks.analyze_once"
TARGET, MEMORY_TARGET = Target(Figure.TIME, 2.0), Target(Figure.MEMORY, 300)


def run(sizes: list[int], repeats: int, output: Path) -> None:
    """Analyse histories of so many decisions; print the table."""
    console = open_console()
    result = Run(
        "analyze", "analyze, five agents, two versions", "the same figures in numpy, on arrays in memory", "decisions",
        {"size": sizes, "repeats": repeats},
    )  # fmt: skip
    for decisions in sizes:
        with database() as db:
            fill_history(db, decisions, console)
            with console.status("score every day"):
                score_all(db)
            done = {}
            for what in ("numpy", "product", "read"):
                with console.status(f"{what}, {repeats} times"):
                    done[what] = run_part(db, ONCE, what, AS_OF.isoformat(), str(repeats))
        _check(done["product"]["figures"], done["numpy"]["figures"])
        timed = {
            name: Timed(name, decisions, done[what]["seconds"], decisions, done[what]["peak_mb"])
            for name, what in ((ANALYZE, "product"), (READ, "read"), (YARDSTICK, "numpy"))
        }
        yardstick = timed[YARDSTICK].median
        result.add_times(timed.values(), yardstick, {ANALYZE: TARGET})
        once = timed[ANALYZE]
        result.add(Timed(MEMORY, decisions, once.seconds, decisions, once.peak_mb), None, MEMORY_TARGET)
    result.finish(console, output)


def _check(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Raise RuntimeError where the two differ by more than rounding."""
    wrong = [name for name, value in ours.items() if not math.isclose(value, theirs[name], rel_tol=1e-7, abs_tol=1e-9)]
    if wrong:
        raise RuntimeError(f"numpy says something else of {', '.join(wrong)}")
