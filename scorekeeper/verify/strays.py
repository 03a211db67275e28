"""What lies on the disk and the database does not know: as after a restore from a backup of before it came in."""

import json
import os
from collections.abc import Iterator, Set
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection

from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox import file_names
from scorekeeper.inbox.places import local_files, moves
from scorekeeper.publish.set_aside import AHEAD
from scorekeeper.settings import Settings
from scorekeeper.store.sql import statement

AT_ONCE = 2_000
RECOVER = "scorekeeper recover takes it in again"


class Doubt(NamedTuple):
    """A file that is not as the database says: its path, and a sentence."""

    path: Path
    says: str


def find_strays(connection: Connection, settings: Settings, only: Set[Path] | None = None) -> Iterator[Doubt]:
    """Archived and quarantined files, and datasets set aside, with what is not in the database (`only`: of these)."""
    for path in find_files(connection, settings, only):
        yield Doubt(path, f"file {path}: the database does not know it; {RECOVER}")
    for path in list_set_aside(settings.dataset_path):
        if only is None or path in only:
            missing = sum(len(ids) for ids in find_missing(connection, path))
            if missing:
                says = f"{path}: the database does not know {missing} decisions of it; {RECOVER}"
                yield Doubt(path, says)


def find_files(
    connection: Connection, settings: Settings, only: Set[Path] | None = None, most: int | None = None
) -> Iterator[Path]:
    """The archived and quarantined decision files of whose content nothing is known, the latest days first.

    `most`: only so many are looked at.
    """
    listed = islice(_list_files(settings), most)
    while some := list(islice(listed, AT_ONCE)):
        hashed: dict[str, list[Path]] = {}
        for path in some:
            if only is not None and path not in only:
                continue
            if (digits := file_names.read_hash(path.name)) is None:
                # Somebody else's name: what it holds may be known all the same.
                try:
                    source = local_files.open_source(path)
                except ScorekeeperError:
                    continue
                if source is None:
                    continue
                digits = source.sha256.hex()[:12]
            hashed.setdefault(digits, []).append(path)
        unknown = connection.execute(statement("verify/select_stray_prefixes"), {"prefixes": list(hashed)}).scalars()
        for digits in unknown.all():
            yield from hashed[digits]


def _list_files(settings: Settings) -> Iterator[Path]:
    for root in (settings.archive_dir, settings.quarantine_dir):
        for folder, below, names in os.walk(root):  # what is pruned meanwhile is left out
            below[:] = sorted((name for name in below if not name.startswith(".")), reverse=True)
            for name in sorted(names):
                if file_names.is_decision_file(name) and not name.endswith(moves.ERROR_FILE_SUFFIX):
                    yield Path(folder, name)


def list_set_aside(dataset: Path) -> list[Path]:
    """The datasets that were set aside, since they held whole lines that the database did not know."""
    dataset = dataset.absolute()
    return sorted(dataset.parent.glob(f"{dataset.name}.{AHEAD}-*"))


def find_missing(connection: Connection, path: Path) -> Iterator[list[str]]:
    """The ids of a dataset of which there is no decision, in batches. Raises ScorekeeperError."""
    read = _read_ids(path)
    while ids := list(dict.fromkeys(islice(read, AT_ONCE))):
        yield list(connection.execute(statement("verify/select_missing_ids"), {"ids": ids}).scalars())


def _read_ids(path: Path) -> Iterator[str]:
    last = None
    try:
        with path.open("rb") as file:
            for line in file:
                try:
                    found = json.loads(line)["trade_id"]
                except (ValueError, TypeError, KeyError):
                    continue  # torn
                if isinstance(found, str) and found != last:
                    yield found
                    last = found
    except OSError as failed:
        raise ScorekeeperError(f"{path} cannot be read: {failed.strerror}") from None
