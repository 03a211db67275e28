"""Deletes decisions with their signals, trades and events by their age. Their rollups and published lines stay."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from sqlalchemy import Connection

from scorekeeper.inbox.places.moved import find_location
from scorekeeper.locks import Lock, lock
from scorekeeper.metrics.rollups import score_stale_days
from scorekeeper.publish import publish
from scorekeeper.publish.events import KINDS, render_events
from scorekeeper.publish.kept import keep_lines, last_kept
from scorekeeper.publish.outputs import list_outputs
from scorekeeper.publish.parquet import SUFFIX
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from scorekeeper.store.sql import statement

BATCH = 5_000  # decisions that are deleted in one transaction


@dataclass(frozen=True)
class PrunedDecisions:
    """What was deleted: how many decisions, from before which midnight (None: nothing is old enough).

    `held_back`: a sentence that names the decision, or the dataset in Parquet, because of which more stay than the
    setting says.
    """

    before: datetime | None = None
    decisions: int = 0
    held_back: str | None = None


def prune_decisions(db: Database, settings: Settings, as_of: datetime, *, dry_run: bool = False) -> PrunedDecisions:
    """Delete decisions that ended before KEEP_DECISIONS_DAYS ago. May be repeated, and killed at any time.

    First everything is published, and the hashes of the old lines are stored. From then on older decisions are refused.
    Raises ScorekeeperError if the files are not as they were published.
    """
    if settings.keep_decisions_days is None:
        return PrunedDecisions()
    wanted = datetime.combine((as_of - timedelta(days=settings.keep_decisions_days)).date(), time(), UTC)
    if not dry_run:
        publish.publish(db, log_path=settings.log_path, dataset_path=settings.dataset_path)
    found, last = db.transact(lambda connection: _begin(connection, settings, wanted, as_of, dry_run=dry_run))
    if dry_run or found.before is None:
        return found
    while db.transact(lambda connection: _keep_lines(connection, last)):
        pass
    deleted = 0
    while some := db.transact(_delete):
        deleted += some
    return PrunedDecisions(found.before, deleted, found.held_back)


def _begin(
    connection: Connection, settings: Settings, wanted: datetime, as_of: datetime, *, dry_run: bool
) -> tuple[PrunedDecisions, int]:
    """Store the bound, while no file is read, nothing is settled, and no day waits to be scored.

    Returns what is older, and the last line of it.
    """
    # What is learned, settled or scored before the bound must not change any more.
    lock(connection, Lock.INGEST, Lock.LEARN, Lock.SETTLE, Lock.SCORE)
    if (parquet := _find_parquet(connection, settings, dry_run=dry_run)) is not None:
        return PrunedDecisions(None, 0, _held_by(parquet)), 0
    blocking = connection.execute(statement("operations/select_unfinished"), {"wanted": wanted}).one_or_none()
    bound, held_back = wanted, None
    if blocking is not None:
        bound = datetime.combine(blocking.opened_at.astimezone(UTC).date(), time(), UTC)
        held_back = (
            f"decisions since {bound:%Y-%m-%d} stay: {blocking.trade_id} of {blocking.symbol} is not finished, or what "
            "follows from it is not learned (scorekeeper void takes out one that never will be)"
        )
    given = {"bound": bound}
    last = connection.execute(statement("operations/select_last_old_line"), given).one()
    before = connection.execute(statement("operations/select_retention")).one_or_none()
    if not last.decisions and before is None:
        return PrunedDecisions(None, 0, held_back), 0
    if not dry_run:
        score_stale_days(connection, as_of)
        connection.execute(statement("operations/keep_decisions_from"), given | {"as_of": as_of})
    return PrunedDecisions(bound, last.decisions, held_back), last.line_no


def _find_parquet(connection: Connection, settings: Settings, *, dry_run: bool) -> str | None:
    """A Parquet dataset whose rows are those of the decisions. One that was given up is forgotten.

    It is given up where PUBLISH_PARQUET is false and no file of it is left: a missing disk alone says nothing.
    """
    for path in connection.execute(statement("operations/select_parquet")).scalars().all():
        if settings.publish_parquet or list_outputs(find_location(path), SUFFIX):
            return str(path)
        if not dry_run:
            connection.execute(statement("operations/forget_parquet"), {"path": path})
    return None


def _held_by(parquet: str) -> str:
    return (
        f"all decisions stay: the Parquet dataset {parquet} is written from them; to do without it, set "
        "PUBLISH_PARQUET=false and move it away"
    )


def _keep_lines(connection: Connection, last: int) -> bool:
    """Store the hashes of the next lines up to `last`; whether there are more."""
    lock(connection, Lock.PUBLISH)
    if last <= last_kept(connection):
        return False
    connection.execute(statement("operations/forget_lagging"), {"line_no": last})
    return keep_lines(connection, render_events, last, KINDS)


def _delete(connection: Connection) -> int:
    lock(connection, Lock.PUBLISH)
    if connection.execute(statement("operations/select_parquet")).first() is not None:
        return 0  # its publication began meanwhile
    return int(connection.execute(statement("operations/delete_decisions"), {"most": BATCH}).scalar_one())
