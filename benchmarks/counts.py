"""What the steps ask of Postgres, counted: statements, rows, blocks, log bytes. No count hangs on the machine's load.

Each step works on a fixed universe, so that two runs count the same, but for a block here and there. .ci/run compares
them with those of the release before (benchmarks/release.json); seconds are for the other benchmarks. Postgres counts
itself (pg_stat_statements), in a server of its own that never vacuums by itself and writes no full pages to its log.
"""

import asyncio
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from benchmarks.close import AS_OF as CLOSE_AS_OF
from benchmarks.close import DUE
from benchmarks.close import build as build_open
from benchmarks.dashboard import PAGES, TOKEN, addresses
from benchmarks.dashboard import build as build_dashboard
from benchmarks.database import address, database, vacuum
from benchmarks.decisions import Shape
from benchmarks.ingest import write_files, write_lines
from benchmarks.record import decision
from benchmarks.result import Run, open_console
from benchmarks.score import AS_OF, fill_history, fill_new, score_all
from dashboard.app import create_app
from dashboard.cache import PageCache
from dashboard.security import Access
from scorekeeper import PerformanceTracker
from scorekeeper.inbox.ingest import ingest_files
from scorekeeper.metrics import query
from scorekeeper.metrics.breakdown import Breakdown
from scorekeeper.metrics.score_update import update_score
from scorekeeper.publish.publish import publish
from scorekeeper.settings import Settings, load_settings
from scorekeeper.store.database import Database
from scorekeeper.trades import settle

LINES, FILES, CALLS = 2_000, 200, 100
OPEN_TRADES, HISTORY, NEW = 10_000, 20_000, 1_000
COUNTING = {
    "shared_preload_libraries": "pg_stat_statements", "autovacuum": "off", "full_page_writes": "off",
    "max_wal_size": "8GB",
}  # fmt: skip
RESET = "SELECT pg_stat_statements_reset()"
COUNT = """
SELECT
    sum(calls) AS statements, sum(rows) AS rows, sum(shared_blks_hit + shared_blks_read) AS blocks,
    sum(wal_bytes) AS log_bytes
FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat_statements%'
"""

Counts = dict[str, dict[str, int]]


def run(output: Path) -> Counts:
    """Count each step; print the table, and write the JSON."""
    console = open_console()
    counts: Counts = {}
    for what, count in PARTS.items():
        with (
            console.status(f"counting: {what}"), database(COUNTING) as db,
            tempfile.TemporaryDirectory(prefix="scorekeeper-benchmark-") as made,
        ):  # fmt: skip
            with db.begin() as connection:
                connection.execute(text("CREATE EXTENSION pg_stat_statements"))
            count(db, Path(made), counts)
    result = Run("counts", "what Postgres is asked", "", "rows", {}, figures={"counts": counts})
    result.finish(console, output)
    console.print(as_table(counts))
    return counts


def as_table(counts: Counts) -> Table:
    """A line for each step."""
    table = Table(title="What the steps ask of Postgres")
    table.add_column("step", no_wrap=True)
    names = list(dict.fromkeys(name for one in counts.values() for name in one))
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    for step, one in counts.items():
        table.add_row(step, *(f"{one[name]:,}" if name in one else "" for name in names))
    return table


@contextmanager
def _counted(db: Database, counts: Counts, step: str) -> Iterator[None]:
    with db.begin() as connection:
        connection.execute(text(RESET))
    yield
    with db.begin() as connection:
        counts[step] = {name: int(value) for name, value in connection.execute(text(COUNT)).mappings().one().items()}


def _settings(home: Path) -> Settings:
    os.environ |= {
        "SCOREKEEPER_HOME": str(home), "INBOX_DIR": str(home / "inbox"), "LOG_DIR": str(home / "logs"),
        "DATASETS_DIR": str(home / "datasets"),
    }  # fmt: skip
    return load_settings()


def _ingest(db: Database, home: Path, counts: Counts) -> None:
    settings = _settings(home)
    inbox = home / "inbox"
    inbox.mkdir()
    later = datetime.now(UTC) + timedelta(minutes=1)
    write_lines(inbox, LINES, Shape(), 0)
    with _counted(db, counts, f"ingest {LINES:,} decisions of a file"):
        ingest_files(db, settings, received_at=later)
    write_files(inbox, FILES, Shape(seed=2), 0)
    for path in inbox.iterdir():  # other ids than those of the lines
        path.write_bytes(path.read_bytes().replace(b'"trade_id":"', b'"trade_id":"x'))
    with _counted(db, counts, f"ingest {FILES} files of one decision"):
        ingest_files(db, settings, received_at=later)
    with _counted(db, counts, "ingest an empty inbox"):
        ingest_files(db, settings, received_at=later)


def _record(db: Database, home: Path, counts: Counts) -> None:
    os.environ["DATABASE_URL"] = address(db)
    with PerformanceTracker(home / "logs", home / "datasets") as tracker:
        tracker.record_decision(decision(0))
        with _counted(db, counts, f"{CALLS} calls of record_decision"):
            for number in range(1, CALLS + 1):
                tracker.record_decision(decision(number))


def _track(db: Database, home: Path, counts: Counts) -> None:
    build_open(db, OPEN_TRADES, Console(quiet=True))
    for step in (f"settle {DUE:,} of {OPEN_TRADES:,} open trades", "settle with nothing due"):
        with _counted(db, counts, step), db.begin() as connection:
            settle.settle(connection, CLOSE_AS_OF, suspect_price_pct=5)
    for step in (f"score {DUE:,} closes", "score with nothing new"):
        with _counted(db, counts, step), db.begin() as connection:
            update_score(connection, CLOSE_AS_OF)


def _answer(db: Database, home: Path, counts: Counts) -> None:
    fill_history(db, HISTORY, Console(quiet=True))
    score_all(db)
    files = {"log_path": home / "log", "dataset_path": home / "dataset"}
    publish(db, **files)
    before = sum(path.stat().st_size for path in files.values())
    fill_new(db, NEW)
    vacuum(db)
    with _counted(db, counts, step := f"publish {NEW:,} records"):
        publish(db, **files)
    counts[step]["file_bytes"] = sum(path.stat().st_size for path in files.values()) - before
    with _counted(db, counts, f"score {NEW:,} closes behind {HISTORY:,}"), db.begin() as connection:
        update_score(connection, AS_OF)
    for by in (None, *Breakdown):
        for _ in range(2):  # the first one warms
            with _counted(db, counts, f"metrics --by {by.value}" if by else "metrics"), db.begin() as connection:
                query.system_metrics(connection, by=by, at=AS_OF)


def _pages(db: Database, home: Path, counts: Counts) -> None:
    build_dashboard(db, HISTORY, Console(quiet=True))
    app = create_app(db.engine, Access(TOKEN, peers=False))
    known = addresses(db)

    async def ask() -> None:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://127.0.0.1",
            headers={"Authorization": f"Bearer {TOKEN}"},
        ) as client:  # fmt: skip
            for what, path in PAGES.items():
                for _ in range(2):  # the first one warms
                    app._app.state.site.cache = PageCache()  # type: ignore[attr-defined]
                    with _counted(db, counts, f"page: {what}"):
                        (await client.get(path.format(**known), timeout=60)).raise_for_status()

    asyncio.run(ask())


PARTS: dict[str, Callable[[Database, Path, Counts], None]] = {
    "ingest": _ingest, "record": _record, "track": _track, "answers": _answer, "pages": _pages,
}  # fmt: skip
