"""Publishes the log and the dataset: lines are rendered from events in Postgres and appended exactly once.

A rebuild gives the same bytes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

from sqlalchemy import Connection

from scorekeeper.errors import ScorekeeperError
from scorekeeper.locations import Location, PathOrAddress
from scorekeeper.publish.events import BATCH_LINES, lock_publisher, number_events, render_events, render_together
from scorekeeper.publish.kept import last_kept, read_kept
from scorekeeper.publish.set_aside import AHEAD
from scorekeeper.publish.target import AheadError, Mark, make_absolute, open_target
from scorekeeper.store.database import Database
from scorekeeper.store.sql import statement


@dataclass(frozen=True)
class Published:
    """How many lines a publication wrote, and the new paths of files that it set aside.

    `set_aside`: files that this database had not published. `ahead`: published files with whole lines that the database
    does not know, as after a restore from a backup. `edited`: changed files that a rebuild replaced.
    """

    log_lines: int
    dataset_lines: int
    set_aside: tuple[PathOrAddress, ...] = ()
    ahead: tuple[PathOrAddress, ...] = ()
    edited: tuple[PathOrAddress, ...] = ()

    def explain(self) -> list[str]:
        """What was set aside and why, one sentence per file."""
        return [
            *(
                f"{one} holds what was there before. To take it in: scorekeeper import for a predecessor's dataset, "
                "scorekeeper recover FILE for a dataset from before a restore"
                for one in self.set_aside
            ),
            *(f"{one} holds lines that the database does not know: see scorekeeper recover" for one in self.ahead),
            *(f"{one} holds what was there before it was rebuilt" for one in self.edited),
        ]


def publish(db: Database, *, log_path: Location, dataset_path: Location) -> Published:
    """Append new lines to both files. Raises ScorekeeperError if a file was changed since the last publication.

    A file with whole lines that the database does not know is kept under another name, and written again.
    """
    files, aside = _begin(db, log_path, dataset_path)
    together, whole = _append_together(db, files)
    done = [(0, None) if whole else _append(db, path, kind) for kind, path in files.items()]
    both = [(lines + more, kept) for lines, (more, kept) in zip(together, done, strict=True)]
    return _sum_up(both, aside)


def rebuild(db: Database, *, log_path: Location, dataset_path: Location) -> Published:
    """Write both files again and rename each into place. An old file with other whole lines is kept beside it."""
    files, aside = _begin(db, log_path, dataset_path)
    done = [db.transact(partial(_rewrite, at=path, kind=kind)) for kind, path in files.items()]
    return _sum_up(done, aside)


def renew(db: Database, *, log_path: Location, dataset_path: Location) -> Published:
    """Rebuild both files with lines of today's form instead of an older release's. The old files are kept."""
    files, aside = _begin(db, log_path, dataset_path)
    return _sum_up(db.transact(partial(_renew, files=files)), aside)


def _renew(connection: Connection, files: Mapping[str, Location]) -> list[tuple[int, Location | None]]:
    lock_publisher(connection)
    if last_kept(connection):
        raise ScorekeeperError("the lines of decisions that were deleted by their age cannot be renewed")
    connection.execute(statement("publish/renew_events"))
    connection.execute(statement("publish/keep_renewed_numbers"))
    connection.execute(statement("publish/note_counted_line"))
    connection.execute(statement("publish/forget_publications"), {"paths": [str(path) for path in files.values()]})
    return [_rewrite(connection, path, kind) for kind, path in files.items()]


def _sum_up(done: Sequence[tuple[int, Location | None]], aside: tuple[Location, ...]) -> Published:
    kept = [cast(PathOrAddress, path) for _, path in done if path is not None]
    ahead = tuple(path for path in kept if f".{AHEAD}-" in path.name)
    edited = tuple(path for path in kept if path not in ahead)
    return Published(done[0][0], done[1][0], cast(tuple[PathOrAddress, ...], aside), ahead, edited)


def _begin(
    db: Database, log_path: Location, dataset_path: Location
) -> tuple[dict[str, Location], tuple[Location, ...]]:
    """Number the events and claim both files. Returns their paths by kind, and the paths of files set aside."""
    db.transact(number_events)
    files = {"log": make_absolute(log_path), "dataset": make_absolute(dataset_path)}
    aside = [db.transact(partial(_claim, at=path, kind=kind)) for kind, path in files.items()]
    return files, tuple(path for path in aside if path is not None)


def _claim(connection: Connection, at: Location, kind: str) -> Location | None:
    """Store that this database publishes to the file, before the first byte. Sets another writer's file aside."""
    lock_publisher(connection)
    if connection.execute(statement("publish/select_is_published"), {"path": str(at)}).scalar():
        return None
    aside = open_target(at).set_foreign_aside()
    connection.execute(statement("publish/select_publication"), {"path": str(at), "kind": kind})
    return aside


def _append_together(db: Database, files: Mapping[str, Location]) -> tuple[list[int], bool]:
    """Append to all files the lines that follow the same line in each; how many each got, and whether these were all.

    It reads each event once. It ends where files differ in what they need, and leaves the rest to _append, which works
    on one file after the other, and says what is wrong with it.
    """
    total = [0] * len(files)
    more = True
    while more:
        try:
            lines, more = db.transact(partial(_append_batch_together, files=files))
        except (AheadError, ScorekeeperError, OSError):
            return total, False
        if lines is None:
            return total, False
        total = [before + added for before, added in zip(total, lines, strict=True)]
    return total, True


def _append_batch_together(connection: Connection, files: Mapping[str, Location]) -> tuple[list[int] | None, bool]:
    """One transaction, committed after the bytes are stored. Returns (lines of each file, whether there are more).

    None in place of the lines: the files do not stand at the same line.
    """
    lock_publisher(connection)
    states = [_read_state(connection, at, kind) for kind, at in files.items()]
    published = states[0][0]
    if any(state[0] != published for state in states):
        return None, False
    last = connection.execute(statement("publish/select_last_line")).scalar_one()
    up_to = min(last, published + BATCH_LINES)
    rendered = render_together(connection, published, up_to) if published < up_to else {kind: [] for kind in files}
    for (kind, at), (_, mark, _) in zip(files.items(), states, strict=True):
        _advance(connection, at, up_to, open_target(at).append(mark, b"".join(rendered[kind]), last=up_to == last))
    return [len(rendered[kind]) for kind in files], up_to < last


def _append(db: Database, at: Location, kind: str) -> tuple[int, Location | None]:
    """Returns how many lines were appended, and the new place of the old file if it was set aside."""
    total = 0
    while True:
        try:
            lines, more = db.transact(partial(_append_batch, at=at, kind=kind))
        except AheadError:
            lines, aside = db.transact(partial(_rewrite, at=at, kind=kind))
            return total + lines, aside
        total += lines
        if not more:
            return total, None


def _append_batch(connection: Connection, at: Location, kind: str) -> tuple[int, bool]:
    """One transaction, committed after the bytes are stored. Returns (lines appended, whether there are more)."""
    lock_publisher(connection)
    published, mark, _ = _read_state(connection, at, kind)
    last = connection.execute(statement("publish/select_last_line")).scalar_one()
    up_to = min(last, published + BATCH_LINES)
    content = [line for _, line in render_events(connection, kind, published, up_to)]
    new = open_target(at).append(mark, b"".join(content), last=up_to == last)
    _advance(connection, at, up_to, new)
    return len(content), up_to < last


def _rewrite(connection: Connection, at: Location, kind: str) -> tuple[int, Location | None]:
    """Write the whole file again. Returns how many lines it has, and the place of the old file if it was kept."""
    lock_publisher(connection)
    _, mark, begins_after = _read_state(connection, at, kind)
    last = connection.execute(statement("publish/select_last_line")).scalar_one()
    lines = 0

    def render() -> Iterator[bytes]:
        nonlocal lines
        after, kept = read_kept(connection, at, kind, begins_after)
        yield from kept
        for _, line in render_events(connection, kind, after, last):
            lines += 1
            yield line

    new, aside = open_target(at).rewrite(mark, render())
    _advance(connection, at, last, new)
    return lines, aside


def _read_state(connection: Connection, at: Location, kind: str) -> tuple[int, Mark, int]:
    row = connection.execute(statement("publish/select_publication"), {"path": str(at), "kind": kind}).one()
    mark = Mark(row.committed_bytes, row.tail_sha256 and bytes(row.tail_sha256))
    return row.published_line_no, mark, row.begins_after


def _advance(connection: Connection, at: Location, line_no: int, mark: Mark) -> None:
    given = {"path": str(at), "line_no": line_no, "bytes": mark.size, "tail": mark.sha256}
    connection.execute(statement("publish/advance_publication"), given)
