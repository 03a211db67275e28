"""Files that keep arriving under a warm `up`: one a second, and many a second for minutes.

One a second: seconds from the moment a file is renamed into the inbox until its row can be read. The yardstick takes
turns with it: an empty flow run, from the wish until it has ended, in a process that is warm.

Many a second: how far the rows are behind the files, every half second, and how the memory of the parts grows.
"""

import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from rich.console import Console

from benchmarks.arrival import wait_for_calm, write_files
from benchmarks.result import Figure, Run, Target, Timed, open_console
from benchmarks.stack import ROOT, Stack, running_up
from scorekeeper.store import embedded

ARRIVALS, EMPTY_RUNS, TURN = 500, 200, 50
RATE, MINUTES = 200, 10
PAUSE_SECONDS = 0.5
LONGEST_SECONDS = 120.0
RATIO_TARGET, SECONDS_TARGET = Target(Figure.TIME, 1.2), Target(Figure.SECONDS, 1)
LAG_TARGET, GROWTH_TARGET = Target(Figure.SECONDS, 5), Target(Figure.SPACE, 1.2)
_COUNT = "SELECT count(*) FROM scorekeeper.decision"


def run(arrivals: int, rate: int, minutes: float, output: Path) -> None:
    """Start an `up`, let files arrive, and print the tables."""
    console = open_console()
    result = Run(
        "sustained", "files that keep arriving", "an empty flow run in a warm process", "size",
        {"arrivals": arrivals, "rate": rate, "minutes": minutes},
    )  # fmt: skip
    with running_up(warm=True) as stack:
        wait_for_calm(stack)
        _add_arrivals(result, stack, arrivals, console)
        wait_for_calm(stack)
        _add_flow_of_files(result, stack, rate, minutes, console)
    result.finish(console, output)


def _add_arrivals(result: Run, stack: Stack, arrivals: int, console: Console) -> None:
    taken: list[float] = []
    empty: list[float] = []
    with _empty_runs(stack) as run_empty:
        run_empty()  # the first one imports
        seconds_to_rows(stack, 1)
        while len(taken) < arrivals:
            turn = min(TURN, arrivals - len(taken))
            taken += seconds_to_rows(stack, turn)
            empty += [run_empty() for _ in range(max(2, turn * EMPTY_RUNS // ARRIVALS))]
            console.print(f"{len(taken)} of {arrivals} arrivals: median {statistics.median(taken):.2f} s")
    least = statistics.median(empty)
    result.add(Timed("an empty flow run in a warm process", 0, empty, 1), 1.0)
    result.add(Timed("file to row, one a second", 1, taken, 1), statistics.median(taken) / least, RATIO_TARGET)
    slow, slow_empty = percentile(taken, 99), percentile(empty, 99)
    result.add(Timed("an empty flow run: 99th percentile", 0, [slow_empty], 1), slow_empty / least)
    result.add(Timed("file to row: 99th percentile", 1, [slow], 1), slow / least, SECONDS_TARGET)


def seconds_to_rows(stack: Stack, files: int) -> list[float]:
    """Rename so many files into the inbox, one a second; the seconds until each can be read."""
    paths = write_files(stack, files)
    renamed: list[float] = []

    def rename() -> None:
        begin = time.perf_counter()
        for position, path in enumerate(paths):
            time.sleep(max(0.0, begin + position - time.perf_counter()))
            path.rename(stack.inbox / path.name)
            renamed.append(time.perf_counter())

    seen: list[float] = []
    with _reading(stack) as count:
        before = count()
        writer = threading.Thread(target=rename)
        writer.start()
        while len(seen) < files:
            new = count() - before
            seen += [time.perf_counter()] * (new - len(seen))
            if renamed and time.perf_counter() - renamed[-1] > LONGEST_SECONDS:
                raise RuntimeError(f"{len(seen)} of {files} files have become rows")
            time.sleep(0.01)
        writer.join()
    # Files of one a second become rows in their order, or in one transaction.
    return [at - start for at, start in zip(seen, renamed, strict=True)]


def _add_flow_of_files(result: Run, stack: Stack, rate: int, minutes: float, console: Console) -> None:
    files = int(rate * 60 * minutes)
    memory = {part: [mb] for part, mb in stack.megabytes().items()}
    cpu, start = stack.cpu_seconds(), time.monotonic()
    lags: list[float] = []
    for lag in lags_of(stack, files, rate):
        lags.append(lag)
        if len(lags) % 60 == 0:
            for part, mb in stack.megabytes().items():
                memory[part].append(mb)
            console.print(f"{len(lags) * PAUSE_SECONDS:.0f} s: {lag:.1f} s behind")
    seconds = time.monotonic() - start
    for part, mb in stack.megabytes().items():
        memory[part].append(mb)
    used = {part: now - cpu[part] for part, now in stack.cpu_seconds().items()}
    what = f"{rate} files a second"
    result.add(Timed(f"{what}: files to rows", files, [seconds], files))
    result.add(Timed(f"{what}: seconds behind", 0, lags, files))
    result.add(Timed(f"{what}: seconds behind, 99th percentile", 0, [percentile(lags, 99)], files))
    result.add(Timed(f"{what}: seconds behind at most", 0, [max(lags)], files), None, LAG_TARGET)
    for part, found in memory.items():
        settled = found[max(1, len(found) // 4)]  # what a part takes once, it has taken by then
        result.add(
            Timed(f"{what}: CPU of {part}; memory of its first quarter", 0, [used.get(part, 0.0)], files, max(found)),
            found[-1] / settled, GROWTH_TARGET if part == "watcher" else None,
        )  # fmt: skip
    result.figures |= {"seconds_behind": lags, "memory_mb": memory, "cpu_seconds": used}


def lags_of(stack: Stack, files: int, rate: int) -> Iterator[float]:
    """Rename files into the inbox at a rate; every half second, how long ago as many files were there as rows are."""
    renamed: list[float] = []

    def rename() -> None:
        # Written in time, not before: so many files beforehand would be another load.
        begin = time.perf_counter()
        while len(renamed) < files:
            for path in write_files(stack, min(rate // 10, files - len(renamed))):
                path.rename(stack.inbox / path.name)
                renamed.append(time.perf_counter())
            time.sleep(max(0.0, begin + len(renamed) / rate - time.perf_counter()))

    with _reading(stack) as count:
        before = count()
        writer = threading.Thread(target=rename, daemon=True)
        writer.start()
        rows, moved_on = 0, time.perf_counter()
        while rows < files:
            time.sleep(PAUSE_SECONDS)
            found = count() - before
            if found > rows:
                rows, moved_on = found, time.perf_counter()
            if time.perf_counter() - moved_on > LONGEST_SECONDS:
                raise RuntimeError(f"{rows} of {files} files have become rows")
            yield time.perf_counter() - renamed[rows] if rows < len(renamed) else 0.0
        writer.join()


def percentile(seconds: list[float], percent: int) -> float:
    """The value that so many percent do not exceed.

    >>> percentile([3.0, 1.0, 2.0], 50)
    2.0
    """
    return sorted(seconds)[max(0, -(-len(seconds) * percent // 100) - 1)]


@contextmanager
def _reading(stack: Stack) -> "Iterator[Counting]":
    folder = embedded.Cluster(stack.home, {}).socket_folder
    with psycopg.connect(host=str(folder), user=embedded.ROLE, dbname="scorekeeper", autocommit=True) as connection:
        yield Counting(connection)


class Counting:
    """Counts the decisions, over one connection."""

    def __init__(self, connection: "psycopg.Connection[tuple[int]]") -> None:
        self._connection = connection

    def __call__(self) -> int:
        row = self._connection.execute(_COUNT).fetchone()
        return int(row[0]) if row else 0


@contextmanager
def _empty_runs(stack: Stack) -> "Iterator[EmptyRuns]":
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.warm_empty"], cwd=ROOT, env=stack.environment(), text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        yield EmptyRuns(process)
    finally:
        process.terminate()
        process.wait(30)


class EmptyRuns:
    """Runs the empty flow in another process that is warm; the seconds that it took."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def __call__(self) -> float:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())
