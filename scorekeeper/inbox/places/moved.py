"""Files that were moved to the archive or to quarantine: in a folder, or in an object store.

What is asked of a file depends on its address alone. So files are found that were moved before the inbox was.
"""

import hashlib
import json
import os
import stat
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox.file_names import is_decision_file
from scorekeeper.inbox.places import local_files, moves
from scorekeeper.inbox.places.local_files import LocalFile
from scorekeeper.inbox.places.object_file import ObjectFile, find_object
from scorekeeper.locations import Location, ObjectUrl, read_key
from scorekeeper.object_store import open_store
from scorekeeper.settings import Settings
from scorekeeper.threads import each_in_order

AT_ONCE = 32  # requests to an object store
PRUNED = ".pruned-before"  # an object of the archive that names a day; those before it are gone


class ErrorFile(NamedTuple):
    """The error file beside a quarantined file: its bytes, and when it was written. The move came right after."""

    content: bytes
    written_at: datetime


def find_location(address: str) -> Location:
    """Where an address of the ledger leads."""
    return read_key(address) or Path(address)


def open_moved(location: Location, folder: Location | None = None) -> LocalFile | ObjectFile | None:
    """The file with its hash, named as within `folder` (None: by the last part); None if it is gone.

    Raises ScorekeeperError.
    """
    if isinstance(location, Path):
        return local_files.open_source(location, folder if isinstance(folder, Path) else None)
    inside = isinstance(folder, ObjectUrl) and folder.holds(location)
    below = len(folder.key) + 1 if inside and isinstance(folder, ObjectUrl) and folder.key else 0
    return find_object(location, location.key[below:] if inside else location.name)


def open_all(locations: Iterable[Location]) -> Iterator[LocalFile | ObjectFile | ScorekeeperError | None]:
    """Like open_moved, for each, in order; an error instead of raising it. Objects are asked for several at a time."""
    listed = iter(locations)
    first = next(listed, None)
    if first is not None:
        at_once = 1 if isinstance(first, Path) else AT_ONCE

        def again() -> Iterator[Location]:
            yield first
            yield from listed

        yield from each_in_order(_try_to_open, again(), at_once)


def _try_to_open(location: Location) -> LocalFile | ObjectFile | ScorekeeperError | None:
    try:
        return open_moved(location)
    except ScorekeeperError as exc:
        return exc


def are_there(locations: Iterable[Location]) -> set[Location]:
    """Those of the locations at which a file is. Raises ScorekeeperError if an object store does not say."""
    listed = list(locations)
    in_store = [one for one in listed if isinstance(one, ObjectUrl)]
    found = each_in_order(lambda url: open_store(url).head(url), in_store, AT_ONCE if in_store else 1)
    there: set[Location] = {one.url for one in found if one is not None}
    return there | {one for one in listed if isinstance(one, Path) and _is_file(one)}


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def is_pruned(location: Location, archive: Location) -> bool:
    """Whether `prune` has removed the day of a file of the archive."""
    if isinstance(location, Path):
        return not location.parent.exists()
    if not isinstance(archive, ObjectUrl) or not archive.holds(location):
        return False
    note = open_store(archive).get(archive / PRUNED)
    day = read_day(location, archive)
    return note is not None and day is not None and day < date.fromisoformat(note[1].decode())


def note_pruned(archive: ObjectUrl, before: date) -> None:
    """Note in an archive that all days before one are removed, or about to be. May be repeated; a later day stays."""
    store, url = open_store(archive), archive / PRUNED
    noted = store.get(url)
    if noted is None or date.fromisoformat(noted[1].decode()) < before:
        store.put(url, before.isoformat().encode())


def read_day(moved: Location, archive: Location) -> date | None:
    """The day that the folders of a file of the archive name; None if they name none."""
    try:
        return date(*map(int, moves.day_parts(moved, archive)))
    except (TypeError, ValueError):
        return None


def moved_at(location: Location) -> datetime:
    """When the file got there, as far as its place tells: of a copied folder, when it was copied. Raises OSError."""
    if isinstance(location, Path):
        return datetime.fromtimestamp(location.lstat().st_ctime, UTC)
    found = open_store(location).head(location)
    if found is None:
        raise FileNotFoundError(str(location))
    return found.modified_at.astimezone(UTC)


def find_error_file(quarantined: Location) -> ErrorFile | None:
    """The error file beside a quarantined file; None if there is none. Raises ScorekeeperError."""
    if isinstance(quarantined, Path):
        path = quarantined.with_name(f"{quarantined.name}{moves.ERROR_FILE_SUFFIX}")
        try:
            return ErrorFile(path.read_bytes(), datetime.fromtimestamp(path.lstat().st_mtime, UTC))
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise ScorekeeperError(f"{path} cannot be read: {exc.strerror}") from None
    url = quarantined.with_key(f"{quarantined.key}{moves.ERROR_FILE_SUFFIX}")
    given = open_store(url).get(url)
    return None if given is None else ErrorFile(given[1], given[0].modified_at.astimezone(UTC))


def hash_error_file(quarantined: Location) -> bytes:
    """The hash of the error file beside a quarantined file. Raises ScorekeeperError."""
    return hashlib.sha256(_must_find(quarantined).content).digest()


def read_error_file(quarantined: Location) -> dict[str, Any]:
    """What the error file beside a quarantined file says. Raises ScorekeeperError."""
    content = _must_find(quarantined).content
    try:
        report = json.loads(content)
    except ValueError:
        report = None
    if not isinstance(report, dict):
        raise ScorekeeperError(f"{quarantined}{moves.ERROR_FILE_SUFFIX} is no error file")
    return report


def _must_find(quarantined: Location) -> ErrorFile:
    found = find_error_file(quarantined)
    if found is None:
        raise ScorekeeperError(f"{quarantined}{moves.ERROR_FILE_SUFFIX} cannot be read: No such file or directory")
    return found


def list_moved(settings: Settings) -> Iterator[Location]:
    """The decision files of the archive, the latest days first, and those of quarantine. Raises ScorekeeperError."""
    for root in (settings.archive, settings.quarantine):
        for one in _walk_folder(root) if isinstance(root, Path) else _walk_store(root, moves.DAY_PARTS):
            if is_decision_file(one.name) and not one.name.endswith(moves.ERROR_FILE_SUFFIX):
                yield one


def _walk_folder(root: Path) -> Iterator[Path]:
    for folder, below, names in os.walk(root):  # skips folders that prune removes meanwhile
        below[:] = sorted((name for name in below if not name.startswith(".")), reverse=True)
        for name in sorted(names):
            yield Path(folder, name)


def _walk_store(root: ObjectUrl, depth: int) -> Iterator[ObjectUrl]:
    """All objects below `root`; of the prefixes down to `depth`, the last ones first."""
    store = open_store(root)
    if not depth:
        yield from (one.url for one in store.list(root))
        return
    prefixes, objects = store.browse(root)
    yield from (one.url for one in objects)
    for one in sorted(prefixes, reverse=True):
        yield from _walk_store(one, depth - 1)
