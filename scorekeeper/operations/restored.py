"""Whether the database was restored, and has lost decisions that were published."""

from pathlib import Path

from sqlalchemy import Connection

from scorekeeper.errors import ScorekeeperError
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from scorekeeper.verify.unknown_files import find_unknown_ids, find_unpublished_ids, list_set_aside

RECOVER = "run scorekeeper recover"


def find_lost(connection: Connection, settings: Settings) -> list[tuple[Path, int]]:
    """Each dataset with decisions that the database does not know, and how many: published ones, or set aside."""
    dataset = settings.dataset_path
    found = [(path, find_unknown_ids(connection, path)) for path in list_set_aside(dataset)]
    found.append((dataset, find_unpublished_ids(connection, dataset)))
    counted = [(path, len({one for ids in batches for one in ids})) for path, batches in found]
    return [(path, number) for path, number in counted if number]


def refuse_lost(db: Database, settings: Settings) -> None:
    """Raises ScorekeeperError if the database has lost published decisions.

    An ingest would store them as received now, if their file is still in the inbox, and so most of them as late.
    `recover` stores them with the time of their first arrival, and can no longer do so afterwards.
    """
    with db.begin() as connection:
        lost = find_lost(connection, settings)
    if lost:
        path, number = lost[0]
        raise ScorekeeperError(
            f"{path} names {number} decisions that the database has lost, as after a restore from a backup, or that "
            f"another database published there; nothing is ingested until they are back: {RECOVER}, or move that file "
            "away to do without them"
        )
