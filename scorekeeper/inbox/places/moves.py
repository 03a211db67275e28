"""Where files go that have been read: to the archive, to quarantine with a report, and back. No database here."""

import hashlib
import json
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scorekeeper.errors import ScorekeeperError, explain
from scorekeeper.inbox.file_names import archive_name
from scorekeeper.inbox.places.local_files import LocalFile, open_source, stat_identity
from scorekeeper.private_files import keep_mode, make_folder

DAY_PARTS = 3  # archive/YYYY/MM/DD
ERROR_FILE_SUFFIX = ".error.json"


def archive_folder(archive: Path, received_at: datetime) -> Path:
    """Where the files go, each under its `archive_name`, that were read whole: archive/YYYY/MM/DD."""
    return archive / f"{received_at:%Y/%m/%d}"


def root_of(path: Path, archive: Path, quarantine: Path) -> Path:
    """The folder in which a file lies under its name in the inbox, with that one's folders: a day's, or quarantine."""
    return quarantine if quarantine in path.parents else archive.joinpath(*path.relative_to(archive).parts[:DAY_PARTS])


def quarantine_path(folder: Path, name: str, sha256: bytes) -> Path:
    """Where a file goes of which something was refused."""
    return folder / archive_name(name, sha256)


def is_quarantined(folder: Path, destination: Path) -> bool:
    """Whether a file goes to quarantine, where it may be mended: one that lies there already stays."""
    return folder in destination.parents


def move_file(source: LocalFile, destination: Path, *, keep: bool = False) -> bool:
    """Move the file that was read, by rename where the file system allows it; whether its content lies there now.

    It does not if the file was removed or replaced meanwhile: what a writer has put under its name since stays in the
    inbox. Where the same content lies already, that stays and this one goes: to replace it costs some file systems a
    write to the disk. With `keep` another one stays as well. Raises ScorekeeperError: what was read stays read, and is
    not ingested again.
    """
    path, folder = source.path, destination.parent
    try:
        make_folder(folder)
        taken = destination.exists()
        target = _beside(destination) if taken else destination
        try:
            path.rename(target)
        except FileNotFoundError:
            return taken and _holds(destination, source)
        except OSError:
            return _copy_over(source, destination, keep=keep)
        found = target.lstat()
        if stat_identity(found) != source.identity:
            _put_back(target, path)
            return taken and _holds(destination, source)
        if found.st_nlink > 1 and path.exists():
            _remove_twin(path, source)
        return not taken or _settle_beside(target, destination, source, keep=keep)
    except OSError as failed:
        raise ScorekeeperError(
            f"{path} was read, but cannot be moved to {folder} ({explain(failed)}); it will not be ingested again"
        ) from None


def finish_move(path: Path, destination: Path, sha256: bytes, *, keep: bool = False) -> bool:
    """Do what is left of a move that was killed half-way; whether the file of that content has left the inbox.

    `keep`: as in move_file. A file that was moved though it was not the one that had been read is put back. Raises
    ScorekeeperError.
    """
    beside = _beside(destination)
    try:
        if (lying := open_source(beside)) is not None:
            if lying.sha256 != sha256:
                _put_back(beside, path)
            elif not _settle_beside(beside, destination, lying, keep=keep):
                return False
        if path.exists() or (lying := open_source(destination)) is None:
            return False
        if lying.sha256 != sha256:
            _put_back(destination, path)
        return lying.sha256 == sha256
    except OSError as failed:
        raise ScorekeeperError(f"{destination} cannot be moved: {explain(failed)}") from None


def _beside(destination: Path) -> Path:
    return destination.with_name(f".{destination.name}.again")


def _settle_beside(beside: Path, destination: Path, source: LocalFile, *, keep: bool) -> bool:
    """Let one of the two files stay, at `destination`; whether that is the content of `source`."""
    held = _holds(destination, source)
    if held and source.is_lines:
        beside.rename(destination)  # the newer one: somebody may have it open yet, and write to it
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
    """To another file system: copied whole, and removed only if it still is what was read; whether it lies there."""
    part = destination.with_name(f".{destination.name}.part")
    shutil.copy2(source.path, part)
    if not _holds(part, source):
        part.unlink()
        return False
    lies = _settle_beside(part, destination, source, keep=keep)
    if stat_identity(source.path.lstat()) == source.identity:
        source.path.unlink()
    return lies


def _remove_twin(path: Path, source: LocalFile) -> None:
    """A rename leaves both names where both are links to one file, as after a kill within `return_file`."""
    if stat_identity(path.lstat()) == source.identity:
        path.unlink()


def return_file(quarantined: Path, target: Path) -> None:
    """Move a file back to `target`, or to a like name where that is taken, and remove its report from quarantine.

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
    except OSError as failed:
        raise ScorekeeperError(f"{quarantined} cannot be moved to {target.parent}: {explain(failed)}") from None


def _error_file(quarantined: Path) -> Path:
    return quarantined.with_name(f"{quarantined.name}{ERROR_FILE_SUFFIX}")


def _put_back(moved: Path, path: Path) -> None:
    """Move a file that is to be read (again) to `path`, without replacing what a writer has put there."""
    number = 0
    make_folder(path.parent)
    while True:
        target = path if not number else path.with_name(f"{number}-{path.name}")
        try:
            os.link(moved, target)
        except FileExistsError:
            number += 1
        except OSError:  # no links here, or none to the file of another user
            if os.path.lexists(target):
                number += 1
                continue
            moved.rename(target)
            return
        else:
            moved.unlink()
            return


def write_error_file(quarantined: Path, report: dict[str, Any]) -> bytes:
    """Write `<name>.error.json` beside a quarantined file: why, line by line; the hash of its bytes."""
    target = _error_file(quarantined)
    content = (json.dumps(report, indent=2) + "\n").encode()
    try:
        make_folder(target.parent)
        part = target.with_name(f".{target.name}.part")
        with part.open("wb") as file:
            keep_mode(file.fileno(), target)
            file.write(content)
        part.rename(target)
    except OSError as failed:
        raise ScorekeeperError(f"{target} cannot be written: {explain(failed)}") from None
    return hashlib.sha256(content).digest()


def error_file_written_at(quarantined: Path) -> datetime | None:
    """When the report beside a quarantined file was written, right before the file was moved; None: there is none."""
    try:
        return datetime.fromtimestamp(_error_file(quarantined).lstat().st_mtime, UTC)
    except OSError:
        return None


def hash_error_file(quarantined: Path) -> bytes:
    """The hash of the report beside a quarantined file. Raises ScorekeeperError."""
    path = _error_file(quarantined)
    try:
        return hashlib.sha256(path.read_bytes()).digest()
    except OSError as failed:
        raise ScorekeeperError(f"{path} cannot be read: {failed.strerror}") from None


def read_error_file(quarantined: Path) -> dict[str, Any]:
    """The report beside a quarantined file. Raises ScorekeeperError."""
    path = _error_file(quarantined)
    try:
        report = json.loads(path.read_bytes())
    except OSError as failed:
        raise ScorekeeperError(f"{path} cannot be read: {failed.strerror}") from None
    except ValueError:
        report = None
    if not isinstance(report, dict):
        raise ScorekeeperError(f"{path} is no report")
    return report
