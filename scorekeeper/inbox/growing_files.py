"""Files of lines that are read while they grow: which file is which, how far it is read, and what becomes of it."""

import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row

from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox.file_ledger import write
from scorekeeper.inbox.file_names import split_turn
from scorekeeper.inbox.places.base import ChangedError, Place, SourceFile
from scorekeeper.store.sql import statement

# How long a file that was written to after it was moved must stand still before it is moved again, in a place that
# cannot tell whether a writer has it open.
RETURNED_SECONDS = 3_600
# How long files are watched after they were moved; how many of them each run looks at, and how often one looks at all.
WATCHED = timedelta(days=8)
MOST_LOOKED_AT = 2_000
ALL_LOOKED_AT = timedelta(minutes=1)


@dataclass(frozen=True)
class Followed:
    """A file that is followed: `key` stands for the hash of its content, `offset` and `lines` say how far it is read.

    `refused`: how many of its lines were refused. `returned`: it was written to after it had been moved. `begun_as`:
    the hash of the content that it had before it was followed, if that is known. `torn`: the number of its last line,
    if that had no end then: it is read once more.
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
    """What stands for the hash of a file's content until the file is complete: 32 random bytes."""
    return secrets.token_bytes(32)


def grow_from(connection: Connection, place: Place, source: SourceFile, growing: Sequence[Row[Any]]) -> Followed | None:
    """How far a file is read that begins with one of these contents; they are sorted by length, the longest counts."""
    for before in reversed(growing):
        with suppress(ChangedError, OSError):
            if source.begins_with(before.size_bytes, before.sha256):
                offset, lines, torn = place.read_back(source.address, before.committed_offset, before.committed_lines)
                kept = {"sha256": before.sha256, "torn": torn or 0}
                refused = connection.execute(statement("inbox/count_kept_refusals"), kept).scalar_one()
                return Followed(source.sha256, source.name, offset, lines, refused, begun_as=before.sha256, torn=torn)
    return None


def return_moved(connection: Connection, place: Place, at: datetime, trouble: list[str]) -> list[str]:
    """Move files back into the inbox that were written to after they had been moved; their names.

    Compares the sizes of the files of lines that were moved in the last days: of the latest ones, and once a minute of
    all. A file that has grown, and still begins with what was read, is followed from there. May be killed at any time.
    """
    _put_back_followed(connection, place, trouble)
    looked_at = connection.execute(statement("inbox/select_archive_look")).scalar()
    look_at_all = looked_at is None or not timedelta(0) <= at - looked_at < ALL_LOOKED_AT
    given = {"since": at - WATCHED, "most": None if look_at_all else MOST_LOOKED_AT}
    moved = connection.execute(statement("inbox/select_moved_lines"), given).all()
    connection.rollback()
    once = {row.destination: row for row in reversed(moved)}  # one content may have come twice under one name
    grown = [(row, source) for row in once.values() if (source := _find_grown(place, row)) is not None]
    rows = [begun for row, source in grown if (begun := _follow_on(place, row, source, at)) is not None]
    if rows or look_at_all:
        with connection.begin():
            write(connection, "inbox/follow_moved_files", rows)
            write(connection, "inbox/adopt_rejections", rows)
            write(connection, "inbox/release_arrivals", rows)
            write(connection, "inbox/delete_reread_rejections", rows)
            if look_at_all:
                connection.execute(statement("inbox/note_archive_look"), {"at": at})
    if rows:
        _put_back_followed(connection, place, trouble)
    return [str(row["name"]) for row in rows]


def _find_grown(place: Place, row: Row[Any]) -> SourceFile | None:
    """The file that was moved, if it has grown since."""
    source = place.open_growing(row.destination, row.name, row.sha256)
    try:
        if source is not None and source.size > row.size_bytes and source.begins_with(row.size_bytes, row.sha256):
            return source
    except (OSError, ChangedError):
        pass  # it has just been taken away
    return None


def _follow_on(place: Place, row: Row[Any], source: SourceFile, at: datetime) -> dict[str, Any] | None:
    """Where a file that has grown is read on. A last line that had no end when it was moved is read once more."""
    offset, lines, torn = place.read_back(source.address, row.committed_offset, row.committed_lines)
    fingerprint = place.fingerprint(source.address, offset, source.lasting_id)
    if fingerprint is None:
        return None
    return {
        "sha256": new_key(), "before": row.sha256, "name": row.name, "place": row.destination,
        "identity": source.lasting_id, "fingerprint": fingerprint, "size_bytes": source.size,
        "committed_offset": offset, "committed_lines": lines, "torn": torn, "modified_at": source.mtime, "at": at,
    }  # fmt: skip


def _put_back_followed(connection: Connection, place: Place, trouble: list[str]) -> None:
    """Move files that are followed from the archive or from quarantine into the inbox."""
    rows = connection.execute(statement("inbox/select_followed_files")).all()
    connection.rollback()
    back = []
    for row in rows:
        if row.place is None:
            continue
        try:
            if place.open_growing(row.place, row.name, row.sha256) is not None:
                place.put_back(row.place, row.name)
        except ScorekeeperError as exc:
            trouble.append(str(exc))
        else:
            back.append({"sha256": row.sha256})
    with connection.begin():
        write(connection, "inbox/note_followed_returned", back)


def find_followed(connection: Connection, place: Place, files: list[str], at: datetime) -> dict[str, Followed]:
    """The files that are followed, by their addresses now, whatever their names are now.

    When the content of a file was copied (and the file cut or replaced), the copy is followed, if it has the same name
    or one that a rotation gives. A file that is gone or was rewritten is not followed any more; its lines stay. Renamed
    files that are not in `files` are added to it.
    """
    rows = connection.execute(statement("inbox/select_followed_files")).all()
    connection.rollback()
    if not rows:
        return {}
    growable, listed = place.find_growable(), set(files)
    found: dict[str, Followed] = {}
    lost = []
    for row in rows:
        address = growable.get(row.identity)
        if address is not None and address not in found and _goes_on(place, address, row.identity, row):
            found[address] = _as_followed(row)
            if address not in listed:
                place.take_up(address)
                files.append(address)
        elif row.place is None:
            lost.append(row)
    candidates = {address: identity for identity, address in growable.items() if address in listed}
    copies = _find_copies(place, lost, candidates, found)
    ended = [{"sha256": row.sha256, "at": at} for row in lost if row.sha256 not in copies]
    copied = [{"sha256": sha256, "identity": identity} for sha256, identity in copies.items()]
    with connection.begin():
        write(connection, "inbox/end_followed_files", ended)
        write(connection, "inbox/move_followed_files", copied)
    files.sort()
    return found


def _find_copies(
    place: Place, lost: Sequence[Row[Any]], candidates: Mapping[str, str], found: dict[str, Followed]
) -> dict[bytes, str]:
    """The copies in which lost files go on, by their keys; each is added to `found`."""
    copies = {}
    for row in lost:
        for address, identity in candidates.items():
            if address not in found and _is_copy(place, address, identity, row):
                found[address] = _as_followed(row)
                copies[row.sha256] = identity
                break
    return copies


def _as_followed(row: Row[Any]) -> Followed:
    return Followed(
        row.sha256, row.name, row.committed_offset, row.committed_lines, row.refused, row.returned_at is not None
    )


def _goes_on(place: Place, address: str, identity: str, row: Row[Any]) -> bool:
    """Whether the file at `address` begins with what was read of the followed one."""
    return bool(place.fingerprint(address, row.committed_offset, identity) == row.fingerprint)


def _is_copy(place: Place, address: str, identity: str, row: Row[Any]) -> bool:
    name = split_turn(place.name_of(address).rpartition("/")[2])[0]
    alike = name == split_turn(row.name.rpartition("/")[2])[0]
    return alike and bool(row.committed_offset) and _goes_on(place, address, identity, row)
