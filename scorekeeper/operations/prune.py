"""Deletes decisions, candles and archived files that are older than the settings keep them."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection

from scorekeeper.decisions.prices import LOOK_BACK
from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox.places.moved import AT_ONCE, note_pruned, read_day
from scorekeeper.inbox.places.moves import DAY_PARTS
from scorekeeper.locations import Location, ObjectUrl
from scorekeeper.locks import Lock, lock
from scorekeeper.market import sealed_candles
from scorekeeper.object_store import open_store
from scorekeeper.operations.prune_decisions import PrunedDecisions, prune_decisions
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from scorekeeper.store.sql import statement
from scorekeeper.threads import each_in_order


@dataclass(frozen=True)
class Pruned:
    """What was deleted: months of candles (YYYY-MM), the folders of days in the archive, and decisions."""

    months: list[str]
    days: list[Location]
    decisions: PrunedDecisions


def prune(db: Database, settings: Settings, as_of: datetime, *, dry_run: bool = False) -> Pruned:
    """Delete what is older at `as_of` than KEEP_DECISIONS_DAYS, KEEP_CANDLES_DAYS, KEEP_ARCHIVE_DAYS; None keeps all.

    Candles are deleted by whole months, and only those that no open trade and no undecided decision needs. The next
    month's partition is created. With `dry_run` nothing changes. Raises ScorekeeperError.
    """
    decisions = prune_decisions(db, settings, as_of, dry_run=dry_run)
    months = db.transact(lambda c: prune_candles(c, as_of, settings.keep_candles_days, dry_run=dry_run))
    if settings.keep_archive_days is None:
        return Pruned(months, [], decisions)
    before = (as_of - timedelta(days=settings.keep_archive_days)).date()
    if isinstance(settings.archive, ObjectUrl):
        return Pruned(months, [*_prune_store(settings.archive, before, dry_run=dry_run)], decisions)
    days = _old_days(settings.archive_dir, before)
    if not dry_run:
        _remove(settings.archive_dir, days)
    return Pruned(months, [*days], decisions)


def prune_candles(
    connection: Connection, as_of: datetime, keep_days: int | None, *, dry_run: bool = False
) -> list[str]:
    """Drop the months of candles that end before `keep_days` ago and that nothing waits for. Returns YYYY-MM."""
    # No settlement runs, and no candle is stored, meanwhile.
    lock(connection, Lock.SETTLE, Lock.CANDLE)
    if not dry_run:
        sealed_candles.ensure_partitions(connection, as_of, as_of.replace(day=1) + timedelta(days=32))
    if keep_days is None:
        return []
    bound = connection.execute(statement("operations/select_prune_bound")).scalar_one()
    # The last price before a decision is its reference price, and may be LOOK_BACK old.
    wanted = min(as_of - timedelta(days=keep_days), as_of if bound is None else bound - LOOK_BACK)
    kept_from = datetime(wanted.year, wanted.month, 1, tzinfo=UTC)
    months = connection.execute(statement("operations/select_candle_months")).tuples()
    old = [month for month in months if month < (kept_from.year, kept_from.month)]
    if old and not dry_run:
        for year, month in old:
            connection.execute(statement("operations/drop_candle_partition"), {"year": year, "month": month})
        for change in ("operations/prune_coverage", "operations/note_candles_from"):
            connection.execute(statement(change), {"kept_from": kept_from})
    return [f"{year:04}-{month:02}" for year, month in old]


def _old_days(archive: Path, before: date) -> list[Path]:
    """The folders archive/YYYY/MM/DD of days before one, in order. Folders with other names are left alone."""
    if not archive.is_dir():
        return []
    days = archive.glob("[0-9][0-9][0-9][0-9]/[0-9][0-9]/[0-9][0-9]")
    return sorted(one for one in days if _is_before(one, archive, before) and one.is_dir() and not one.is_symlink())


def _is_before(day: Location, archive: Location, before: date) -> bool:
    """Whether a folder or a prefix of the archive is that of a day before one."""
    named = read_day(day, archive)
    return named is not None and named < before


def _remove(archive: Path, days: Sequence[Path]) -> None:
    for folder in days:
        # Rename first, so that a reader finds the whole day or none of it.
        going = folder.with_name(f".{folder.name}.going")
        try:
            if going.exists():  # left by a run that was killed
                shutil.rmtree(going)
            folder.rename(going)
            shutil.rmtree(going)
            for parent in (folder.parent, folder.parent.parent):
                if parent != archive and not any(parent.iterdir()):
                    parent.rmdir()
        except OSError as exc:
            raise ScorekeeperError(f"{folder} cannot be removed: {exc.strerror}") from None


def _prune_store(archive: ObjectUrl, before: date, *, dry_run: bool) -> list[ObjectUrl]:
    """Remove the days of an archive in an object store that are before one; the prefixes of them."""
    store = open_store(archive)
    found = [archive]
    for _ in range(DAY_PARTS):
        found = [deeper for prefix in found for deeper in store.browse(prefix)[0]]
    days = sorted(one for one in found if _is_before(one, archive, before))
    if days and not dry_run:
        # Note it first, so that a reader takes a day that is half removed for one that is gone.
        note_pruned(archive, before)
        for day in days:
            urls = (one.url for one in store.list(day))
            for _ in each_in_order(store.delete, urls, AT_ONCE):
                pass
    return days
