"""What runs of the deployments cost under a running `up`: from a file to its row, a flood, a track, an hour idle.

The yardstick is an empty flow, deployed to the same pool and run by an event or on request, by a process of its own as
Prefect's worker starts one. Cold, ours run in such processes too; warm, arrivals and the minute's track do not.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track as progress
from rich.table import Table

from benchmarks.result import Figure, Run, Target, Timed, open_console
from benchmarks.stack import EMPTY, EMPTY_EVENT, Stack, running_up, wait_until

ARRIVALS = 20
SIZES = (10_000,)
REPEATS = 3
MINUTES = 5
LONGEST_SECONDS = 120.0
FLOOD = 10_000
FLOOD_RUNS, FLOOD_TARGET = 3, Target(Figure.SECONDS, 20)
COLD_TARGET, WARM_TARGET = Target(Figure.TIME, 1.2), Target(Figure.SECONDS, 1)
MORE_CPU_SECONDS = 1.0
HOURLY_MINUTE = 7  # of `analyze`, in prefect.yaml
YARDSTICK = "an empty deployed flow"
_ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
_numbers = count()


@dataclass(frozen=True)
class Flood:
    """Files that came at once: seconds until all were rows, the runs that took them, and the cancelled ones."""

    files: int
    seconds: float
    runs: int
    cancelled: int


@dataclass(frozen=True)
class Figures:
    """What one `up` gave: seconds of each repetition, and the CPU seconds of each part in an idle hour."""

    mode: str
    arrivals: list[float]
    empty_runs: list[float]
    floods: list[Flood]
    track_cpu: list[float]
    empty_cpu: list[float]
    idle: dict[str, float]


def run(modes: list[bool], arrivals: int, sizes: list[int], minutes: int, output: Path) -> None:
    """For each mode (warm: True) start an `up` and measure; print the tables."""
    console = open_console()
    result = Run(
        "arrival", "scorekeeper up, replay market", YARDSTICK, "files",
        {"warm": modes, "arrivals": arrivals, "size": sizes, "minutes": minutes},
    )  # fmt: skip
    measured = [measure(warm, arrivals, sizes, minutes, console) for warm in modes]
    for figures in measured:
        _add(result, figures)
    result.figures = {
        "runs_of_ingest": {one.mode: {flood.files: flood.runs for flood in one.floods} for one in measured},
        "idle_cpu_seconds_an_hour": {one.mode: one.idle for one in measured},
    }
    console.print(_idle_table(measured))
    for one in measured:
        for flood in one.floods:
            console.print(
                f"{flood.files:,} files at once, {one.mode}: {flood.runs} runs of ingest (target ≤ {FLOOD_RUNS}), "
                f"{flood.cancelled} cancelled before they began"
            )
    result.finish(console, output)


def _add(result: Run, figures: Figures) -> None:
    mode, empty = figures.mode, Timed("", 0, figures.empty_runs).median
    empty_cpu = Timed("", 0, figures.empty_cpu).median
    most_cpu = Target(Figure.SECONDS, round(empty_cpu + MORE_CPU_SECONDS, 2))
    result.add(Timed(f"{mode}: CPU of {YARDSTICK}", 0, figures.empty_cpu), 1.0)
    cpu = Timed(f"{mode}: CPU of a track, nothing to do", 0, figures.track_cpu)
    result.add(cpu, cpu.median / empty_cpu, most_cpu)
    result.add(Timed(f"{mode}: event to {YARDSTICK}", 0, figures.empty_runs, 1), 1.0)
    taken = Timed(f"{mode}: files to rows", 1, figures.arrivals, 1)
    result.add(taken, taken.median / empty, WARM_TARGET if mode == "warm" else COLD_TARGET)
    for one in figures.floods:
        timed = Timed(f"{mode}: files to rows", one.files, [one.seconds], one.files)
        result.add(timed, timed.median / empty, FLOOD_TARGET if one.files == FLOOD else None)


def _idle_table(measured: list[Figures]) -> Table:
    table = Table(title="CPU seconds an hour, idle, without the hourly and the daily runs")
    table.add_column("part", no_wrap=True)
    for one in measured:
        table.add_column(one.mode, justify="right", no_wrap=True)
    for part in measured[0].idle:
        table.add_row(part, *(f"{one.idle[part]:.0f}" for one in measured))
    table.add_section()
    table.add_row("all", *(f"{sum(one.idle.values()):.0f}" for one in measured))
    return table


def measure(warm: bool, arrivals: int, sizes: list[int], minutes: int, console: Console) -> Figures:
    """All of it under one `up`. The tracks come before the files: there is nothing to do then."""
    mode = "warm" if warm else "cold"
    console.print(f"{mode}: starting scorekeeper up ...")
    with running_up(warm=warm) as stack:

        def repeat(times: int, what: str, work: Callable[[Stack], float]) -> list[float]:
            return [work(stack) for _ in progress(range(times), f"{mode}: {what}", console=console)]

        wait_for_calm(stack)
        idle = idle_hour(stack, minutes)
        empty_cpu = repeat(REPEATS, "CPU of an empty run", lambda stack: cpu_of_run(stack, EMPTY))
        track_cpu = repeat(REPEATS, "CPU of a track", cpu_of_warm_track if warm else cpu_of_track)
        pairs = [
            (seconds_to_row(stack), seconds_to_run(stack))
            for _ in progress(range(arrivals), f"{mode}: arrivals", console=console)
        ]
        floods = [flood(stack, files) for files in sizes]
    taken, empty = zip(*pairs, strict=True)
    return Figures(mode, list(taken), list(empty), floods, track_cpu, empty_cpu, idle)


def seconds_to_row(stack: Stack) -> float:
    """From the moment that a file is renamed into the inbox until its decision is in the table."""
    wait_for_calm(stack)
    before = stack.decisions()
    (path,) = write_files(stack, 1)
    start = time.perf_counter()
    path.rename(stack.inbox / path.name)
    if not wait_until(lambda: stack.decisions() > before, LONGEST_SECONDS, pause=0.02):
        raise RuntimeError("a file has not become a row")
    return time.perf_counter() - start


def seconds_to_run(stack: Stack) -> float:
    """From an event until the empty flow that it triggers runs."""
    wait_for_calm(stack)
    at = datetime.now(UTC)
    stack.emit(EMPTY_EVENT)
    run = ended_run(stack, EMPTY, at)
    return (datetime.fromisoformat(run["start_time"]) - at).total_seconds()


def flood(stack: Stack, files: int) -> Flood:
    """Drop so many files at once, and wait until all are rows."""
    wait_for_calm(stack)
    before, at = stack.decisions(), datetime.now(UTC)
    paths = write_files(stack, files)
    start = time.perf_counter()
    for path in paths:
        path.rename(stack.inbox / path.name)
    if not wait_until(lambda: stack.decisions() == before + files, LONGEST_SECONDS, pause=0.1):
        raise RuntimeError(f"{stack.decisions() - before} of {files} files have become rows")
    seconds = time.perf_counter() - start
    wait_for_calm(stack)
    states = [run["state"]["type"] for run in stack.runs("ingest", at)]
    cancelled = states.count("CANCELLED")
    return Flood(files, seconds, sum(state in _ENDED for state in states) - cancelled, cancelled)


def cpu_of_run(stack: Stack, deployment: str) -> float:
    """CPU seconds of the process that the worker starts for a run, where none of the schedule's is near."""
    wait_for_quiet(stack)
    before, at = stack.runs_cpu_seconds(), datetime.now(UTC) - timedelta(seconds=1)
    ended_run(stack, deployment, at, stack.start_run(deployment))
    if not wait_until(lambda: not stack.worker().children(), LONGEST_SECONDS):
        raise RuntimeError(f"the process of a run of {deployment} does not end")
    return stack.runs_cpu_seconds() - before


def cpu_of_track(stack: Stack) -> float:
    return cpu_of_run(stack, "track")


def cpu_of_warm_track(stack: Stack) -> float:
    """What the watcher uses around the full minute, beyond what it uses in between."""
    watcher = stack.part("watcher")

    def used(first: int, seconds: int) -> float:
        time.sleep((first - datetime.now(UTC).timestamp()) % 60)
        before = sum(watcher.cpu_times()[:2])
        time.sleep(seconds)
        return float(sum(watcher.cpu_times()[:2]) - before)

    return used(56, 12) - used(20, 12)


def idle_hour(stack: Stack, minutes: int) -> dict[str, float]:
    """CPU seconds an hour by part, from whole minutes in which nothing arrives and no hourly run comes."""
    while (HOURLY_MINUTE - datetime.now(UTC).minute) % 60 <= minutes + 1:
        time.sleep(1)
    time.sleep((30 - datetime.now(UTC).timestamp()) % 60)
    before, start = stack.cpu_seconds(), time.monotonic()
    time.sleep(60 * minutes)
    after, seconds = stack.cpu_seconds(), time.monotonic() - start
    return {part: (after[part] - before[part]) * 3600 / seconds for part in after}


def write_files(stack: Stack, files: int) -> list[Path]:
    """Files of one decision each, beside the inbox, to be renamed in."""
    folder = stack.home / "outbox"
    folder.mkdir(exist_ok=True)
    start = datetime.now(UTC) - timedelta(minutes=1)
    paths = []
    for position in range(files):
        number = next(_numbers)
        # A moment each: of ten thousand ids that differ in 32 bits only, two are the same once in a hundred times.
        at = start + timedelta(milliseconds=position)
        decision = {
            "symbol": "BTC/USDT", "type": "HOLD", "price": 96_000, "timestamp": at.isoformat(),
            "reason": f"number {number}", "confidence": 60,
            "agent_analyses": {f"Agent{one}": {"signal": "HOLD", "confidence": 60} for one in range(5)},
        }  # fmt: skip
        paths.append(folder / f"{number}.json")
        paths[-1].write_text(json.dumps(decision), encoding="utf-8")
    return paths


def ended_run(stack: Stack, deployment: str, since: datetime, run_id: str | None = None) -> dict[str, Any]:
    """The first run of a deployment since then (that of `run_id`), once it has completed.

    Raises RuntimeError if it does not.
    """
    found: list[dict[str, Any]] = []

    def has_ended() -> bool:
        runs = stack.runs(deployment, since)
        found[:] = [run for run in runs if run["state"]["type"] in _ENDED and run_id in (None, run["id"])]
        return bool(found)

    if not wait_until(has_ended, LONGEST_SECONDS) or found[0]["state"]["type"] != "COMPLETED":
        raise RuntimeError(f"no run of {deployment} has completed: {found}")
    return found[0]


def wait_for_calm(stack: Stack) -> None:
    """Until nothing is at work, due or waiting, and a moment more. Raises RuntimeError if it does not come to that."""
    if not wait_until(stack.is_calm, LONGEST_SECONDS):
        raise RuntimeError("runs do not come to an end")
    time.sleep(1)


def wait_for_quiet(stack: Stack) -> None:
    """Until it is calm, and no track is near: the worker begins one ten seconds before its minute."""
    wait_for_calm(stack)
    while not (8 <= datetime.now(UTC).second <= 25 and stack.is_calm()):
        time.sleep(0.2)
