"""Files of lines that are read while they grow: which one is which, how far it is read, and what becomes of it."""

import hashlib
import os
import secrets
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row

from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox.file_ledger import write
from scorekeeper.inbox.file_names import can_follow, split_turn
from scorekeeper.inbox.places import local_files, moves
from scorekeeper.inbox.places.base import ChangedError
from scorekeeper.inbox.places.walk import InboxContents
from scorekeeper.settings import Settings
from scorekeeper.store.sql import statement

FINGERPRINT_BYTES = 4 << 10
# How long a file that was written to after it was moved stands still before it is moved again, where nobody can tell
# whether its writer has it open.
RETURNED_SECONDS = 3_600
# For how long files are watched after they were moved; how many each run looks at, and how often one looks at all.
WATCHED = timedelta(days=8)
MOST_LOOKED_AT = 2_000
ALL_LOOKED_AT = timedelta(minutes=1)


@dataclass(frozen=True)
class Followed:
    """A file that is being followed: `key` stands for its content, `offset` and `lines` say how far it is read.

    `refused`: lines of it; `returned`: it was written to after it had been moved; `begun_as`: the content that it was
    before it was followed, if that is known, and `torn`: its last line, if that had no end then, and is read anew.
    """

    key: bytes
    name: str
    offset: int = 0
    lines: int = 0
    refused: int = 0
    returned: bool = False
    begun_as: bytes | None = None
    torn: int | None = None


def new_key() -> bytes:
    """What stands for the content of a file until it is whole: the ledger of a hash that is none."""
    return secrets.token_bytes(32)


def take_fingerprint(path: Path, offset: int, identity: str) -> bytes | None:
    """Hash of the first and the last 4 KiB before `offset`; None if another file, a shorter one or none is at `path`.

    It tells a file that has grown from one that was cut or written anew, at the same cost however long it is. It does
    not see what is changed between those two ends: `verify` does, which reads the whole file once it is archived.
    """
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            if local_files.inode_id(found.st_dev, found.st_ino) != identity or found.st_size < offset:
                return None
            digest = hashlib.sha256(file.read(min(FINGERPRINT_BYTES, offset)))
            file.seek(max(0, offset - FINGERPRINT_BYTES))
            digest.update(file.read(min(FINGERPRINT_BYTES, offset)))
    except OSError:
        return None
    return digest.digest()


def grow_from(connection: Connection, source: local_files.LocalFile, growing: Sequence[Row[Any]]) -> Followed | None:
    """What is known of the longest of these contents (the last one) that the file begins with."""
    for before in reversed(growing):
        with suppress(ChangedError, OSError):
            if source.begins_with(before.size_bytes, before.sha256):
                offset, lines, torn = read_back(source.path, before.committed_offset, before.committed_lines)
                kept = {"sha256": before.sha256, "torn": torn or 0}
                refused = connection.execute(statement("inbox/count_kept_refusals"), kept).scalar_one()
                return Followed(source.sha256, source.name, offset, lines, refused, begun_as=before.sha256, torn=torn)
    return None


def return_moved(connection: Connection, settings: Settings, at: datetime, trouble: list[str]) -> list[str]:
    """Bring back into the inbox what was written to after it had been moved; the names of these files.

    Looks at the sizes of the files of lines that were moved in the last days: the latest of them, and once a minute at
    all. One that has grown, and still begins with what was read, is followed from there. May be killed anywhere.
    """
    _bring_back(connection, settings, trouble)
    looked_at = connection.execute(statement("inbox/select_archive_look")).scalar()
    all_of_them = looked_at is None or not timedelta(0) <= at - looked_at < ALL_LOOKED_AT
    most = None if all_of_them else MOST_LOOKED_AT
    moved = connection.execute(statement("inbox/select_moved_lines"), {"since": at - WATCHED, "most": most}).all()
    connection.rollback()
    once = {row.destination: row for row in reversed(moved)}  # the same content may have come under one name again
    grown = [(row, source) for row in once.values() if (source := _find_grown(row)) is not None]
    rows = [begun for row, source in grown if (begun := _begin_again(row, source, at)) is not None]
    if rows or all_of_them:
        with connection.begin():
            write(connection, "inbox/follow_moved_files", rows)
            write(connection, "inbox/adopt_rejections", rows)
            write(connection, "inbox/release_arrivals", rows)
            write(connection, "inbox/delete_reread_rejections", rows)
            if all_of_them:
                connection.execute(statement("inbox/note_archive_look"), {"at": at})
    if rows:
        _bring_back(connection, settings, trouble)
    return [str(row["name"]) for row in rows]


def _find_grown(row: Row[Any]) -> local_files.LocalFile | None:
    """The file that was moved, if it has grown since."""
    source = local_files.find_growing(Path(row.destination), row.name, row.sha256)
    try:
        if source is not None and source.size > row.size_bytes and source.begins_with(row.size_bytes, row.sha256):
            return source
    except (OSError, ChangedError):
        pass  # taken away a moment ago
    return None


def _begin_again(row: Row[Any], source: local_files.LocalFile, at: datetime) -> dict[str, Any] | None:
    """What is known of a file that has grown: a last line that had no end then is read once more."""
    offset, lines, torn = read_back(source.path, row.committed_offset, row.committed_lines)
    identity = local_files.inode_id(*source.identity[:2])
    fingerprint = take_fingerprint(source.path, offset, identity)
    if fingerprint is None:
        return None
    return {
        "sha256": new_key(), "before": row.sha256, "name": row.name, "place": row.destination, "identity": identity,
        "fingerprint": fingerprint, "size_bytes": source.size, "committed_offset": offset, "committed_lines": lines,
        "torn": torn, "modified_at": source.mtime, "at": at,
    }  # fmt: skip


def read_back(path: Path, offset: int, lines: int) -> tuple[int, int, int | None]:
    """Where to read on after `lines` lines that end at `offset`: there, or at the beginning of the last one if that had
    no end; as offset, lines before it, and the number of that line. Raises OSError.
    """
    end = _end_of_line(path, offset)
    return (end, lines - 1, lines) if end < offset else (offset, lines, None)


def _end_of_line(path: Path, offset: int) -> int:
    """The end of the last whole line at or before `offset`."""
    with path.open("rb") as file:
        while offset:
            begin = max(0, offset - (64 << 10))
            file.seek(begin)
            if (end := file.read(offset - begin).rfind(b"\n")) >= 0:
                return begin + end + 1
            offset = begin
    return 0


def _bring_back(connection: Connection, settings: Settings, trouble: list[str]) -> None:
    """Move what is to be followed from where it lies into the inbox."""
    rows = connection.execute(statement("inbox/select_followed_files")).all()
    connection.rollback()
    back = []
    for row in rows:
        if row.place is None:
            continue
        try:
            if Path(row.place).exists():
                moves.return_file(Path(row.place), settings.inbox_dir / row.name)
        except ScorekeeperError as failed:
            trouble.append(str(failed))
        else:
            back.append({"sha256": row.sha256})
    with connection.begin():
        write(connection, "inbox/note_followed_returned", back)


def find_followed(connection: Connection, listing: InboxContents, at: datetime) -> dict[Path, Followed]:
    """The files in the inbox that are being followed, by where they lie now, whatever they are called by now.

    A file whose content was copied (and cut, or replaced) goes on as the copy, if that bears its name or one that a
    rotation gives. What is gone, or was written anew, ends: its lines stay. `listing` takes up those that it had left.
    """
    rows = connection.execute(statement("inbox/select_followed_files")).all()
    connection.rollback()
    if not rows:
        return {}
    here = _identities(path for path in listing.files if can_follow(path.name))
    left = _identities(path for paths in listing.others.values() for path in paths)
    found: dict[Path, Followed] = {}
    lost = []
    for row in rows:
        path = here.get(row.identity) or left.get(row.identity)
        if path is not None and path not in found and _goes_on(path, row.identity, row):
            found[path] = _as_followed(row)
            if path not in here.values():
                listing.take_up(path)
        elif row.place is None:
            lost.append(row)
    ended, copied = [], []
    copies = {path: identity for identity, path in here.items()}
    for row in lost:
        copy = next((path for path in copies if path not in found and _is_copy(path, copies[path], row)), None)
        if copy is None:
            ended.append({"sha256": row.sha256, "at": at})
        else:
            found[copy] = _as_followed(row)
            copied.append({"sha256": row.sha256, "identity": copies[copy]})
    with connection.begin():
        write(connection, "inbox/end_followed_files", ended)
        write(connection, "inbox/move_followed_files", copied)
    listing.files.sort(key=str)
    return found


def _as_followed(row: Row[Any]) -> Followed:
    return Followed(
        row.sha256, row.name, row.committed_offset, row.committed_lines, row.refused, row.returned_at is not None
    )


def _identities(paths: Iterable[Path]) -> dict[str, Path]:
    found = {}
    for path in paths:
        try:
            lies = path.lstat()
            found[local_files.inode_id(lies.st_dev, lies.st_ino)] = path
        except OSError:
            continue  # renamed or taken since
    return found


def _goes_on(path: Path, identity: str, row: Row[Any]) -> bool:
    """Whether what was read of the file is in this one."""
    return bool(take_fingerprint(path, row.committed_offset, identity) == row.fingerprint)


def _is_copy(path: Path, identity: str, row: Row[Any]) -> bool:
    name = split_turn(path.name)[0]
    alike = name == split_turn(row.name.rpartition("/")[2])[0]
    return alike and bool(row.committed_offset) and _goes_on(path, identity, row)
