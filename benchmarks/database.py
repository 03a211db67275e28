"""The database of a benchmark: its own, in an embedded server of its own, with the settings of every other one."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn
from sqlalchemy import Connection, text

from scorekeeper.store import embedded
from scorekeeper.store.database import Database, open_database

ROOT = Path(__file__).resolve().parents[1]
BATCH = 20_000  # rows of one transaction


@contextmanager
def database(settings: Mapping[str, str] | None = None) -> Iterator[Database]:
    """A migrated one, removed afterwards; `settings`: more for postgresql.conf."""
    with tempfile.TemporaryDirectory(prefix="scorekeeper-benchmark-") as folder:
        home = Path(folder)
        lease = embedded.acquire(home, settings)
        try:
            with open_database(lease.url("scorekeeper"), home) as db:
                yield db
        finally:
            lease.release()
            shutil.rmtree(lease.socket_folder, ignore_errors=True)
            shutil.rmtree((home / "postgres").resolve(), ignore_errors=True)  # run as root it lies outside the home


def address(db: Database) -> str:
    """As another process reaches it."""
    return db.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)


def run_part(db: Database, module: str, *words: str, python: Sequence[str] = (sys.executable,)) -> dict[str, Any]:
    """What a module of the benchmarks, started as a process of its own by `python`, says of itself as JSON."""
    done = subprocess.run(  # noqa: S603 - our own program
        [*python, "-m", module, *words],
        cwd=ROOT, env={**os.environ, "DATABASE_URL": address(db)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{module}: {done.stderr.strip()[-500:]}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def fill_in_batches(
    db: Database, words: str, known: Mapping[str, object], rows: int, what: str, console: Console, *,
    trusted: bool = False,
) -> None:  # fmt: skip
    """Run a statement for each BATCH of so many rows, whose bounds are its parameters first and last; then vacuum.

    `known`: its other parameters. `trusted`: see trust_references.
    """
    with Progress(*Progress.get_default_columns(), TimeElapsedColumn(), console=console) as progress:
        task = progress.add_task(f"{rows:,} {what}", total=rows)
        for first in range(0, rows, BATCH):
            given = {**known, "first": first, "last": min(first + BATCH, rows) - 1}
            with db.begin() as connection:
                if trusted:
                    trust_references(connection)
                connection.execute(text(words), given)
            progress.update(task, completed=min(first + BATCH, rows))
        task = progress.add_task("vacuum and analyze", total=None)
        vacuum(db)
        progress.update(task, total=1, completed=1)


def trust_references(connection: Connection) -> None:
    """What this transaction writes has right references by construction: Postgres need not check them row by row."""
    connection.exec_driver_sql("SET LOCAL session_replication_role = replica")


def vacuum(db: Database) -> None:
    """Leave no dead rows of an earlier repetition, and statistics as autovacuum would."""
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM (ANALYZE)")
        connection.exec_driver_sql("CHECKPOINT")
