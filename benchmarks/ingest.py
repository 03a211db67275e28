"""Decision files into Postgres, beside what the same rows cost without reading and judging them.

The files are drawn from a seed (benchmarks/decisions.py). Each ingest is a process of its own
(benchmarks/ingest_once.py), so that its memory is its own. Then the very same files come once more, and the same
decisions in other bytes. The yardstick is psycopg's COPY of the very rows that came in, as Python has them, into the
same tables, with all their indexes and foreign keys, in one transaction. The floor beside it is COPY of the same rows
in the bytes that Postgres itself gives: what Postgres takes for them, and Python hardly anything. Single files, a
decision each, are compared with reading each of them and moving it; their floors are COPY of their rows, and the move.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from psycopg import Connection
from rich.console import Console

from benchmarks.database import database, run_part, vacuum
from benchmarks.decisions import Shape, draw_lines
from benchmarks.result import Figure, Run, Target, Timed, open_console
from scorekeeper.store.database import Database

SIZES = (20_000, 200_000)
FILES = 20_000
IN_A_FILE = 10_000
TABLES = ("decision", "agent_signal", "trade", "event", "held_decision")
MOST_MEMORY_MB = 300

Write = Callable[[Path, int, Shape, int], None]


def run(sizes: list[int], files: int, shape: Shape, output: Path) -> None:
    """Ingest each size in files of lines, then `files` single ones; print the table."""
    console = open_console()
    result = Run(
        "ingest", f"decisions of {shape.symbols:,} symbols with {shape.agents} signals each",
        "the rate of COPY or of reading and moving; of what is known, to the rate of the first ingest",
        "decisions", {"size": sizes, "files": files, **vars(shape)},
    )  # fmt: skip
    for decisions in sizes:
        with database() as db:
            _add_lines(result, db, decisions, shape, console)
    if files:
        with database() as db:
            _add_files(result, db, files, shape, console)
    result.figures["most_memory_mb"] = MOST_MEMORY_MB
    result.finish(console, output)
    peak = max(row.timed.peak_mb or 0 for row in result.rows)
    verdict = "✓" if peak <= MOST_MEMORY_MB else "MISSED"
    console.print(f"most memory of an ingest: {peak:,.0f} MB; at most {MOST_MEMORY_MB} are aimed at: {verdict}")


def _add_lines(result: Run, db: Database, decisions: int, shape: Shape, console: Console) -> None:
    first, same, known = _ingest_thrice(db, write_lines, decisions, shape, console)
    with console.status(f"COPY of the rows of {decisions:,} decisions"):
        copied, poured = copy_rows(db, decisions)
    result.add(copied)
    result.add(poured, copied.median / poured.median)
    result.add(first, copied.median / first.median, Target(Figure.RATE, 0.85))
    result.add(same, first.median / same.median, Target(Figure.RATE, 10))
    result.add(known, first.median / known.median, Target(Figure.RATE, 2))


def _add_files(result: Run, db: Database, files: int, shape: Shape, console: Console) -> None:
    with tempfile.TemporaryDirectory(prefix="scorekeeper-benchmark-") as folder:
        write_files(Path(folder), files, shape, 0)
        moved = read_and_move(Path(folder), files)
    first, same, known = _ingest_thrice(db, write_files, files, shape, console)
    with console.status(f"COPY of the rows of {files:,} decisions"):
        copied, poured = copy_rows(db, files)
    result.add(moved)
    result.add(copied, moved.median / copied.median)
    result.add(poured, moved.median / poured.median)
    result.add(first, moved.median / first.median, Target(Figure.RATE, 0.3))
    result.add(same, first.median / same.median)
    result.add(known, first.median / known.median)


def _ingest_thrice(
    db: Database, write: Write, decisions: int, shape: Shape, console: Console
) -> tuple[Timed, Timed, Timed]:
    """What is new, the same bytes under other names, and the same decisions in other bytes."""
    kind = "files" if write is write_files else "JSONL"
    works = ((f"ingest {kind}", 0, decisions), (f"same {kind} again", 0, 0), (f"{kind} of known decisions", 1, 0))
    timed = []
    with tempfile.TemporaryDirectory(prefix="scorekeeper-benchmark-") as folder:
        home = Path(folder)
        (home / "inbox").mkdir()
        for what, mark, fresh in works:
            with console.status(f"{what}: {decisions:,} decisions"):
                shutil.rmtree(home / "archive", ignore_errors=True)
                write(home / "inbox", decisions, shape, mark)
                vacuum(db)
                os.sync()  # here and below: what was written and removed before is not waited for in what is timed
                done = run_part(db, "benchmarks.ingest_once", str(home))
            if (done["decisions"], done["duplicates"]) != (fresh, decisions - fresh):
                raise RuntimeError(f"{what}: {done}")
            timed.append(Timed(what, decisions, [done["seconds"]], decisions, done["peak_mb"]))
    return timed[0], timed[1], timed[2]


def write_lines(folder: Path, decisions: int, shape: Shape, mark: int) -> None:
    """Files of ten thousand lines."""
    lines = draw_lines(decisions, shape, mark=mark)
    number = 0
    while chunk := list(islice(lines, IN_A_FILE)):
        (folder / f"decisions-{number:06d}.jsonl").write_bytes(b"\n".join(chunk) + b"\n")
        number += 1


def write_files(folder: Path, files: int, shape: Shape, mark: int) -> None:
    """A file for each decision."""
    for number, line in enumerate(draw_lines(files, shape, mark=mark)):
        (folder / f"decision-{number:08d}.json").write_bytes(line)


def read_and_move(folder: Path, files: int) -> Timed:
    """Read every file, and move it to another folder."""
    done = folder / "done"
    done.mkdir()
    os.sync()
    start = time.perf_counter()
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if entry.is_file())
    for name in names:
        path = folder / name
        path.read_bytes()
        path.rename(done / name)
    return Timed("read and move files", files, [time.perf_counter() - start], files)


def copy_rows(db: Database, decisions: int) -> tuple[Timed, Timed]:
    """Take all rows out, empty the tables, and COPY the rows in again, twice: the tables are empty afterwards.

    First as psycopg writes the values that Python has, then as bytes that are ready.
    """
    with db.engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        rows = {table: list(_select(driver, table)) for table in TABLES}
        ready = {table: _take_out(driver, table, columns) for table, (columns, *_) in rows.items()}
        seconds = []
        for binary in (False, True):
            driver.execute("TRUNCATE scorekeeper.decision CASCADE")
            driver.commit()
            vacuum(db)
            os.sync()
            start = time.perf_counter()
            for table, (columns, *content) in rows.items():
                form = " (FORMAT binary)" if binary else ""
                with driver.cursor().copy(f"COPY scorekeeper.{table} ({columns}) FROM STDIN{form}") as copy:
                    if binary:
                        for block in ready[table]:
                            copy.write(block)
                    else:
                        for row in content:
                            copy.write_row(row)
            driver.commit()
            seconds.append(time.perf_counter() - start)
        driver.execute("TRUNCATE scorekeeper.decision CASCADE")
        driver.commit()
    count = sum(len(content) - 1 for content in rows.values())
    plain, floor = seconds
    return (
        Timed("COPY of the same rows", count, [plain], decisions),
        Timed("COPY of them as bytes", count, [floor], decisions),
    )


def _take_out(driver: Connection[Any], table: str, columns: str) -> list[bytes]:
    """The rows of a table as Postgres itself writes them for COPY, in blocks of half a megabyte."""
    query = f"COPY (SELECT {columns} FROM scorekeeper.{table}) TO STDOUT (FORMAT binary)"  # noqa: S608 - our own names
    with driver.cursor().copy(query) as copy:
        whole = b"".join(copy)
    return [whole[at : at + (1 << 19)] for at in range(0, len(whole), 1 << 19)]


def _select(driver: Connection[Any], table: str) -> Iterator[Any]:
    """The names of the columns that a COPY may write, then every row."""
    found = driver.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = cast(%s AS regclass) AND attnum > 0 "
        "AND NOT attisdropped AND attgenerated = '' ORDER BY attnum",
        (f"scorekeeper.{table}",),
    )
    columns = [name for (name,) in found]
    yield ", ".join(columns)
    shown = ", ".join(f"cast({name} AS text)" if name == "extra" else name for name in columns)
    yield from driver.execute(f"SELECT {shown} FROM scorekeeper.{table}")  # noqa: S608 - names of our own
