"""A thousand new closes on top of a history: does the score step follow what is new, and the answer the days?

Five agents have a signal for every trade, of ten symbols and two versions; --a-day says how many trades close a day.
The score step is compared with itself on the first history. The yardstick of the answer is the way without rollups:
read the trades into pandas, and take the same figures from empyrical, quantstats and freqtrade (benchmarks/peers.py).
These run in a project of their own, in the same run, on the same database.
"""

import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import typer
from rich.console import Console
from sqlalchemy import Connection, text

from benchmarks.database import database, fill_in_batches, run_part, trust_references, vacuum
from benchmarks.result import Figure, Run, Target, Timed, open_console
from scorekeeper.metrics import query, rollups
from scorekeeper.metrics.breakdown import Breakdown
from scorekeeper.metrics.scorecard import store_scorecards
from scorekeeper.store.database import Database

HISTORIES = (10_000, 1_000_000)
NEW = 1_000
A_DAY = 1_000
REPEATS = 5
AS_OF = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
FILLS = Path(__file__).with_name("score.sql")
STEP, ANSWER = f"score {NEW:,} closes, keep scorecards", "metrics"
READ, YARDSTICK = "read_sql", "empyrical"
# The peers get no more trades than these: more would not fit in memory.
MOST_READ = 1_000_000
# The targets hold from this history on: reading all of a smaller one is quick, too.
AIMED_FROM = 10_000_000
TARGET, STEP_TARGET = Target(Figure.TIME, 0.02), Target(Figure.TIME, 1.2)


def run(sizes: list[int], a_day: int, repeats: int, output: Path) -> None:
    """Build a database for each history, time the work, print the table."""
    if (uv := shutil.which("uv")) is None:
        raise typer.BadParameter("needs uv, for the project in tests/oracles that holds the peers")
    console = open_console()
    result = Run(
        "score", f"{a_day:,} trades a day, five agents each",
        f"{READ} and {YARDSTICK} together, over at most {MOST_READ:,} trades; of scoring, to the first history",
        "closed trades before", {"size": sizes, "a_day": a_day, "repeats": repeats},
    )  # fmt: skip
    first = 0.0
    for trades in sizes:
        with database() as db:
            build(db, trades, a_day, console)
            step, *timed = measure(db, trades, repeats, console)
            timed += measure_peers(uv, db, trades, repeats, console)
        result.add(step, step.median / (first or step.median), STEP_TARGET if first else None)
        first = first or step.median
        targets = {ANSWER: TARGET} if trades >= AIMED_FROM else {}
        result.add_times(timed, sum(one.median for one in timed if one.what in (READ, YARDSTICK)), targets)
    result.finish(console, output)


def build(db: Database, trades: int, a_day: int, console: Console) -> None:
    """Write the history, score it, then write what has just closed."""
    fill_history(db, trades, console, a_day)
    with console.status("score every day"):
        score_all(db)
    fill_new(db, NEW)
    with db.begin() as connection:
        connection.execute(text(_statements()[2]), {"as_of": AS_OF})
    vacuum(db)


def score_all(db: Database) -> None:
    """Score every day of the history."""
    with db.begin() as connection:
        connection.execute(text(_statements()[1]))
        _score_and_keep(connection)


def _score_and_keep(connection: Connection) -> None:
    rollups.score_stale_days(connection, AS_OF)
    store_scorecards(connection, AS_OF)


def fill_history(db: Database, trades: int, console: Console, a_day: int = A_DAY) -> None:
    """Write closed trades of the past, `a_day`, with the signals of five agents; vacuum and analyze."""
    yesterday = {"as_of": AS_OF.replace(hour=11), "prefix": "old-", "seconds_apart": 86_400 / a_day}
    fill_in_batches(db, _statements()[0], yesterday, trades, "closed trades", console, trusted=True)


def fill_new(db: Database, trades: int) -> None:
    """Write trades that have closed in the last hours, one every three seconds; their ids begin with `new-`."""
    known = {"as_of": AS_OF, "prefix": "new-", "seconds_apart": 3, "first": 1, "last": trades}
    with db.begin() as connection:
        trust_references(connection)
        connection.execute(text(_statements()[0]), known)


def _statements() -> list[str]:
    return FILLS.read_text(encoding="utf-8").split(";\n")[:3]


def measure(db: Database, trades: int, repeats: int, console: Console) -> list[Timed]:
    """The score step, and the answer from rollups and from rows."""
    works: list[tuple[str, Callable[[Connection], object]]] = [
        (STEP, _score_and_keep),
        (ANSWER, lambda connection: query.system_metrics(connection, at=AS_OF)),
        ("metrics, composed", lambda connection: query.system_metrics(connection, at=AS_OF, compose=True)),
        ("metrics --by side", lambda connection: query.system_metrics(connection, by=Breakdown.SIDE, at=AS_OF)),
    ]
    timed = []
    for what, work in works:
        seconds = []
        with console.status(f"{what}, {repeats} times"):
            for attempt in range(repeats + 1):
                with db.engine.connect() as connection:
                    start = time.perf_counter()
                    work(connection)
                    if attempt:  # the first one warms
                        seconds.append(time.perf_counter() - start)
                    connection.rollback()
        timed.append(Timed(what, NEW if what == STEP else 0, seconds, trades))
    return timed


def measure_peers(uv: str, db: Database, trades: int, repeats: int, console: Console) -> list[Timed]:
    """Time reading the trades, and each peer's figures, in a process that has imported everything before."""
    with console.status(f"read_sql, empyrical, quantstats, freqtrade, {repeats} times"):
        seconds: dict[str, list[float]] = run_part(
            db, "benchmarks.peers", str(repeats), str(min(trades + NEW, MOST_READ)),
            python=(uv, "run", "-q", "--project", "tests/oracles", "python"),
        )  # fmt: skip
    return [Timed(what, 0, values, trades) for what, values in seconds.items()]
