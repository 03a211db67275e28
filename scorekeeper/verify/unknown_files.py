"""Files and decisions on the disk that the database does not know, as after a restore from an older backup."""

import json
from collections.abc import Iterator, Set
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import NamedTuple, cast

from sqlalchemy import Connection

from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox import file_names
from scorekeeper.inbox.places import moved
from scorekeeper.locations import Location
from scorekeeper.publish.set_aside import AHEAD, list_kept
from scorekeeper.publish.target import make_absolute, measure_published, open_published
from scorekeeper.settings import Settings
from scorekeeper.store.retention import read_kept_from
from scorekeeper.store.sql import statement

AT_ONCE = 2_000
RECOVER = "scorekeeper recover takes it in again"


class Doubt(NamedTuple):
    """A file that seems to differ from the database: where it lies, and a sentence."""

    path: Location
    says: str


def check_unknown(connection: Connection, settings: Settings, only: Set[Location] | None = None) -> Iterator[Doubt]:
    """Files and set-aside datasets with content that is not in the database. With `only`: of these files."""
    for path in find_unknown_files(connection, settings, only):
        yield Doubt(path, f"file {path}: the database does not know it; {RECOVER}")
    for path in list_set_aside(settings.dataset_path):
        if only is None or path in only:
            missing = sum(len(ids) for ids in find_unknown_ids(connection, path))
            if missing:
                says = f"{path}: the database does not know {missing} decisions of it; {RECOVER}"
                yield Doubt(path, says)


def find_unknown_files(
    connection: Connection, settings: Settings, only: Set[Location] | None = None, most: int | None = None
) -> Iterator[Location]:
    """The archived and quarantined decision files whose content is not in the database, the latest days first.

    `most`: how many files are looked at.
    """
    listed = islice(moved.list_moved(settings), most)
    while batch := list(islice(listed, AT_ONCE)):
        hashed: dict[str, list[Location]] = {}
        for path in batch:
            if only is not None and path not in only:
                continue
            if (digits := file_names.read_hash(path.name)) is None:
                # The name holds no hash, so Scorekeeper did not give it. The content may be known all the same.
                try:
                    source = moved.open_moved(path)
                except ScorekeeperError:
                    continue
                if source is None:
                    continue
                digits = source.sha256.hex()[:12]
            hashed.setdefault(digits, []).append(path)
        unknown = connection.execute(statement("verify/select_unknown_prefixes"), {"prefixes": list(hashed)}).scalars()
        for digits in unknown.all():
            yield from hashed[digits]


def list_set_aside(dataset: Path) -> list[Path]:
    """The datasets that were renamed because they held whole lines that the database did not know."""
    return cast(list[Path], list_kept(make_absolute(dataset), AHEAD))


def find_unpublished_ids(connection: Connection, dataset: Path) -> Iterator[list[str]]:
    """The ids in the published dataset, after the lines that the database has published, that it does not know.

    There are some if the database was restored, or a standby took over, and nothing has been published since. Raises
    ScorekeeperError.
    """
    at = make_absolute(dataset)
    row = connection.execute(statement("verify/select_committed_bytes"), {"path": str(at)}).one_or_none()
    if row is None:
        return
    try:
        size = measure_published(at) or 0
    except OSError as exc:
        raise ScorekeeperError(f"{dataset} cannot be read: {exc.strerror}") from None
    if size > row.committed_bytes:
        yield from find_unknown_ids(connection, dataset, row.committed_bytes)


def find_unknown_ids(connection: Connection, path: Path, after: int = 0) -> Iterator[list[str]]:
    """The ids in a dataset that have no decision in the database, in batches. Raises ScorekeeperError.

    Those of decisions that were deleted by their age are left out. `after`: how many bytes of the file are not read.
    """
    read = _read_ids(path, after, read_kept_from(connection))
    while ids := list(dict.fromkeys(islice(read, AT_ONCE))):
        yield list(connection.execute(statement("verify/select_unknown_ids"), {"ids": ids}).scalars())


def _read_ids(path: Path, after: int, kept_from: datetime | None) -> Iterator[str]:
    last = None
    try:
        with open_published(path) as file:
            file.seek(after)
            for line in file:
                try:
                    record = json.loads(line)
                    trade_id = record["trade_id"]
                    if kept_from is not None and datetime.fromisoformat(record["timestamp"]) < kept_from:
                        continue
                except (ValueError, TypeError, KeyError):
                    continue  # an incomplete line
                if isinstance(trade_id, str) and trade_id != last:
                    yield trade_id
                    last = trade_id
    except OSError as exc:
        raise ScorekeeperError(f"{path} cannot be read: {exc.strerror}") from None
