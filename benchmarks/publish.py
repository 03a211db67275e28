"""Two thousand new records, published behind those that are there already: does it follow what is new?

The trades are written straight into the tables, closed, as in benchmarks/score.py; the files that hold the old ones are
the product's own rebuild. Each publication is a process of its own (benchmarks/publish_once.py), so that its memory is
its own, and undone afterwards: every one finds the same files and rows. The yardstick is the same publication where
nothing was before; beside it stands what it takes to write the very same bytes to two files and have them on the disk.
"""

import os
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from sqlalchemy import text

from benchmarks.database import database, run_part, vacuum
from benchmarks.result import Figure, Run, Target, Timed, open_console
from benchmarks.score import fill_history, fill_new
from scorekeeper.store.database import Database

SIZES = (0, 100_000, 1_000_000)
NEW = 2_000
REPEATS = 5
PUBLISH, REBUILD, WRITE = f"publish {NEW:,} new", "rebuild all", "write and fsync the same"
TARGET = Target(Figure.TIME, 1.2)
ONCE = "benchmarks.publish_once"
FORGET = (
    "DELETE FROM scorekeeper.trade WHERE trade_id LIKE 'new-%'",
    "DELETE FROM scorekeeper.agent_signal WHERE trade_id LIKE 'new-%'",
    "DELETE FROM scorekeeper.event WHERE trade_id LIKE 'new-%'",
    "DELETE FROM scorekeeper.decision WHERE trade_id LIKE 'new-%'",
)


def run(sizes: list[int], repeats: int, output: Path) -> None:
    """Publish behind each size, the empty one first; print the table."""
    console = open_console()
    result = Run(
        "publish", f"{NEW:,} new records in log and dataset", "publishing them where nothing was before",
        "records before", {"size": sizes, "repeats": repeats},
    )  # fmt: skip
    empty = 0.0
    for records in sorted({0, *sizes}):
        with database() as db, tempfile.TemporaryDirectory(prefix="scorekeeper-benchmark-") as folder:
            timed = measure(db, Path(folder), records, repeats, console)
        empty = empty or next(one.median for one in timed if one.what == PUBLISH)
        result.add_times(timed, empty, {PUBLISH: TARGET} if records else {})
    result.finish(console, output)


def measure(db: Database, folder: Path, records: int, repeats: int, console: Console) -> list[Timed]:
    """Rebuild the files of so many records, then publish new ones behind them, `repeats` times."""
    if records:
        fill_history(db, records, console)
    with console.status(f"rebuild of {records:,} records"):
        rebuilt = run_part(db, ONCE, "rebuild", str(folder))
        vacuum(db)
    before = {path.name: path.stat().st_size for path in folder.iterdir()}
    marks = _marks(db)
    published = []
    for attempt in range(repeats):
        with console.status(f"publish {NEW:,} new, {attempt + 1} of {repeats}"):
            fill_new(db, NEW)
            vacuum(db)
            done = run_part(db, ONCE, "publish", str(folder))
            if done["lines"] != 2 * NEW:
                raise RuntimeError(f"{done['lines']:,} lines were published, not {2 * NEW:,}")
            published.append(done)
            _undo(db, folder, before, marks)
    answer = [
        Timed(PUBLISH, NEW, [one["seconds"] for one in published], records, max(one["peak_mb"] for one in published)),
        Timed(WRITE, NEW, [one["write_seconds"] for one in published], records),
    ]
    if records:
        answer.append(Timed(REBUILD, records, [rebuilt["seconds"]], records, rebuilt["peak_mb"]))
    return answer


def _marks(db: Database) -> list[dict[str, Any]]:
    with db.begin() as connection:
        return [dict(row) for row in connection.execute(text("SELECT * FROM scorekeeper.publication")).mappings()]


def _undo(db: Database, folder: Path, before: dict[str, int], marks: list[dict[str, Any]]) -> None:
    """As if the new records had never been."""
    with db.begin() as connection:
        # The rows that refer to each other go together: not looked up row by row.
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        for sentence in FORGET:
            connection.execute(text(sentence))
        for mark in marks:
            connection.execute(
                text(
                    "UPDATE scorekeeper.publication SET published_line_no = :published_line_no, "
                    "committed_bytes = :committed_bytes, tail_sha256 = :tail_sha256 WHERE path = :path"
                ),
                mark,
            )
    for name, size in before.items():
        os.truncate(folder / name, size)
