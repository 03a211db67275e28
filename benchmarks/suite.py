"""All benchmarks of speed, one after the other: whole, which takes hours, or quick, at small sizes, in under an hour.

The quick ones find a regression: their ratios are compared with those of the release before (compare.py). The targets
stand at the sizes of the whole ones. Those that check how true the figures are (coverage, learning) are not among them.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from benchmarks import (
    analyze,
    arrival,
    backtest,
    burst,
    close,
    counts,
    dashboard,
    idle,
    ingest,
    parts,
    publish,
    record,
    scale,
    score,
    startup,
    sustained,
    verify,
)  # fmt: skip
from benchmarks.decisions import Shape


@dataclass(frozen=True)
class Entry:
    """A benchmark at small sizes, and at its own."""

    name: str
    quick: Callable[[Path], object]
    whole: Callable[[Path], object]


ENTRIES = (
    Entry("counts", counts.run, counts.run),
    Entry(
        "startup",
        lambda output: startup.run([1_000], 5, output),
        lambda output: startup.run(list(startup.SIZES), startup.REPEATS, output),
    ),
    Entry("record", lambda output: record.run([4_000], output), lambda output: record.run([record.CALLS], output)),
    Entry(
        "ingest",
        lambda output: ingest.run([50_000], 5_000, Shape(), output),
        lambda output: ingest.run(list(ingest.SIZES), ingest.FILES, Shape(), output),
    ),
    Entry(
        "close",
        lambda output: close.run([100_000], 3, output),
        lambda output: close.run([close.TRADES], close.REPEATS, output),
    ),
    Entry("burst", lambda output: burst.run([20_000], output), lambda output: burst.run([burst.DECISIONS], output)),
    Entry(
        "score",
        lambda output: score.run([10_000, 100_000], score.A_DAY, 5, output),
        lambda output: score.run(list(score.HISTORIES), score.A_DAY, score.REPEATS, output),
    ),
    Entry(
        "parts",
        lambda output: parts.run([50_000], score.A_DAY, 3, output),
        lambda output: parts.run(list(parts.SIZES), score.A_DAY, parts.REPEATS, output),
    ),
    Entry(
        "publish",
        lambda output: publish.run([0, 20_000], 3, output),
        lambda output: publish.run(list(publish.SIZES), publish.REPEATS, output),
    ),
    Entry(
        "analyze",
        lambda output: analyze.run([50_000], 1, output),
        lambda output: analyze.run(list(analyze.SIZES), analyze.REPEATS, output),
    ),
    Entry(
        "verify",
        lambda output: verify.run([10_000], 1, output),
        lambda output: verify.run(list(verify.SIZES), verify.REPEATS, output),
    ),
    Entry(
        "backtest",
        lambda output: backtest.run([10_000], 1, output),
        lambda output: backtest.run([backtest.DECISIONS], backtest.REPEATS, output),
    ),
    Entry(
        "dashboard",
        lambda output: dashboard.run([50_000], 5, 20, output),
        lambda output: dashboard.run(list(dashboard.SIZES), dashboard.REPEATS, dashboard.STREAMS, output),
    ),
    Entry(
        "scale",
        lambda output: scale.run(20_000, [1, 2], Shape(), output),
        lambda output: scale.run(scale.SIZE, list(scale.WORKERS), Shape(), output),
    ),
    Entry(
        "arrival",
        lambda output: arrival.run([True], 10, [2_000], 2, output),
        lambda output: arrival.run([False, True], arrival.ARRIVALS, list(arrival.SIZES), arrival.MINUTES, output),
    ),
    Entry(
        "sustained",
        lambda output: sustained.run(30, sustained.RATE, 0.5, output),
        lambda output: sustained.run(sustained.ARRIVALS, sustained.RATE, sustained.MINUTES, output),
    ),
    Entry("idle", lambda output: idle.run(2, output), lambda output: idle.run(idle.MINUTES, output)),
)


def run(*, quick: bool, output: Path, console: Console) -> None:
    """Each in turn."""
    for number, entry in enumerate(ENTRIES, 1):
        console.rule(f"{number} of {len(ENTRIES)}: {entry.name}")
        began = time.monotonic()
        (entry.quick if quick else entry.whole)(output)
        console.print(f"{entry.name}: {time.monotonic() - began:,.0f} s")
