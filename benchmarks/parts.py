"""A breakdown and a period of a long history, beside pandas: read_sql of the trades, and a groupby.

Five agents have a signal for every trade (benchmarks/score.sql). The yardstick reads the trades that count into pandas
and sums, counts and averages their P&L in each group, which is less than an answer holds; it leaves the agents out.
Times are those of the wall. The JSON also has the CPU seconds of both sides, this process and Postgres' own, which
other work on the machine changes less.
"""

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

import psutil
from rich.console import Console
from sqlalchemy import Connection, text

from benchmarks.database import database, vacuum
from benchmarks.result import Figure, Run, Target, Timed, open_console
from benchmarks.score import AS_OF, fill_history, score_all
from scorekeeper.market.binding import advance_as_of, bind_market
from scorekeeper.metrics.breakdown import Breakdown
from scorekeeper.metrics.part_blocks import roll_up_parts
from scorekeeper.metrics.query import system_metrics
from scorekeeper.store.database import Database

SIZES = (100_000, 1_000_000)
REPEATS = 5
YARDSTICK = "read_sql, groupby"
TARGET, SECONDS = Target(Figure.TIME, 0.05), Target(Figure.SECONDS, 0.5)
# The targets hold from this history on: reading all of a smaller one is quick, too.
AIMED_FROM = 1_000_000
READ = """
SELECT exit_time, opened_at, side, pnl_pct, net_pnl_pct, hold_time_minutes
FROM scorekeeper.report_trades WHERE NOT price_suspect
"""
Work = Callable[[Connection], object]


def run(sizes: list[int], a_day: int, repeats: int, output: Path) -> None:
    """Build a database for each history, time the answers and the yardstick, print the table."""
    console = open_console()
    result = Run(
        "parts", f"{a_day:,} trades a day, five agents each", YARDSTICK, "closed trades",
        {"size": sizes, "a_day": a_day, "repeats": repeats},
    )  # fmt: skip
    for trades in sizes:
        with database() as db:
            build(db, trades, a_day, console)
            cpu: dict[str, float] = {}
            timed = {what: time_work(db, what, work, trades, repeats, cpu, console) for what, work in WORKS.items()}
        yardstick = timed[YARDSTICK].median
        aims = trades >= AIMED_FROM
        for what, one in timed.items():
            result.add(one, one.median / yardstick, TARGET if aims and what != YARDSTICK else None)
        result.figures[f"cpu_seconds_{trades}"] = cpu
        result.figures[f"cpu_ratios_{trades}"] = {what: cpu[what] / cpu[YARDSTICK] for what in WORKS}
    result.finish(console, output)


def build(db: Database, trades: int, a_day: int, console: Console) -> None:
    """Write the history, score it, and add up what is over."""
    fill_history(db, trades, console, a_day)
    with db.begin() as connection:
        bind_market(connection, "replay:benchmark", AS_OF)
        advance_as_of(connection, AS_OF)
    with console.status("score every day"):
        score_all(db)
    vacuum(db)
    with console.status("add up the parts"):
        roll_up_parts(db)
    vacuum(db)


def read_and_group(connection: Connection) -> object:
    """What one would do by hand: all trades in a frame, and the figures of each hour of opening."""
    import pandas as pd

    trades = pd.read_sql(text(READ), connection)
    return trades.groupby(trades["opened_at"].dt.hour)[["pnl_pct", "net_pnl_pct", "hold_time_minutes"]].agg(
        ["count", "sum", "mean", "std"]
    )


def ask(**selection: Any) -> Work:
    """An answer of metrics."""
    return lambda connection: system_metrics(connection, **selection)


WORKS: dict[str, Work] = {
    "metrics --by hour": ask(by=Breakdown.HOUR),
    "metrics --by side": ask(by=Breakdown.SIDE),
    "metrics --by symbol": ask(by=Breakdown.SYMBOL),
    "metrics --since, 100 days": ask(since=AS_OF - timedelta(days=100)),
    "metrics --since --by hour": ask(since=AS_OF - timedelta(days=90, hours=5), by=Breakdown.HOUR),
    YARDSTICK: read_and_group,
}


def time_work(
    db: Database, what: str, work: Work, trades: int, repeats: int, cpu: dict[str, float], console: Console
) -> Timed:
    """Time it, the first one aside, which warms; the median of its CPU seconds goes to `cpu`."""
    seconds, used = [], []
    with console.status(f"{what}, {repeats} times"), db.engine.connect() as connection:
        backend = psutil.Process(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())
        for attempt in range(repeats + 1):
            before, start = _cpu(backend), time.perf_counter()
            work(connection)
            connection.rollback()
            if attempt:
                seconds.append(time.perf_counter() - start)
                used.append(_cpu(backend) - before)
    cpu[what] = median(used)
    return Timed(what, 0, seconds, trades)


def _cpu(backend: psutil.Process) -> float:
    """CPU seconds of this process and of its session in Postgres."""
    return sum(one.user + one.system for one in (psutil.Process().cpu_times(), backend.cpu_times()))
