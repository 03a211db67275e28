"""The figures of a run beside those of the release before, which benchmarks/release.json holds.

Compared are the ratios and the memory that have a target, and what counts.py counts: seconds depend on the machine.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.result import Figure

RELEASE = Path(__file__).with_name("release.json")
WORSE = 0.2  # the part by which a figure may be worse before it is called so
# A few statements, rows or blocks more or less are no change: what Postgres reads of its own catalogue differs.
SLACK = {"statements": 3, "rows": 20, "blocks": 50, "log_bytes": 5_000, "file_bytes": 0}

Figures = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Change:
    """A figure that both have; `part` is by how much it is worse (below zero: better), of what it was."""

    what: str
    before: float
    now: float
    part: float
    worse: bool


def read_results(paths: Iterable[Path]) -> Figures:
    """The figures of JSON files of runs, by their kind; of several runs of a benchmark the latest one's."""
    figures: Figures = {}
    runs = (json.loads(path.read_text(encoding="utf-8")) for path in paths)
    for run in sorted(runs, key=lambda one: str(one["started_at"])):
        for row in run["rows"]:
            figure = row.get("figure")
            if figure in (Figure.TIME.value, Figure.RATE.value) and row["ratio"] is not None:
                figures.setdefault(figure, {})[_name(run, row)] = row["ratio"]
            elif figure == Figure.MEMORY.value:
                figures.setdefault(figure, {})[_name(run, row)] = row["peak_mb"]
        for step, counts in run.get("counts", {}).items():
            for unit, count in counts.items():
                figures.setdefault(unit, {})[step] = count
    return figures


def _name(run: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    return f"{run['name']}: {row['what']}, {row['size']:,} {run['size_of']}"


def compare(before: Figures, now: Figures) -> Iterator[Change]:
    """The figures that both have."""
    for kind, figures in before.items():
        for what, was in figures.items():
            if (found := now.get(kind, {}).get(what)) is None:
                continue
            higher_is_better = kind == Figure.RATE.value
            part = (was / found if higher_is_better else found / was) - 1 if was and found else float(found > was)
            worse = part > WORSE and (higher_is_better or found - was > SLACK.get(kind, 0))
            yield Change(f"{what}: {kind}", was, found, part, worse)


def show_changes(console: Console, output: Path, since: float = 0.0) -> bool:
    """Print what has changed since the release before, of the runs in a folder; whether nothing became worse.

    `since`: only the files written after that time, in seconds of the epoch.
    """
    before = json.loads(RELEASE.read_text(encoding="utf-8"))
    changes = list(compare(before, read_results(one for one in output.glob("*.json") if one.stat().st_mtime >= since)))
    table = Table(title="Beside the release before", caption=f"shown: what differs by over {WORSE:.0%}")
    for name, justify in (("figure", "left"), ("before", "right"), ("now", "right"), ("", "left")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    for one in changes:
        if one.worse or one.part < -WORSE:
            verdict = "WORSE" if one.worse else "better"
            table.add_row(one.what, f"{one.before:,.4g}", f"{one.now:,.4g}", verdict)
    if table.rows:
        console.print(table)
    worse = sum(one.worse for one in changes)
    console.print(f"{len(changes)} figures compared with the release before: {worse} worse by over {WORSE:.0%}")
    return not worse


def keep(output: Path) -> int:
    """Make the figures of the runs in a folder those of the release; how many they are. Others stay as they are."""
    kept: Figures = json.loads(RELEASE.read_text(encoding="utf-8")) if RELEASE.exists() else {}
    for kind, figures in read_results(output.glob("*.json")).items():
        kept.setdefault(kind, {}).update({what: float(f"{value:.4g}") for what, value in figures.items()})
    RELEASE.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return sum(map(len, kept.values()))
