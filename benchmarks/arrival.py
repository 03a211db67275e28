"""What runs of the deployments cost under a running `up`: from a file to its row, a flood, a track, an hour idle.

The yardstick is an empty flow, deployed to the same pool and run by an event or on request, by a process of its own as
Prefect's worker starts one. Cold, ours run in such processes too; warm, arrivals and the minute's track do not.
"""

import json
import statistics
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track as with_progress

from benchmarks.stack import EMPTY, EMPTY_EVENT, Stack, running_up, wait_until

ARRIVALS = 20
FLOOD = 10_000
REPEATS = 5
IDLE_MINUTES = 5
COLD_TARGET, WARM_TARGET_SECONDS, CPU_TARGET_SECONDS = 1.2, 1.0, 1.0
FLOOD_TARGET_RUNS, FLOOD_TARGET_SECONDS = 3, 20.0
LONGEST_SECONDS = 120.0
_ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
_numbers = count()


@dataclass(frozen=True)
class Figures:
    """Seconds, each of one repetition, and what an hour idle costs by part."""

    arrivals: list[float]
    empty_runs: list[float]
    flood_seconds: float
    flood_runs: int
    flood_cancelled: int
    track_cpu: list[float]
    empty_cpu: list[float]
    idle: dict[str, float]


def measure(*, warm: bool, arrivals: int, files: int, minutes: int, console: Console) -> Figures:
    """Start an `up`, and measure all of it. The tracks come first: there is nothing to do then."""
    console.print(f"{'Warm' if warm else 'Cold'}: starting ...")
    with running_up(warm=warm) as stack:
        wait_for_calm(stack)
        idle = idle_hour(stack, minutes, console)
        empty_cpu = [cpu_of_run(stack, EMPTY) for _ in with_progress(range(REPEATS), "empty runs", console=console)]
        of_track = cpu_of_warm_track if warm else cpu_of_track
        track_cpu = [of_track(stack) for _ in with_progress(range(REPEATS), "runs of track", console=console)]
        taken, empty = [], []
        for _ in with_progress(range(arrivals), "arrivals", console=console):
            wait_for_calm(stack)
            taken.append(seconds_to_row(stack))
            wait_for_calm(stack)
            empty.append(seconds_to_run(stack))
        wait_for_calm(stack)
        with console.status(f"{files:,} files at once"):
            seconds, runs, cancelled = flood(stack, files)
    return Figures(taken, empty, seconds, runs, cancelled, track_cpu, empty_cpu, idle)


def seconds_to_row(stack: Stack) -> float:
    """From the moment that a file is renamed into the inbox until its decision is in the table."""
    before = stack.decisions()
    (path,) = write_files(stack, 1)
    start = time.perf_counter()
    path.rename(stack.inbox / path.name)
    if not wait_until(lambda: stack.decisions() > before, LONGEST_SECONDS, pause=0.02):
        raise RuntimeError("a file has not become a row")
    return time.perf_counter() - start


def seconds_to_run(stack: Stack) -> float:
    """From an event until the empty flow that it triggers runs."""
    at = datetime.now(UTC)
    stack.emit(EMPTY_EVENT)
    run = ended_run(stack, EMPTY, at)
    return (datetime.fromisoformat(run["start_time"]) - at).total_seconds()


def flood(stack: Stack, files: int) -> tuple[float, int, int]:
    """Seconds until files that come at once are all rows; the runs of ingest that took them, and those cancelled."""
    before, at = stack.decisions(), datetime.now(UTC)
    paths = list(write_files(stack, files))
    start = time.perf_counter()
    for path in paths:
        path.rename(stack.inbox / path.name)
    if not wait_until(lambda: stack.decisions() == before + files, LONGEST_SECONDS, pause=0.1):
        raise RuntimeError(f"{stack.decisions() - before} of {files} files have become rows")
    seconds = time.perf_counter() - start
    wait_for_calm(stack)
    states = [run["state"]["type"] for run in stack.runs("ingest", at) if run["state"]["type"] in _ENDED]
    return seconds, len(states) - states.count("CANCELLED"), states.count("CANCELLED")


def cpu_of_run(stack: Stack, deployment: str) -> float:
    """CPU seconds of the process that the worker starts for a run, where none of the schedule's is near."""
    wait_for_quiet(stack)
    before, at = stack.runs_cpu_seconds(), datetime.now(UTC) - timedelta(seconds=1)
    stack.start_run(deployment)
    ended_run(stack, deployment, at)
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


def idle_hour(stack: Stack, minutes: int, console: Console) -> dict[str, float]:
    """CPU seconds an hour by part, from some whole minutes in which nothing arrives and the hourly run is not."""
    while (7 - datetime.now(UTC).minute) % 60 <= minutes:
        time.sleep(1)
    time.sleep((30 - datetime.now(UTC).timestamp()) % 60)
    before, start = stack.cpu_seconds(), time.monotonic()
    for _ in with_progress(range(minutes * 60), f"{minutes} idle minutes", console=console):
        time.sleep(max(0.0, start + _ + 1 - time.monotonic()))
    after, seconds = stack.cpu_seconds(), time.monotonic() - start
    return {part: (after[part] - before[part]) * 3600 / seconds for part in after}


def write_files(stack: Stack, files: int) -> list[Path]:
    """Files of one decision each, beside the inbox, to be renamed in."""
    folder = stack.home / "outbox"
    folder.mkdir(exist_ok=True)
    at = datetime.now(UTC) - timedelta(minutes=1)
    paths = []
    for _ in range(files):
        number = next(_numbers)
        decision = {
            "symbol": "BTC/USDT", "type": "HOLD", "price": 96_000, "timestamp": at.isoformat(),
            "reason": f"number {number}", "confidence": 60,
            "agent_analyses": {f"Agent{one}": {"signal": "HOLD", "confidence": 60} for one in range(5)},
        }  # fmt: skip
        paths.append(folder / f"{number}.json")
        paths[-1].write_text(json.dumps(decision), encoding="utf-8")
    return paths


def ended_run(stack: Stack, deployment: str, since: datetime) -> dict[str, Any]:
    """The first run of a deployment since then, once it has completed. Raises RuntimeError if it does not."""
    found: list[dict[str, Any]] = []

    def has_ended() -> bool:
        found[:] = [run for run in stack.runs(deployment, since) if run["state"]["type"] in _ENDED]
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
    while not (8 <= datetime.now(UTC).second <= 35 and stack.is_calm()):
        time.sleep(0.2)
