"""A thousand new closes on top of a history: does the score step follow what is new, and the answer the days?

Five agents have spoken of every trade; a thousand trades closed a day, of ten symbols and two versions. The yardstick
is what one would do without rollups: read the trades into pandas, and compute the system's figures with empyrical.
"""

import importlib.util
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import typer
from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn
from rich.table import Table
from sqlalchemy import Connection, text

from benchmarks.close import Timed, database, vacuum
from scorekeeper import score
from scorekeeper.domain.breakdown import Breakdown
from scorekeeper.store.database import Database

HISTORIES = (10_000, 1_000_000)
NEW = 1_000
A_DAY = 1_000
REPEATS = 5
BATCH = 20_000
AS_OF = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
FILLS = Path(__file__).with_name("score.sql")
STEP, ANSWER, YARDSTICK = "score 1,000 closes", "metrics", "read_sql, empyrical"
READ = """
SELECT exit_time, pnl_pct, net_pnl_pct, mfe_pct, mae_pct, hold_time_minutes
FROM scorekeeper.report_trades WHERE NOT price_suspect ORDER BY exit_time, trade_id
"""


def run(histories: list[int], repeats: int) -> None:
    """Build a database for each history, time the work, print the table."""
    if importlib.util.find_spec("empyrical") is None:
        raise typer.BadParameter("needs empyrical: uv run --group benchmark python -m benchmarks score")
    console = Console()
    rows = []
    for trades in histories:
        with database() as db:
            build(db, trades, console)
            rows.append((trades, measure(db, repeats, console)))
    console.print(as_table(rows))


def as_table(rows: list[tuple[int, list[Timed]]]) -> Table:
    """One row per history and piece of work: seconds, and what part of the yardstick's seconds that is."""
    table = Table(title=f"{A_DAY:,} trades a day, five agents each; seconds")
    for heading in ("history", "work"):
        table.add_column(heading, no_wrap=True)
    for heading in ("median", "fastest", "slowest", "ratio"):
        table.add_column(heading, justify="right", no_wrap=True)
    for trades, timed in rows:
        yardstick = next(one.median for one in timed if one.what == YARDSTICK)
        for one in timed:
            seconds = [f"{value:.3f}" for value in (one.median, min(one.seconds), max(one.seconds))]
            table.add_row(f"{trades:,}", one.what, *seconds, f"{one.median / yardstick:.3f}")
        table.add_section()
    return table


def build(db: Database, trades: int, console: Console) -> None:
    """Write the history, score it, then write what has just closed."""
    fill, all_stale, new_stale = FILLS.read_text(encoding="utf-8").split(";\n")[:3]
    with Progress(*Progress.get_default_columns(), TimeElapsedColumn(), console=console) as progress:
        task = progress.add_task(f"{trades:,} closed trades", total=trades)
        yesterday = {"as_of": AS_OF.replace(hour=11), "prefix": "old-", "seconds_apart": 86_400 / A_DAY}
        for first in range(0, trades, BATCH):
            _fill(db, fill, {**yesterday, "first": first, "last": min(first + BATCH, trades) - 1})
            progress.update(task, completed=min(first + BATCH, trades))
        task = progress.add_task("vacuum and analyze", total=None)
        vacuum(db)
        progress.update(task, total=1, completed=1)
        task = progress.add_task("score every day", total=None)
        with db.begin() as connection:
            connection.execute(text(all_stale))
            score.score_stale_days(connection, AS_OF)
        progress.update(task, total=1, completed=1)
        just_now = {"as_of": AS_OF, "prefix": "new-", "seconds_apart": 3}
        _fill(db, fill, {**just_now, "first": 1, "last": NEW})
        with db.begin() as connection:
            connection.execute(text(new_stale), {"as_of": AS_OF})
        vacuum(db)


def _fill(db: Database, fill: str, known: dict[str, object]) -> None:
    with db.begin() as connection:
        # What refers to what is right by construction: not looked up row by row.
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        connection.execute(text(fill), known)


def measure(db: Database, repeats: int, console: Console) -> list[Timed]:
    """The score step, the answer from rollups and from rows, and the yardstick."""
    works: list[tuple[str, Callable[[Connection], object]]] = [
        (STEP, lambda connection: score.score_stale_days(connection, AS_OF)),
        (ANSWER, lambda connection: score.system_metrics(connection, at=AS_OF)),
        ("metrics --by side", lambda connection: score.system_metrics(connection, by=Breakdown.SIDE, at=AS_OF)),
        (YARDSTICK, read_and_compute),
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
        timed.append(Timed(what, 0, seconds))
    return timed


def read_and_compute(connection: Connection) -> dict[str, float]:
    """The system's figures, gross and after fees, from every trade."""
    import empyrical  # an optional group: the benchmark's alone

    trades = pd.read_sql(text(READ), connection)
    answer: dict[str, float] = {}
    for name in ("pnl_pct", "net_pnl_pct"):
        pnl = trades[name]
        won, lost = pnl > 0, pnl < 0
        path = pnl.groupby(trades["exit_time"]).sum().cumsum()
        days = pnl.groupby(trades["exit_time"].dt.floor("D")).sum().asfreq("D", fill_value=0.0)
        way = won.astype(int) - lost.astype(int)
        runs = way.groupby((way != way.shift()).cumsum()).agg(["first", "size"])
        figures = {
            "win_rate": 100 * won.mean(), "avg_profit_pct": pnl[won].mean(), "avg_loss_pct": pnl[lost].mean(),
            "total_pnl_pct": pnl.sum(), "expectancy_pct": pnl.mean(), "sqn": len(pnl) ** 0.5 * pnl.mean() / pnl.std(),
            "profit_factor": pnl[won].sum() / -pnl[lost].sum(),
            "max_win_streak": runs.loc[runs["first"] > 0, "size"].max(),
            "max_loss_streak": runs.loc[runs["first"] < 0, "size"].max(),
            "avg_hold_minutes": trades["hold_time_minutes"].mean(), "avg_mfe_pct": trades["mfe_pct"].mean(),
            "avg_mae_pct": trades["mae_pct"].mean(), "profit_given_back_pct": (trades["mfe_pct"] - pnl)[won].mean(),
            "max_drawdown_pct": (path.cummax().clip(lower=0) - path).max(),
            "sharpe": empyrical.sharpe_ratio(days, annualization=365),
            "sortino": empyrical.sortino_ratio(days, annualization=365),
            "volatility_pct": empyrical.annual_volatility(days, annualization=365),
            "var95_pct": empyrical.value_at_risk(days),
        }  # fmt: skip
        answer |= {f"{name}: {figure}": float(value) for figure, value in figures.items()}
    return answer
