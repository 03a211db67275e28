"""Moves files that have been read: to the archive, to quarantine with an error file, and back to the inbox."""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from scorekeeper.errors import ScorekeeperError, explain
from scorekeeper.inbox.file_names import archive_name, can_follow
from scorekeeper.inbox.places.base import ChangedError
from scorekeeper.inbox.places.local_files import LocalFile, open_source, stat_identity
from scorekeeper.locations import Location
from scorekeeper.private_files import keep_mode, make_folder

DAY_PARTS = 3  # archive/YYYY/MM/DD
ERROR_FILE_SUFFIX = ".error.json"


def archive_folder(archive: Path, received_at: datetime) -> Path:
    """The folder for files that were read at `received_at`, each under its `archive_name`: archive/YYYY/MM/DD."""
    return archive / f"{received_at:%Y/%m/%d}"


def root_of(moved: Location, archive: Location, quarantine: Location) -> Location:
    """The folder in which a file has the path that it had in the inbox: that of a day, or quarantine."""
    if is_quarantined(quarantine, moved):
        return quarantine
    return archive / "/".join(day_parts(moved, archive))


def day_parts(moved: Location, archive: Location) -> list[str]:
    """The folders of its day, in which a file of the archive is: year, month, day."""
    return str(moved)[len(str(archive)) :].lstrip("/").split("/")[:DAY_PARTS]


def quarantine_path(folder: Path, name: str, sha256: bytes) -> Path:
    """Where a file with refusals goes."""
    return folder / archive_name(name, sha256)


def is_quarantined(folder: Location, destination: Location | str) -> bool:
    """Whether a file goes to quarantine, where it may be corrected: a file that is there already stays.

    The paths are compared as text: it is asked for each file, and to compare parents takes as long as to move one.
    """
    return str(destination).startswith(f"{folder}{os.sep}")


def move_file(source: LocalFile, address: Path | str, *, keep: bool = False) -> bool:
    """Move the file that was read, by a rename if the file systems allow it; whether its content is there now.

    It is not if the file was removed or replaced meanwhile: the file that took its name stays in the inbox. If the same
    content is there already, that file stays and this one is removed, since replacing it costs some file systems a
    write to the disk. `keep`: a file with other content stays too. Raises ScorekeeperError; the file is not read again.
    """
    # Names as text: to make a Path of each takes as long as to move the file.
    path, destination = source.address, str(address)
    try:
        taken = os.access(destination, os.F_OK)  # os.path.exists makes an exception for each file that is not there
        target = str(_beside(Path(destination))) if taken else destination
        try:
            os.rename(path, target)  # noqa: PTH104
        except FileNotFoundError:
            if not (folder := Path(destination).parent).is_dir():
                make_folder(folder)
                return move_file(source, address, keep=keep)
            return taken and _holds(Path(destination), source)
        except OSError:
            return _copy_over(source, Path(destination), keep=keep)
        found = os.lstat(target)
        if stat_identity(found) != source.identity:
            _put_back(Path(target), source.path)
            return taken and _holds(Path(destination), source)
        if found.st_nlink > 1 and source.path.exists():
            _remove_twin(source.path, source)
        return not taken or _settle_beside(Path(target), Path(destination), source, keep=keep)
    except OSError as exc:
        raise ScorekeeperError(
            f"{path} was read, but cannot be moved to {Path(destination).parent} ({explain(exc)}); it will not be "
            "ingested again"
        ) from None


def finish_move(path: Path, destination: Path, sha256: bytes, size: int, *, keep: bool = False) -> bool:
    """Finish a move that was killed; whether the file of that content has left the inbox, and lies at `destination`.

    Another file may have taken its name in the inbox since, and lines may have been added to it where it lies. `size`
    in bytes, as it was read. `keep`: as in move_file. If another file than the one that was read was moved, it is put
    back. Raises ScorekeeperError.
    """
    beside = _beside(destination)
    try:
        if (lying := open_source(beside)) is not None:
            if lying.sha256 != sha256:
                _put_back(beside, path)
            elif not _settle_beside(beside, destination, lying, keep=keep):
                return False
        if (lying := open_source(destination)) is None:
            return False
        waiting = open_source(path)
        if waiting is not None and waiting.sha256 == sha256:
            return False
        if lying.sha256 == sha256 or (waiting is not None and _has_grown(lying, sha256, size)):
            return True  # what was added is found as in any file that was moved
        _put_back(destination, path)
        return False
    except OSError as exc:
        raise ScorekeeperError(f"{destination} cannot be moved: {explain(exc)}") from None


def _has_grown(lying: LocalFile, sha256: bytes, size: int) -> bool:
    try:
        return can_follow(lying.name) and lying.begins_with(size, sha256)
    except ChangedError as exc:
        raise ScorekeeperError(f"{lying.path} is written to: it is looked at again by the next run") from exc


def _beside(destination: Path) -> Path:
    return destination.with_name(f".{destination.name}.again")


def _settle_beside(beside: Path, destination: Path, source: LocalFile, *, keep: bool) -> bool:
    """Keep one of the two files, at `destination`; whether it has the content of `source`."""
    held = _holds(destination, source)
    if held and source.is_lines:
        beside.rename(destination)  # the newer file: a writer may still have it open
        return True
    if held or (keep and destination.exists()):
        beside.unlink()
        return held
    beside.rename(destination)
    return True


def _holds(path: Path, source: LocalFile) -> bool:
    """Whether the file at `path` has the content of `source`."""
    lying = open_source(path)
    return lying is not None and lying.sha256 == source.sha256


def _copy_over(source: LocalFile, destination: Path, *, keep: bool) -> bool:
    """Copy to another file system. The file is removed if it still is the one that was read; whether it is there."""
    copy = destination.with_name(f".{destination.name}.part")
    shutil.copy2(source.path, copy)
    if not _holds(copy, source):
        copy.unlink()
        return False
    lies = _settle_beside(copy, destination, source, keep=keep)
    if stat_identity(source.path.lstat()) == source.identity:
        source.path.unlink()
    return lies


def _remove_twin(path: Path, source: LocalFile) -> None:
    """Remove the other name: a rename does nothing if both are links to one file, as after a kill in `return_file`."""
    if stat_identity(path.lstat()) == source.identity:
        path.unlink()


def return_file(quarantined: Path, target: Path) -> None:
    """Move a file back to `target`, or to a similar name if that is taken, and remove its error file.

    Raises ScorekeeperError.
    """
    try:
        make_folder(target.parent)
        _error_file(quarantined).unlink(missing_ok=True)
        try:
            _put_back(quarantined, target)
        except FileNotFoundError:
            raise
        except OSError:  # another file system, or a name that is too long with a number before it
            part = target.with_name(f".{quarantined.name[-200:]}.part")
            shutil.copy2(quarantined, part)
            try:
                _put_back(part, target)
            except OSError:
                part.rename(target.with_name(quarantined.name))
            quarantined.unlink()
    except OSError as exc:
        raise ScorekeeperError(f"{quarantined} cannot be moved to {target.parent}: {explain(exc)}") from None


def _error_file(quarantined: Path) -> Path:
    return quarantined.with_name(f"{quarantined.name}{ERROR_FILE_SUFFIX}")


def _put_back(moved: Path, path: Path) -> None:
    """Move a file to `path` to be read, without replacing a file that a writer has put there."""
    number = 0
    make_folder(path.parent)
    while True:
        target = path if not number else path.with_name(f"{number}-{path.name}")
        try:
            os.link(moved, target)
        except FileExistsError:
            number += 1
        except OSError:  # this file system has no links, or the file belongs to another user
            if os.path.lexists(target):
                number += 1
                continue
            moved.rename(target)
            return
        else:
            moved.unlink()
            return


def render_report(report: Mapping[str, Any]) -> bytes:
    """The content of an error file: the reason for each line."""
    return (json.dumps(report, indent=2) + "\n").encode()


def write_error_file(quarantined: Path, report: Mapping[str, Any]) -> bytes:
    """Write `<name>.error.json` beside a quarantined file. Returns the hash of its bytes."""
    target = _error_file(quarantined)
    content = render_report(report)
    try:
        make_folder(target.parent)
        part = target.with_name(f".{target.name}.part")
        with part.open("wb") as file:
            keep_mode(file.fileno(), target)
            file.write(content)
        part.rename(target)
    except OSError as exc:
        raise ScorekeeperError(f"{target} cannot be written: {explain(exc)}") from None
    return hashlib.sha256(content).digest()
