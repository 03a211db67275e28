"""The database of a benchmark: its own, in an embedded server of its own, with the settings of every other one."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scorekeeper.store import embedded
from scorekeeper.store.database import Database, open_database


@contextmanager
def database() -> Iterator[Database]:
    """A migrated one, removed afterwards."""
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


def address(db: Database) -> str:
    """As another process reaches it."""
    return db.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)


def vacuum(db: Database) -> None:
    """Leave no dead rows of an earlier repetition, and statistics as autovacuum would."""
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM (ANALYZE)")
        connection.exec_driver_sql("CHECKPOINT")
