"""A verification: everything stored or published, compared with a recompute by code that the pipeline does not use."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from scorekeeper.locks import Lock, await_turn
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from scorekeeper.store.retention import read_kept_from
from scorekeeper.store.sql import statement
from scorekeeper.verify.analyses import check_analyses
from scorekeeper.verify.files import check_files
from scorekeeper.verify.learned import check_learned, find_waiting_learning
from scorekeeper.verify.parquet_parts import check_parquet
from scorekeeper.verify.part_blocks import check_part_blocks
from scorekeeper.verify.progress import Walk
from scorekeeper.verify.published_files import check_since
from scorekeeper.verify.scores import check_score
from scorekeeper.verify.tables import check_tables
from scorekeeper.verify.trades import check_trades
from scorekeeper.verify.weights_file import check_weights_file, find_waiting_file

CHECKS = 9  # that compare begins


@dataclass(frozen=True)
class Verified:
    """What a verification found.

    `differences`: a sentence for each thing that is wrong. `waits`: a sentence for each thing that is not done yet,
    which is not wrong. `pruned`: since when candles are kept, and how many older decisions cannot be recomputed; None
    if no candle was pruned. `kept_from`: decisions from before were deleted by their age, and what follows from them is
    not recomputed; None: none were.
    """

    differences: list[str]
    waits: list[str]
    pruned: tuple[datetime, int] | None
    kept_from: datetime | None = None


def verify(db: Database, settings: Settings) -> list[str]:
    """Every difference between what is stored or published and its recompute, a sentence each. See `compare`."""
    return compare(db, settings).differences


def compare(db: Database, settings: Settings, tell: Callable[[str], None] | None = None) -> Verified:
    """Compare everything with its recompute in one snapshot, while other processes may go on writing.

    Memory does not grow with the decisions: each check goes through its rows once, in order, and keeps sums. Only the
    last analysis, which is made again, takes what `analyze` takes.
    `tell` is called now and then with words that say how far it is.
    """
    walk = Walk(tell or (lambda _words: None), CHECKS)
    with db.snapshot("scorekeeper.candle") as connection:
        # An analysis is made again in temporary tables. Nothing after it writes.
        walk.begin("analyses")
        analyses = list(check_analyses(connection))
        connection.execute(text("SET TRANSACTION READ ONLY"))
        walk.begin("trades")
        differences = list(check_trades(connection, walk))
        walk.begin("score")
        differences += check_score(connection, walk)
        walk.begin("tables")
        differences += [*check_tables(connection), *analyses]
        walk.begin("parts of breakdowns")
        differences += check_part_blocks(connection)
        walk.begin("what is learned")
        differences += check_learned(connection, walk)
        walk.begin("files")
        doubts = list(check_files(connection, settings, progress=walk))
        walk.begin("log and dataset")
        published = check_since(
            connection, db, log_path=settings.log_path, dataset_path=settings.dataset_path, progress=walk
        )
        walk.begin("dataset in Parquet")
        published += check_parquet(connection, db, settings.parquet_dir)
        published += check_weights_file(connection, settings)
        kept_from = read_kept_from(connection)
        waits, pruned = list(_find_waiting(connection)), _count_pruned(connection)
        waits += find_waiting_file(connection, settings)
        waits += find_waiting_learning(connection)
    if doubts:
        # A file may have moved since the snapshot. Under this lock no file moves: look at the doubtful ones again.
        with db.engine.connect() as connection:
            await_turn(connection, Lock.INGEST)
            again = check_files(connection, settings, only={doubt.path for doubt in doubts})
            differences += [doubt.says for doubt in again]
    return Verified([*differences, *published], waits, pruned, kept_from)


def count_pruned(db: Database) -> tuple[datetime, int] | None:
    """Since when candles are kept, and how many older decisions cannot be recomputed; None if none was pruned."""
    with db.begin() as connection:
        return _count_pruned(connection)


def _count_pruned(connection: Connection) -> tuple[datetime, int] | None:
    row = connection.execute(statement("verify/count_pruned")).one_or_none()
    return None if row is None else (row.candles_from, row.decisions)


def _find_waiting(connection: Connection) -> Iterator[str]:
    """What the next track has to do, a sentence each."""
    row = connection.execute(statement("verify/select_waiting")).one()
    if row.decisions:
        yield f"{_count(row.decisions, 'decision')} for the next track"
    if row.without_price:
        yield f"{_count(row.without_price, 'decision')} for a price of the symbol"
    if row.symbols:
        yield f"{_count(row.symbols, 'symbol')} with new candles for the next track"
    if row.days:
        yield f"{_count(row.days, 'day')} to be scored by the next track"


def _count(number: int, what: str) -> str:
    """`5 decisions wait`, `1 decision waits`."""
    return f"{number} {what} waits" if number == 1 else f"{number} {what}s wait"
