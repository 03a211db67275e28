"""Published lines whose decisions are deleted by their age: only the files hold them, and the database their hashes."""

import hashlib
from collections.abc import Callable, Iterator
from typing import IO, NamedTuple

from sqlalchemy import Connection

from scorekeeper.errors import ScorekeeperError
from scorekeeper.locations import Location
from scorekeeper.publish.target import open_published
from scorekeeper.store.sql import statement

STRETCH_LINES = 20_000  # rendered and hashed in one transaction
_BLOCK = 1 << 20
Render = Callable[[Connection, str, int, int], Iterator[tuple[int, bytes]]]


class Kept(NamedTuple):
    """The beginning of a file that only the file holds: up to which line and byte, and whether it is as published."""

    line_no: int
    size: int
    is_whole: bool


def last_kept(connection: Connection) -> int:
    """The last line that only the files hold, or 0."""
    return int(connection.execute(statement("publish/select_last_kept")).scalar_one())


def check_kept(connection: Connection, kind: str, begins_after: int, file: IO[bytes] | None) -> Kept:
    """Compare the beginning of a file with its hashes. `begins_after`: the line after which the file begins."""
    line_no, end, is_whole = begins_after, 0, True
    begin: int | None = None if begins_after else 0
    for row in connection.execute(statement("publish/select_kept_lines"), {"kind": kind}).all():
        if row.until_line_no <= begins_after:
            begin = row.until_bytes
            continue
        assert begin is not None
        before, line_no, end = end, row.until_line_no, row.until_bytes - begin
        is_whole = is_whole and file is not None and _hash(file, before, end - before) == row.sha256
    return Kept(line_no, end, is_whole)


def _hash(file: IO[bytes], start: int, length: int) -> bytes:
    file.seek(start)
    digest = hashlib.sha256()
    while length and (block := file.read(min(length, _BLOCK))):
        digest.update(block)
        length -= len(block)
    return digest.digest()


def read_kept(connection: Connection, at: Location, kind: str, begins_after: int) -> tuple[int, Iterator[bytes]]:
    """The lines that only a published file holds, for one that is written again; and the number of the last of them.

    Without an old file the new one begins after them. Raises ScorekeeperError if the old one does not hold them any
    more.
    """
    try:
        with open_published(at) as file:
            kept = check_kept(connection, kind, begins_after, file)
    except FileNotFoundError:
        line_no = last_kept(connection)
        connection.execute(statement("publish/begin_after"), {"path": str(at), "line_no": line_no})
        return line_no, iter(())
    if not kept.is_whole:
        raise ScorekeeperError(
            f"{at}: its lines up to byte {kept.size} are of decisions that were deleted by their age, and are not as "
            "they were published. Put back that part from a backup, or rename the file: then a new one begins after "
            "them"
        )
    return kept.line_no, _read_lines(at, kept.size)


def _read_lines(at: Location, size: int) -> Iterator[bytes]:
    if size:
        with open_published(at) as file:
            while size > 0 and (line := file.readline()):
                yield line
                size -= len(line)


def keep_lines(connection: Connection, render: Render, up_to: int, kinds: tuple[str, ...]) -> bool:
    """Note the hashes of a stretch of lines up to a line at most; whether there are more.

    Inside the caller's transaction, which holds the publisher's lock.
    """
    after = last_kept(connection)
    until = min(up_to, after + STRETCH_LINES)
    if until <= after:
        return False
    for kind in kinds:
        kept = connection.execute(statement("publish/select_kept_lines"), {"kind": kind}).all()
        size, digest = (kept[-1].until_bytes if kept else 0), hashlib.sha256()
        for _, line in render(connection, kind, after, until):
            digest.update(line)
            size += len(line)
        connection.execute(
            statement("publish/insert_kept_lines"),
            {"kind": kind, "until_line_no": until, "until_bytes": size, "sha256": digest.digest()},
        )
    return until < up_to
