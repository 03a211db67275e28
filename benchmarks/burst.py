"""One track that closes 145,000 trades and publishes 345,000 records at once, as after a long outage or an import.

The decisions are written straight into the tables, with what five agents said, as ingest leaves them; candles close
every trade by its stop, its target or its expiry. Then settle, score and publish run once, in a process of their own
(benchmarks/burst_once.py). The yardstick is what any system would do with these records: COPY of their rows into tables
with the same columns, indexes and constraints, and writing the very same lines to two files that are on the disk.
"""

import os
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from sqlalchemy import text

from benchmarks.close import write_market
from benchmarks.database import database, fill_in_batches, run_part
from benchmarks.result import Figure, Run, Target, Timed, open_console
from scorekeeper.store.database import Database

DECISIONS = 200_000
SYMBOLS = 100
AS_OF = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
FILLS = Path(__file__).with_name("burst.sql")
ONCE = "benchmarks.burst_once"
WHOLE, COPY, WRITE = "track: settle, score, publish", "COPY of the rows", "write and fsync the lines"
YARDSTICK = f"{COPY}, {WRITE}"
TARGET, TARGET_MEMORY = Target(Figure.TIME, 3), Target(Figure.MEMORY, 200)
TABLES = ("decision", "agent_signal", "trade", "event")


def run(sizes: list[int], output: Path) -> None:
    """For each size build a database and track once; print the table."""
    console = open_console()
    result = Run("burst", f"one track of many decisions, {SYMBOLS} symbols", YARDSTICK, "decisions", {"size": sizes})
    for decisions in sizes:
        with database() as db, tempfile.TemporaryDirectory(prefix="scorekeeper-benchmark-") as folder:
            build(db, decisions, console)
            timed, yardstick = measure(db, Path(folder), decisions, console)
        for one in timed:
            result.add(one, one.median / yardstick, TARGET if one.what == WHOLE else None)
            if one.what == WHOLE:
                result.add(Timed("memory of it", one.rows, one.seconds, decisions, one.peak_mb), None, TARGET_MEMORY)
    result.finish(console, output)


def build(db: Database, decisions: int, console: Console) -> None:
    """Write decisions with their trades and lines, the candles and the sealed ranges; then vacuum and analyze."""
    fill_decisions, *fill_market = FILLS.read_text(encoding="utf-8").split(";\n")[:3]
    known = {"as_of": AS_OF, "symbols": SYMBOLS}
    write_market(db, fill_market, known)
    fill_in_batches(db, fill_decisions, known, decisions, "decisions", console, trusted=True)


def measure(db: Database, folder: Path, decisions: int, console: Console) -> tuple[list[Timed], float]:
    """The steps of the track, their sum, and the yardstick; and the seconds of the yardstick."""
    with console.status("settle, score, publish"):
        done = run_part(db, ONCE, str(folder), AS_OF.isoformat())
    records = done["dataset"]
    steps = [Timed(name, records, [seconds], decisions, peak) for name, (seconds, peak) in done["steps"].items()]
    whole = Timed(
        WHOLE, records, [sum(one.median for one in steps)], decisions, max(one.peak_mb or 0 for one in steps)
    )  # fmt: skip
    with console.status(YARDSTICK):
        yardsticks = [
            Timed(COPY, records, [copy_rows(db)], decisions), Timed(WRITE, records, [write_lines(folder)], decisions)
        ]  # fmt: skip
    return [*steps, whole, *yardsticks], sum(one.median for one in yardsticks)


def copy_rows(db: Database) -> float:
    """Seconds to COPY the rows of the records into tables made like theirs; reading them does not count."""
    took = 0.0
    with db.engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        for table in TABLES:
            columns = ", ".join(
                row.attname
                for row in connection.execute(
                    text(
                        "SELECT attname FROM pg_attribute WHERE attrelid = cast(:name AS regclass) AND attnum > 0 "
                        "AND NOT attisdropped AND attgenerated = ''"
                    ),
                    {"name": f"scorekeeper.{table}"},
                )
            )
            connection.execute(text(f"CREATE TABLE public.{table} (LIKE scorekeeper.{table} INCLUDING ALL)"))
            if table != TABLES[0]:
                refers = "FOREIGN KEY (trade_id) REFERENCES public.decision"
                connection.execute(text(f"ALTER TABLE public.{table} ADD {refers}"))
            with driver.cursor() as cursor, cursor.copy(f"COPY scorekeeper.{table} ({columns}) TO STDOUT") as copy:
                blocks = [bytes(block) for block in copy]
            start = time.perf_counter()
            with driver.cursor() as cursor, cursor.copy(f"COPY public.{table} ({columns}) FROM STDIN") as copy:
                for block in blocks:
                    copy.write(block)
            took += time.perf_counter() - start
        start = time.perf_counter()
        connection.commit()
        return took + time.perf_counter() - start


def write_lines(folder: Path) -> float:
    """Seconds to write the lines of both files again, and have them on the disk."""
    took = 0.0
    for path in sorted(folder.glob("performance_*")):
        content = path.read_bytes()
        start = time.perf_counter()
        with path.with_name("written-again").open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        took += time.perf_counter() - start
    return took
