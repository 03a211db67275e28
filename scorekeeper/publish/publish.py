"""Publishes the log and the dataset: lines are rendered from events in Postgres and appended exactly once.

A rebuild gives the same bytes.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection

from scorekeeper.errors import ScorekeeperError, explain
from scorekeeper.locks import Lock, lock
from scorekeeper.private_files import keep_mode, make_file, make_folder
from scorekeeper.publish.kept import copy_kept, last_kept
from scorekeeper.publish.lines import dataset_line, log_line
from scorekeeper.publish.set_aside import AHEAD, EDITED, count_shared, find_foreign, keep_aside, read_blocks
from scorekeeper.store.database import Database
from scorekeeper.store.sql import statement

BATCH_LINES = 5_000
TAIL_BYTES = 4_096
_RENDER: Mapping[str, Callable[[Mapping[Any, Any]], str | None]] = {"log": log_line, "dataset": dataset_line}
KINDS = tuple(_RENDER)


@dataclass(frozen=True)
class Published:
    """How many lines a publication wrote, and the new paths of files that it set aside.

    `set_aside`: files that this database had not published. `ahead`: published files with whole lines that the database
    does not know, as after a restore from a backup. `edited`: changed files that a rebuild replaced.
    """

    log_lines: int
    dataset_lines: int
    set_aside: tuple[Path, ...] = ()
    ahead: tuple[Path, ...] = ()
    edited: tuple[Path, ...] = ()

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


class _AheadError(Exception):
    """The file holds whole lines after those that the database knows."""


def publish(db: Database, *, log_path: Path, dataset_path: Path) -> Published:
    """Append new lines to both files. Raises ScorekeeperError if a file was changed since the last publication.

    A file with whole lines that the database does not know is kept under another name, and written again.
    """
    files, aside = _begin(db, log_path, dataset_path)
    done = [_append(db, path, kind) for kind, path in files.items()]
    return _sum_up(done, aside)


def rebuild(db: Database, *, log_path: Path, dataset_path: Path) -> Published:
    """Write both files again and rename each into place. An old file with other whole lines is kept beside it."""
    files, aside = _begin(db, log_path, dataset_path)
    done = [db.transact(partial(_rewrite, path=path, kind=kind)) for kind, path in files.items()]
    return _sum_up(done, aside)


def renew(db: Database, *, log_path: Path, dataset_path: Path) -> Published:
    """Rebuild both files with lines of today's form instead of an older release's. The old files are kept."""
    files, aside = _begin(db, log_path, dataset_path)
    return _sum_up(db.transact(partial(_renew, files=files)), aside)


def _renew(connection: Connection, files: Mapping[str, Path]) -> list[tuple[int, Path | None]]:
    lock_publisher(connection)
    if last_kept(connection):
        raise ScorekeeperError("the lines of decisions that were deleted by their age cannot be renewed")
    connection.execute(statement("publish/renew_events"))
    connection.execute(statement("publish/keep_renewed_numbers"))
    connection.execute(statement("publish/forget_publications"), {"paths": [str(path) for path in files.values()]})
    return [_rewrite(connection, path, kind) for kind, path in files.items()]


def _sum_up(done: Sequence[tuple[int, Path | None]], aside: tuple[Path, ...]) -> Published:
    kept = [path for _, path in done if path is not None]
    ahead = tuple(path for path in kept if f".{AHEAD}-" in path.name)
    return Published(done[0][0], done[1][0], aside, ahead, tuple(path for path in kept if path not in ahead))


def render_lines(row: Mapping[Any, Any]) -> list[bytes]:
    """The lines of a row of select_events_to_publish: the log's, then the dataset's, as far as it has them."""
    lines = (render(row) for render in _RENDER.values())
    return [line.encode() + b"\n" for line in lines if line is not None]


def lock_publisher(connection: Connection) -> None:
    lock(connection, Lock.PUBLISH)


def _number(connection: Connection) -> None:
    lock_publisher(connection)
    connection.execute(statement("publish/number_events"))


def _begin(db: Database, log_path: Path, dataset_path: Path) -> tuple[dict[str, Path], tuple[Path, ...]]:
    """Number the events and claim both files. Returns their paths by kind, and the paths of files set aside."""
    db.transact(_number)
    files = {"log": log_path.absolute(), "dataset": dataset_path.absolute()}
    aside = [db.transact(partial(_claim, path=path, kind=kind)) for kind, path in files.items()]
    return files, tuple(path for path in aside if path is not None)


def _claim(connection: Connection, path: Path, kind: str) -> Path | None:
    """Store that this database publishes to the file, before the first byte. Sets another writer's file aside."""
    lock_publisher(connection)
    if connection.execute(statement("publish/select_is_published"), {"path": str(path)}).scalar():
        return None
    aside = None
    if path.exists() and path.stat().st_size:
        names = (path.with_name(f"{path.name}.before-scorekeeper-{number}") for number in count(1))
        aside = next(name for name in names if not name.exists())
        try:
            path.rename(aside)
        except OSError as exc:
            why = f"was not published by this database, and cannot be set aside: {explain(exc)}"
            raise ScorekeeperError(f"{path} {why}") from None
    connection.execute(statement("publish/select_publication"), {"path": str(path), "kind": kind})
    return aside


def render_events(connection: Connection, kind: str, after: int, up_to: int) -> Iterator[tuple[int, bytes]]:
    """Yields (line number, bytes) of the events with a line of that kind, in order, one batch in memory at a time."""
    render = _RENDER[kind]
    while True:
        # The log names no agents, and reading them takes half of the time.
        window = {"after": after, "up_to": up_to, "most": BATCH_LINES, "with_agents": kind == "dataset"}
        rows = connection.execute(statement("publish/select_events_to_publish"), window).mappings().all()
        if not rows:
            return
        for row in rows:
            if row["kind"] == "outcome" and row["exit_time"] is None:
                raise ScorekeeperError(f"line {row['line_no']} tells of the exit of {row['trade_id']}, which has none")
            if (line := render(row)) is not None:
                yield row["line_no"], line.encode() + b"\n"
        after = rows[-1]["line_no"]


def _append(db: Database, path: Path, kind: str) -> tuple[int, Path | None]:
    """Returns how many lines were appended, and the new path of the old file if it was set aside."""
    total = 0
    while True:
        try:
            lines, more = db.transact(partial(_append_batch, path=path, kind=kind))
        except _AheadError:
            lines, aside = db.transact(partial(_rewrite, path=path, kind=kind))
            return total + lines, aside
        total += lines
        if not more:
            return total, None


def _append_batch(connection: Connection, path: Path, kind: str) -> tuple[int, bool]:
    """One transaction, committed after the bytes are on the disk. Returns (lines appended, whether there are more)."""
    lock_publisher(connection)
    key = {"path": str(path), "kind": kind}
    state = connection.execute(statement("publish/select_publication"), key).one()
    last = connection.execute(statement("publish/select_last_line")).scalar_one()
    up_to = min(last, state.published_line_no + BATCH_LINES)
    content = [line for _, line in render_events(connection, kind, state.published_line_no, up_to)]
    try:
        make_folder(path.parent)
        if not state.committed_bytes:
            make_file(path)  # keeps lines that a FastRecorder wrote before the first publication
        with path.open("r+b") as file:
            _check_tail(file, path, state.committed_bytes, state.tail_sha256)
            # After the watermark there may be lines of a FastRecorder, or of a run that died before its commit. They
            # are the same bytes, so they stay: a reader tailing the file never sees it shrink. A torn line is cut.
            file.seek(state.committed_bytes)
            lines = b"".join(content)
            found = file.read(len(lines))
            same = count_shared(lines, found)
            looks = up_to == last or same < len(found)
            if b"\n" in found[same:] or (looks and any(b"\n" in block for block in read_blocks(file))):
                raise _AheadError
            file.seek(state.committed_bytes + same)
            file.write(lines[same:])
            if looks:
                file.truncate()
            file.flush()
            os.fsync(file.fileno())
            mark = _mark(file, state.committed_bytes + len(lines))
    except FileNotFoundError:
        raise ScorekeeperError(f"{path} was removed: repair it with: scorekeeper publish --rebuild") from None
    except OSError as exc:
        raise ScorekeeperError(f"{path} cannot be written: {explain(exc)}") from None
    connection.execute(statement("publish/advance_publication"), {"path": str(path), "line_no": up_to, **mark})
    return len(content), up_to < last


def _check_tail(file: IO[bytes], path: Path, size: int, tail: bytes | None) -> None:
    file.seek(max(0, size - TAIL_BYTES))
    found = file.read(min(size, TAIL_BYTES))
    if size and (len(found) < min(size, TAIL_BYTES) or hashlib.sha256(found).digest() != tail):
        raise ScorekeeperError(
            f"{path} was changed or cut since it was published: repair it with: scorekeeper publish --rebuild"
        )


def _mark(file: IO[bytes], size: int) -> dict[str, Any]:
    file.seek(max(0, size - TAIL_BYTES))
    return {"bytes": size, "tail": hashlib.sha256(file.read(min(size, TAIL_BYTES))).digest()}


def _rewrite(connection: Connection, path: Path, kind: str) -> tuple[int, Path | None]:
    """Write the whole file again. Returns how many lines it has, and the new path of the old file if it was kept."""
    lock_publisher(connection)
    state = connection.execute(statement("publish/select_publication"), {"path": str(path), "kind": kind}).one()
    last = connection.execute(statement("publish/select_last_line")).scalar_one()
    fresh, aside = path.with_name(f".{path.name}.part"), None
    lines = 0
    try:
        make_folder(path.parent)
        with fresh.open("w+b") as file:
            keep_mode(file.fileno(), path)
            after = copy_kept(connection, path, kind, state.begins_after, file)
            for _, line in render_events(connection, kind, after, last):
                file.write(line)
                lines += 1
            file.flush()
            os.fsync(file.fileno())
            mark = _mark(file, file.seek(0, os.SEEK_END))
            if path.exists() and (same := find_foreign(path, file)) is not None:
                aside = keep_aside(path, AHEAD if same >= state.committed_bytes else EDITED)
        fresh.replace(path)
    except OSError as exc:
        raise ScorekeeperError(f"{path} cannot be written: {explain(exc)}") from None
    connection.execute(statement("publish/advance_publication"), {"path": str(path), "line_no": last, **mark})
    return lines, aside
