"""Whether the database was restored, and has lost decisions that were published."""

from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection

from scorekeeper.errors import ScorekeeperError, explain
from scorekeeper.locations import Location
from scorekeeper.object_store import open_store
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from scorekeeper.store.retention import read_kept_from
from scorekeeper.store.sql import statement
from scorekeeper.verify.unknown_files import find_unknown_ids, find_unpublished_ids, list_set_aside

RECOVER = "run scorekeeper recover"


def _join(batches: Iterator[list[str]]) -> set[str]:
    return {one for ids in batches for one in ids}


def refuse_lost(db: Database, settings: Settings) -> None:
    """Raises ScorekeeperError if the database has lost published decisions.

    An ingest would store them as received now, if their file is still in the inbox, and so most of them as late.
    `recover` stores them with the time of their first arrival, and can no longer do so afterwards. A dataset that was
    set aside is read once, and what it came to is noted: an ingest may run every few seconds for years.
    """
    with db.begin() as connection:
        dataset = settings.dataset_path
        counted = [(path, _count_once(connection, path)) for path in list_set_aside(dataset)]
        counted.append((dataset, len(_join(find_unpublished_ids(connection, dataset)))))
    if lost := [one for one in counted if one[1]]:
        path, number = lost[0]
        raise ScorekeeperError(
            f"{path} names {number} decisions that the database has lost, as after a restore from a backup, or that "
            f"another database published there; nothing is ingested until they are back: {RECOVER}, or move that file "
            "away to do without them"
        )


def _count_once(connection: Connection, path: Path) -> int:
    """How many decisions of a dataset that was set aside are not stored; read only if it is another than last time.

    While one that was missing then is missing still, the number is that of then. Raises ScorekeeperError.
    """
    kept_from = read_kept_from(connection)
    given = {"path": str(path), "mark": f"{_mark(path)} {kept_from}"}
    noted = connection.execute(statement("operations/select_set_aside"), given).one_or_none()
    if noted is not None and (noted.still or not noted.lost):
        return int(noted.lost)
    lost = _join(find_unknown_ids(connection, path))
    note = {"lost": len(lost), "lost_id": min(lost, default=None)}
    connection.execute(statement("operations/note_set_aside"), given | note)
    return len(lost)


def _mark(at: Location) -> str:
    """What differs if the file was written again. Raises ScorekeeperError."""
    try:
        if isinstance(at, Path):
            lies = at.stat()
            return f"{lies.st_size} {lies.st_mtime_ns}"
    except OSError as exc:
        raise ScorekeeperError(f"{at} cannot be read: {explain(exc)}") from None
    found = open_store(at).head(at)
    return found.etag if found is not None else ""
