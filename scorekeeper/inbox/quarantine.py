"""Quarantined files: what was refused of them and why, and how they go back into the inbox for another try."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox.file_ledger import write
from scorekeeper.inbox.places.choose import open_place
from scorekeeper.inbox.places.moved import are_there, find_location
from scorekeeper.locations import Location
from scorekeeper.locks import Lock, hold
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from scorekeeper.store.sql import statement

ID_LENGTH = 12
SHORTEST_ID = 4
MOST_LISTED = 1_000


@dataclass(frozen=True)
class Quarantined:
    """A content with refusals.

    `name`: the name of its file. `rejected`: how many decisions were refused. `line` (from 1; 0: the whole file),
    `field` and `reason`: the first refusal. `files`: where they are in quarantine, by the names under which it
    came. If there are none, `whereabouts` says where it is.
    """

    sha256: bytes
    name: str
    rejected: int
    rejected_at: datetime
    line: int
    field: str | None
    reason: str
    files: dict[str, Location]
    whereabouts: str

    @property
    def id(self) -> str:
        """The end of its file's name in quarantine, before the suffix."""
        return self.sha256.hex()[:ID_LENGTH]


def count_refused(connection: Connection) -> dict[str, int]:
    """How many decisions were refused, by the hash of the content in hex, of everything that was read to its end."""
    return {row.content: row.rejected for row in connection.execute(statement("inbox/select_refused_contents"))}


def list_quarantined(
    connection: Connection, settings: Settings, *, prefix: str = "", most: int = MOST_LISTED
) -> list[Quarantined]:
    """The `most` latest contents with refusals; `prefix`: only those whose hash begins so."""
    rows = connection.execute(statement("inbox/select_quarantine"), {"prefix": prefix, "most": most}).all()
    place = open_place(settings)
    places = [
        {name: find_location(place.quarantine_address(name, row.sha256)) for name in row.names or ()} for row in rows
    ]
    there = are_there(one for files in places for one in files.values())
    return [
        Quarantined(
            row.sha256, row.name, row.rejected, row.rejected_at, row.line, row.field, row.reason,
            found := {name: one for name, one in files.items() if one in there},
            "" if found else _say_where(settings, row.waiting or (), unmoved=bool(row.unmoved)),
        )
        for row, files in zip(rows, places, strict=True)
    ]  # fmt: skip


def find(connection: Connection, settings: Settings, name: str) -> Quarantined:
    """The content whose id begins with `name`. Raises ScorekeeperError if there is none, or more than one."""
    prefix = name.strip().lower()
    if len(prefix) < SHORTEST_ID or prefix.strip("0123456789abcdef"):
        raise ScorekeeperError(f"{name[:80]!r} is no id of the quarantine: scorekeeper quarantine list shows them")
    found = list_quarantined(connection, settings, prefix=prefix, most=2)
    if not found:
        raise ScorekeeperError(f"{prefix}: nothing of that id is refused (any more); see scorekeeper quarantine list")
    if len(found) > 1:
        raise ScorekeeperError(f"{prefix}: more than one begins so, write {' or '.join(one.id for one in found)}")
    return found[0]


def read_refusals(connection: Connection, one: Quarantined) -> list[dict[str, Any]]:
    """The first 1,000 refusals of a content, in order: line, field, reason, and an excerpt of the text."""
    return [
        dict(row) for row in connection.execute(statement("inbox/select_rejections"), {"sha256": one.sha256}).mappings()
    ]


def is_refused(connection: Connection, sha256: bytes) -> bool:
    """Whether something of this content stands refused."""
    return bool(connection.execute(statement("inbox/select_quarantine"), {"prefix": sha256.hex(), "most": 1}).first())


def put_back(db: Database, settings: Settings, one: Quarantined, at: datetime) -> list[bytes]:
    """Move its files back into the inbox, under the names that they had; the hash of each.

    The next ingest reads them from the beginning: decisions that are stored already are duplicates, and refusals are
    decided again. A file that was corrected in quarantine has another content: it replaces the refused one. May be
    repeated, and killed at any time. Raises ScorekeeperError.
    """
    with db.engine.connect() as connection, hold(db.engine, Lock.INGEST, guarding=connection):
        return _put_back(connection, settings, one, at)


def _put_back(connection: Connection, settings: Settings, one: Quarantined, at: datetime) -> list[bytes]:
    place = open_place(settings)
    returned: list[bytes] = []
    for name, path in one.files.items():
        source = place.open(str(path))
        if source is None:
            continue  # another process moved it first
        # A run that was killed right after it moved the file has not noted that: the next would move it back unread.
        with connection.begin():
            write(
                connection,
                "inbox/mark_arrivals_moved",
                [{"name": name, "sha256": one.sha256, "moved_at": at, "lies": True}],
            )
        place.put_back(str(path), name)
        returned.append(source.sha256)
    if returned and one.sha256 not in returned:
        with connection.begin():
            write(connection, "inbox/delete_rejections", [{"sha256": one.sha256}])
    return returned


def _say_where(settings: Settings, waiting: Sequence[str], *, unmoved: bool) -> str:
    """Where a file is that is not in quarantine."""
    if are_there(settings.inbox / name for name in waiting):
        return "its file still lies in the inbox: the next ingest moves it"
    if unmoved:
        return "its file was not moved here: it was read where it lay, or had gone"
    return f"its file is gone from {settings.quarantine}"
