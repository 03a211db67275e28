"""What an `up` costs in which nothing happens: CPU seconds an hour, and memory, beside Prefect by itself.

Both run in the same minutes, so other work on the machine slows both. The yardstick of CPU is Prefect's server with its
Postgres, which serves empty flows on our schedules; neither its worker nor the processes of those flows are counted.
The yardstick of memory is its server, its Postgres and its worker.
"""

import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.alone import prefect_alone
from benchmarks.arrival import wait_for_calm
from benchmarks.result import Figure, Run, Target, Timed, open_console
from benchmarks.stack import running_up

MINUTES = 5
# Of the hourly runs, in prefect.yaml.
BUSY_MINUTES = (7, 12, 37)
SETTLING_SECONDS = 90  # what comes once after a start is over, and the first runs have imported what they need
CPU_TARGET, MEMORY_TARGET = Target(Figure.TIME, 1.3), Target(Figure.SPACE, 1.5)


def run(minutes: int, output: Path) -> None:
    """Start both, let them be, and say what each used."""
    console = open_console()
    result = Run(
        "idle", "an hour of an idle up", "Prefect's server with its Postgres; of memory, its worker too", "size",
        {"minutes": minutes},
    )  # fmt: skip
    with running_up(warm=True) as stack, prefect_alone() as alone:
        wait_for_calm(stack)
        time.sleep(SETTLING_SECONDS)
        _wait_for_free_minutes(minutes)
        ours, theirs, start = stack.cpu_seconds(), alone.cpu_seconds(), time.monotonic()
        time.sleep(60 * minutes)
        hours = (time.monotonic() - start) / 3600
        our_cpu = {part: (now - ours[part]) / hours for part, now in stack.cpu_seconds().items()}
        their_cpu = {part: (now - theirs[part]) / hours for part, now in alone.cpu_seconds().items()}
        our_mb, their_mb = stack.megabytes(), alone.megabytes()
    cpu, yardstick = sum(our_cpu.values()), their_cpu["server"] + their_cpu["postgres"]
    memory, most = sum(our_mb.values()), sum(their_mb.values())
    for part, seconds in their_cpu.items():
        result.add(Timed(f"Prefect alone: {part}", 0, [seconds], peak_mb=their_mb.get(part)))
    result.add(Timed("Prefect alone: server and postgres", 0, [yardstick], peak_mb=most), 1.0)
    for part, seconds in our_cpu.items():
        result.add(Timed(f"up: {part}", 0, [seconds], peak_mb=our_mb.get(part)), seconds / yardstick)
    result.add(Timed("up: all, CPU seconds an hour", 0, [cpu]), cpu / yardstick, CPU_TARGET)
    result.add(Timed("up: all, memory", 0, [0.0], peak_mb=memory), memory / most, MEMORY_TARGET)
    result.finish(console, output)


def _wait_for_free_minutes(minutes: int) -> None:
    """Until half past a minute after which so many have no hourly run."""

    def is_free() -> bool:
        now = datetime.now(UTC).minute
        return not any((now + more) % 60 in BUSY_MINUTES for more in range(-1, minutes + 2))

    while not is_free():
        time.sleep(1)
    time.sleep((30 - datetime.now(UTC).timestamp()) % 60)
