"""A million open trades, a new candle for each symbol, 2,000 trades due: does the work follow what is due?

The trades are written straight into the tables, as ones that have been looked at and have met their price: what ingest
costs is another question. Each symbol has four that the new candle closes: one by expiry, one short by its stop, one
long by its target, one short by its trailing stop. Of the others every tenth trails; none is touched, and none meets
a new best price.
"""

import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn
from rich.table import Table
from sqlalchemy import Connection, text

from scorekeeper import settle
from scorekeeper.store import embedded
from scorekeeper.store.database import Database, open_database
from scorekeeper.store.sql import statement

TRADES = 1_000_000
REPEATS = 5
SYMBOLS = 500
DUE = 4 * SYMBOLS
FEWEST_TRADES = 10 * SYMBOLS
TARGET = 0.02
BATCH = 20_000
AS_OF = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
FILLS = Path(__file__).with_name("close.sql")
# What the target is about, at the full size: the others are what else a track asks of the same tables.
AIMED = ("close what is due", "mark what is open")
YARDSTICK = "UPDATE of all trades"


@dataclass(frozen=True)
class Timed:
    """What was timed, the rows that it wrote or gave, and the seconds of each repetition."""

    what: str
    rows: int
    seconds: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def run(trades: int, repeats: int) -> None:
    """Build the database, time the statements, print the table."""
    console = Console()
    with database() as db:
        build(db, trades, console)
        timed = measure(db, repeats, console)
    console.print(as_table(timed, trades))


def as_table(timed: list[Timed], trades: int) -> Table:
    """One row per statement: rows, seconds, and what part of the yardstick's seconds that is."""
    table = Table(title=f"{trades:,} open trades of {SYMBOLS} symbols, {DUE:,} due; seconds")
    table.add_column("statement", no_wrap=True)
    for heading in ("rows", "median", "fastest", "slowest", "ratio"):
        table.add_column(heading, justify="right", no_wrap=True)
    yardstick = next(one.median for one in timed if one.what == YARDSTICK)
    missed = []
    for one in timed:
        ratio = one.median / yardstick
        if one.what in AIMED and ratio > TARGET:
            missed.append(one.what)
        seconds = [f"{value:.3f}" for value in (one.median, min(one.seconds), max(one.seconds))]
        table.add_row(one.what, f"{one.rows:,}", *seconds, f"{ratio:.4f}")
    if trades >= TRADES:
        table.caption = f"target: ratio {TARGET} at most; " + (f"missed: {', '.join(missed)}" if missed else "reached")
    return table


@contextmanager
def database() -> Iterator[Database]:
    """A migrated database in an embedded server with the settings of every other one; removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="scorekeeper-benchmark-") as folder:
        home = Path(folder)
        lease = embedded.acquire(home)
        try:
            with open_database(lease.url("scorekeeper"), home) as db:
                yield db
        finally:
            lease.release()
            shutil.rmtree(lease.socket_folder, ignore_errors=True)
            shutil.rmtree((home / "postgres").resolve(), ignore_errors=True)  # run as root it lies outside the home


def build(db: Database, trades: int, console: Console) -> None:
    """Write the trades with their decisions, the candles and what is sealed; then vacuum and analyze."""
    fill_trades, fill_candles, fill_coverage = FILLS.read_text(encoding="utf-8").split(";\n")[:3]
    known = {"as_of": AS_OF, "symbols": SYMBOLS}
    with db.begin() as connection:
        settle.ensure_partition(connection, AS_OF.year, AS_OF.month)
        connection.execute(text(fill_candles), known)
        connection.execute(text(fill_coverage), known)
    with Progress(*Progress.get_default_columns(), TimeElapsedColumn(), console=console) as progress:
        task = progress.add_task(f"{trades:,} open trades", total=trades)
        for first in range(0, trades, BATCH):
            last = min(first + BATCH, trades) - 1
            with db.begin() as connection:
                connection.execute(text(fill_trades), {**known, "first": first, "last": last})
            progress.update(task, completed=last + 1)
        task = progress.add_task("vacuum and analyze", total=None)
        vacuum(db)
        progress.update(task, total=1, completed=1)


def vacuum(db: Database) -> None:
    """Leave no dead rows of an earlier repetition, and statistics as autovacuum would."""
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM (ANALYZE)")
        connection.exec_driver_sql("CHECKPOINT")


def measure(db: Database, repeats: int, console: Console) -> list[Timed]:
    """The statements of one track, and the yardstick, which comes last: it leaves a dead row for every trade."""
    known = {"as_of": AS_OF}

    def run_statement(name: str, **more: float) -> Callable[[Connection], int]:
        def work(connection: Connection) -> int:
            done = connection.execute(statement(name), {**known, **more})
            return len(done.all()) if done.returns_rows else done.rowcount

        return work

    def update(connection: Connection) -> int:
        return connection.execute(text("UPDATE scorekeeper.trade SET price_age_seconds = 0")).rowcount

    works: list[tuple[str, Callable[[Connection], int]]] = [
        ("find the symbols to fetch", run_statement("select_symbols_to_fetch")),
        ("set reference prices", run_statement("set_reference_prices", suspect_price_pct=5)),
        ("close what is due", run_statement("close_due_trades")),
        ("set horizon returns", run_statement("set_horizon_returns")),
        ("mark what is open", run_statement("mark_open_trades")),
        (YARDSTICK, update),
    ]
    answer = []
    for what, work in works:
        with console.status(f"{what}, {repeats} times"):
            answer.append(repeat(db, what, work, repeats))
    return answer


def repeat(db: Database, what: str, work: Callable[[Connection], int], repeats: int) -> Timed:
    """`work` in as many transactions, each rolled back: every one finds the same rows."""
    seconds = []
    rows = 0
    for _ in range(repeats):
        with db.engine.connect() as connection:
            settle.open_settlement(connection)
            start = time.perf_counter()
            rows = work(connection)
            seconds.append(time.perf_counter() - start)
            connection.rollback()
    return Timed(what, rows, seconds)
