"""Decisions recorded one by one through the tracker: what does each cost that is safe when the call returns?

The yardstick is what a trading system would do without a database: append the two lines (log and dataset, as they are
published) to two files, with an fsync of each. The floor is the decision's own row over psycopg: an INSERT of as many
bytes and a COMMIT. Database, files and yardstick are on the same file system; each takes its turn, a slice at a time:
a disk that is busy is so for all of them. As many decisions are recorded at once by `record_decisions`, beside one by
one.
"""

import os
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from rich.progress import Progress, TimeElapsedColumn

from benchmarks.database import address, database
from benchmarks.result import Figure, Run, Target, Timed, open_console
from scorekeeper import PerformanceTracker

CALLS = 10_000
AGENTS = 5
SLICES = 10
REPEATS_MANY = 3
RECORD, YARDSTICK, FLOOR = "record_decision", "append two lines, fsync each", "INSERT and COMMIT of a row"
MANY = "record_decisions"
MANY_AT_ONCE = 5_000  # so many decisions and more are a batch to be timed
TARGET = Target(Figure.RATE, 0.6)
TARGET_MANY = Target(Figure.RATE, 20)
FIRST = datetime(2026, 1, 5, tzinfo=UTC)


def run(sizes: list[int], output: Path) -> None:
    """Record so many decisions; print the table."""
    console = open_console()
    result = Run(
        "record", f"record_decision, {AGENTS} agents each", f"the rate of: {FLOOR}; of {MANY}: of {RECORD}", "calls",
        {"size": sizes},
    )  # fmt: skip
    for calls in sizes:
        with Progress(*Progress.get_default_columns(), TimeElapsedColumn(), console=console) as progress:
            task = progress.add_task(f"{calls:,} calls", total=calls)
            timed = measure(calls, partial(progress.update, task))
        by_name = {one.what: one for one in timed}
        for one in timed:
            beside = by_name[RECORD if one.what == MANY else FLOOR]
            ratio = (beside.median / beside.rows) / (one.median / one.rows)
            result.add(one, ratio, {RECORD: TARGET, MANY: TARGET_MANY}.get(one.what))
    result.finish(console, output)


def measure(calls: int, tell: Callable[..., object]) -> list[Timed]:
    """Each way, slice after slice; the seconds of a repetition are those of one slice."""
    with database() as db, tempfile.TemporaryDirectory(prefix="scorekeeper-benchmark-") as made:
        folder = Path(made)
        os.environ["DATABASE_URL"] = address(db)
        with (
            PerformanceTracker(folder / "logs", folder / "datasets") as tracker,
            psycopg.connect(address(db)) as connection,
            (folder / "a").open("ab") as log, (folder / "b").open("ab") as dataset,
        ):  # fmt: skip
            tracker.record_decision(decision(0))
            lines = [path.read_bytes() for path in sorted(folder.glob("*/performance_*"))]
            row = b"".join(lines).decode()
            connection.execute("CREATE TABLE public.floor (id bigint GENERATED ALWAYS AS IDENTITY, line text)")
            connection.commit()

            def append(_: int) -> None:
                for file, line in zip((dataset, log), lines, strict=True):
                    file.write(line)
                    file.flush()
                    os.fsync(file.fileno())

            def insert(_: int) -> None:
                connection.execute("INSERT INTO public.floor (line) VALUES (%s)", (row,))
                connection.commit()

            ways: dict[str, Callable[[int], object]] = {
                RECORD: lambda number: tracker.record_decision(decision(number)), YARDSTICK: append, FLOOR: insert,
            }  # fmt: skip
            seconds: dict[str, list[float]] = {what: [] for what in ways}
            each = calls // SLICES
            for first in range(1, each * SLICES, each):
                for what, way in ways.items():
                    start = time.perf_counter()
                    for number in range(first, first + each):
                        way(number)
                    seconds[what].append(time.perf_counter() - start)
                tell(completed=first + each - 1)
            at_once = max(each, MANY_AT_ONCE)
            together = []
            for first in range(calls, calls + REPEATS_MANY * at_once, at_once):
                many = [decision(number) for number in range(first, first + at_once)]
                start = time.perf_counter()
                tracker.record_decisions(many)
                together.append(time.perf_counter() - start)
    return [
        *(Timed(what, each, values, calls) for what, values in seconds.items()), Timed(MANY, at_once, together, calls),
    ]  # fmt: skip


def decision(number: int) -> dict[str, Any]:
    """As a trading system hands it over."""
    return {
        "symbol": f"S{number % 50}/USDT", "type": ("BUY", "SELL")[number % 2], "price": 100.0 + number % 7,
        "confidence": 50 + number % 50, "interval": "1h", "reason": "Strong signals across multiple indicators",
        "timestamp": (FIRST + timedelta(seconds=number)).isoformat(),
        "agent_analyses": {
            f"Agent{n}": {"signal": ("BUY", "SELL", "HOLD")[(number + n) % 3], "confidence": 60 + n}
            for n in range(AGENTS)
        },
    }  # fmt: skip
