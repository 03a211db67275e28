"""A million open trades, a new candle for each symbol, 2,000 trades due: does the work follow what is due?

The trades are written straight into the tables, as trades that a settlement has read and that have their reference
price: what ingest costs is another benchmark. The new candle closes four trades of each symbol: one by expiry, one
short by its stop, one long by its target, one short by its trailing stop. Of the others every tenth trails. The candle
touches none of them, and brings no new best price.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from sqlalchemy import Connection, text

from benchmarks.database import database, fill_in_batches
from benchmarks.result import Figure, Run, Target, Timed, open_console
from scorekeeper.market import sealed_candles
from scorekeeper.store.database import Database
from scorekeeper.store.sql import statement
from scorekeeper.trades import settle

TRADES = 1_000_000
REPEATS = 5
SYMBOLS = 500
DUE = 4 * SYMBOLS
FEWEST_TRADES = 10 * SYMBOLS
TARGET = Target(Figure.TIME, 0.02)
AS_OF = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
FILLS = Path(__file__).with_name("close.sql")
# The statements that have a target, at the full size. The others are what else a track runs on the same tables.
AIMED = ("close what is due", "mark what is open")
YARDSTICK = "UPDATE of all trades"


def run(sizes: list[int], repeats: int, output: Path) -> None:
    """For each size build a database and time the statements; print the table."""
    console = open_console()
    result = Run(
        "close", f"{SYMBOLS} symbols, {DUE:,} trades due", YARDSTICK, "open trades",
        {"size": sizes, "repeats": repeats},
    )  # fmt: skip
    for trades in sizes:
        with database() as db:
            build(db, trades, console)
            timed = measure(db, trades, repeats, console)
        # What is due is the same at every size: of fewer trades it is a larger part.
        targets = dict.fromkeys(AIMED, TARGET) if trades >= TRADES else {}
        result.add_times(timed, next(one.median for one in timed if one.what == YARDSTICK), targets)
    result.finish(console, output)


def write_market(db: Database, statements: Sequence[str], known: Mapping[str, Any]) -> None:
    """Write candles of the month of `as_of` and the ranges that are sealed, by statements with these parameters."""
    with db.begin() as connection:
        sealed_candles.ensure_partition(connection, known["as_of"].year, known["as_of"].month)
        for one in statements:
            connection.execute(text(one), known)


def build(db: Database, trades: int, console: Console) -> None:
    """Write the trades with their decisions, the candles and the sealed ranges; then vacuum and analyze."""
    fill_trades, *fill_market = FILLS.read_text(encoding="utf-8").split(";\n")[:3]
    known = {"as_of": AS_OF, "symbols": SYMBOLS}
    write_market(db, fill_market, known)
    fill_in_batches(db, fill_trades, known, trades, "open trades", console)


def measure(db: Database, trades: int, repeats: int, console: Console) -> list[Timed]:
    """The statements of one track, and the yardstick, which comes last: it leaves a dead row for every trade."""
    known = {"as_of": AS_OF}

    def run_statement(name: str, **more: float | None) -> Callable[[Connection], int]:
        def work(connection: Connection) -> int:
            done = connection.execute(statement(name), {**known, **more})
            return len(done.all()) if done.returns_rows else done.rowcount

        return work

    def update(connection: Connection) -> int:
        return connection.execute(text("UPDATE scorekeeper.trade SET price_age_seconds = 0")).rowcount

    works: list[tuple[str, Callable[[Connection], int]]] = [
        ("find the symbols to fetch", run_statement("trades/select_symbols_to_fetch")),
        ("set reference prices", run_statement("trades/set_reference_prices", suspect_price_pct=5, asked=None)),
        ("match exits", run_statement("trades/match_exits", settles=True)),
        ("close what is due", run_statement("trades/close_due_trades")),
        ("set horizon returns", run_statement("trades/set_horizon_returns")),
        ("mark what is open", run_statement("trades/mark_open_trades")),
        (YARDSTICK, update),
    ]
    answer = []
    for what, work in works:
        with console.status(f"{what}, {repeats} times"):
            answer.append(repeat(db, what, work, trades, repeats))
    return answer


def repeat(db: Database, what: str, work: Callable[[Connection], int], trades: int, repeats: int) -> Timed:
    """Time `work` in `repeats` transactions. Each is rolled back, so all find the same rows."""
    seconds = []
    rows = 0
    for _ in range(repeats):
        with db.engine.connect() as connection:
            settle.open_settlement(connection)
            start = time.perf_counter()
            rows = work(connection)
            seconds.append(time.perf_counter() - start)
            connection.rollback()
    return Timed(what, rows, seconds, trades)
