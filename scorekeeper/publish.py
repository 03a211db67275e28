"""Log and dataset: rendered from the events in Postgres, appended exactly once, and rebuilt to the same bytes."""

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection, text

from scorekeeper.domain.records import dataset_line, log_line
from scorekeeper.errors import ScorekeeperError, explain
from scorekeeper.private import keep_mode, make_file, make_folder
from scorekeeper.store.database import Database
from scorekeeper.store.sql import statement

PUBLISH_LOCK = 0x5C0_0005
BATCH_LINES = 5_000
TAIL_BYTES = 4_096
_RENDER: Mapping[str, Callable[[Mapping[Any, Any]], str | None]] = {"log": log_line, "dataset": dataset_line}


@dataclass(frozen=True)
class Published:
    """Lines written by one publication; `set_aside`: where files of somebody else's that stood in the way are now."""

    log_lines: int
    dataset_lines: int
    set_aside: tuple[Path, ...]


def publish(db: Database, *, log_path: Path, dataset_path: Path) -> Published:
    """Append what is new to both files; raises ScorekeeperError if one is not as it was left."""
    files, aside = _begin(db, log_path, dataset_path)
    log_lines, dataset_lines = (_append(db, path, kind) for kind, path in files.items())
    return Published(log_lines, dataset_lines, aside)


def rebuild(db: Database, *, log_path: Path, dataset_path: Path) -> Published:
    """Write both files anew, whole, each put in place by a rename."""
    files, aside = _begin(db, log_path, dataset_path)
    log_lines, dataset_lines = (db.transact(partial(_rewrite, path=path, kind=kind)) for kind, path in files.items())
    return Published(log_lines, dataset_lines, aside)


def check_published(db: Database, *, log_path: Path, dataset_path: Path) -> list[str]:
    """How the files differ from a rebuild, a line each; a file that was never published is no difference."""
    differences = []
    for kind, path in {"log": log_path.absolute(), "dataset": dataset_path.absolute()}.items():
        with db.begin() as connection:
            _lock(connection)
            known = connection.execute(
                text("SELECT published_line_no FROM scorekeeper.publication WHERE path = :path"), {"path": str(path)}
            ).scalar()
            if known is None:
                continue
            try:
                with path.open("rb") as file:
                    difference = _compare(connection, file, kind, known)
            except OSError as failed:
                difference = f"cannot be read: {failed.strerror}"
            except ScorekeeperError as failed:
                differences.append(f"{path}: {failed}")
                continue
        if difference:
            differences.append(f"{path}: {difference}; put it right with: scorekeeper publish --rebuild")
    return differences


def render_lines(row: Mapping[Any, Any]) -> list[bytes]:
    """The lines of a row of select_events_to_publish, of the log first, without those that it does not have."""
    lines = (render(row) for render in _RENDER.values())
    return [line.encode() + b"\n" for line in lines if line is not None]


def _compare(connection: Connection, file: IO[bytes], kind: str, up_to: int) -> str | None:
    for number, (_, line) in enumerate(_lines(connection, kind, 0, up_to), 1):
        if file.readline(len(line) + 1) != line:
            return f"line {number} is not as it was published"
    # Lines that a recorder has written behind those that are committed.
    last = connection.execute(statement("select_last_line")).scalar_one()
    for _, line in _lines(connection, kind, up_to, last):
        found = file.readline(len(line) + 1)
        if found != line:
            return "holds more than was published" if found else None
    return "holds more than was published" if file.read(1) else None


def _lock(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": PUBLISH_LOCK})


def _number(connection: Connection) -> None:
    _lock(connection)
    connection.execute(statement("number_events"))


def _begin(db: Database, log_path: Path, dataset_path: Path) -> tuple[dict[str, Path], tuple[Path, ...]]:
    """Number the events, and make sure that both files are ours: their paths, and what was set aside."""
    db.transact(_number)
    files = {"log": log_path.absolute(), "dataset": dataset_path.absolute()}
    aside = [db.transact(partial(_claim, path=path, kind=kind)) for kind, path in files.items()]
    return files, tuple(path for path in aside if path is not None)


def _claim(connection: Connection, path: Path, kind: str) -> Path | None:
    """Note that this file is ours before the first byte is written; what somebody else has written goes aside."""
    _lock(connection)
    if connection.execute(statement("select_is_published"), {"path": str(path)}).scalar():
        return None
    aside = None
    if path.exists() and path.stat().st_size:
        names = (path.with_name(f"{path.name}.before-scorekeeper-{number}") for number in count(1))
        aside = next(name for name in names if not name.exists())
        try:
            path.rename(aside)
        except OSError as failed:
            raise ScorekeeperError(f"{path} is not ours, and cannot be set aside: {explain(failed)}") from None
    connection.execute(statement("select_publication"), {"path": str(path), "kind": kind})
    return aside


def _lines(connection: Connection, kind: str, after: int, up_to: int) -> Iterator[tuple[int, bytes]]:
    """(line number, bytes) of the events with a line of that kind, in order, a batch in memory at a time."""
    render = _RENDER[kind]
    while True:
        # The log names no agent, and to look them up is half of what a line costs.
        window = {"after": after, "up_to": up_to, "most": BATCH_LINES, "with_agents": kind == "dataset"}
        rows = connection.execute(statement("select_events_to_publish"), window).mappings().all()
        if not rows:
            return
        for row in rows:
            if row["kind"] == "outcome" and row["exit_time"] is None:
                raise ScorekeeperError(f"line {row['line_no']} tells of the exit of {row['trade_id']}, which has none")
            if (line := render(row)) is not None:
                yield row["line_no"], line.encode() + b"\n"
        after = rows[-1]["line_no"]


def _append(db: Database, path: Path, kind: str) -> int:
    total = 0
    while True:
        lines, more = db.transact(lambda c: _append_batch(c, path, kind))
        total += lines
        if not more:
            return total


def _append_batch(connection: Connection, path: Path, kind: str) -> tuple[int, bool]:
    """(lines appended, whether there is more): one transaction, committed after the bytes are on the disk."""
    _lock(connection)
    key = {"path": str(path), "kind": kind}
    state = connection.execute(statement("select_publication"), key).one()
    last = connection.execute(statement("select_last_line")).scalar_one()
    up_to = min(last, state.published_line_no + BATCH_LINES)
    content = [line for _, line in _lines(connection, kind, state.published_line_no, up_to)]
    try:
        make_folder(path.parent)
        if not state.committed_bytes:
            make_file(path)  # not opened to append: a recorder's lines may be in it, and are written over
        with path.open("r+b") as file:
            _check_tail(file, path, state.committed_bytes, state.tail_sha256)
            # Over what a recorder wrote, or a run that died before it could say so: the very same, as far as it goes,
            # so that who reads along never sees the file shrink.
            file.seek(state.committed_bytes)
            file.writelines(content)
            file.truncate()
            file.flush()
            os.fsync(file.fileno())
            mark = _mark(file)
    except FileNotFoundError:
        raise ScorekeeperError(f"{path} was removed: put it right with: scorekeeper publish --rebuild") from None
    except OSError as failed:
        raise ScorekeeperError(f"{path} cannot be written: {explain(failed)}") from None
    connection.execute(statement("advance_publication"), {"path": str(path), "line_no": up_to, **mark})
    return len(content), up_to < last


def _check_tail(file: IO[bytes], path: Path, size: int, tail: bytes | None) -> None:
    file.seek(max(0, size - TAIL_BYTES))
    found = file.read(min(size, TAIL_BYTES))
    if size and (len(found) < min(size, TAIL_BYTES) or hashlib.sha256(found).digest() != tail):
        raise ScorekeeperError(
            f"{path} was changed or cut since it was published: put it right with: scorekeeper publish --rebuild"
        )


def _mark(file: IO[bytes]) -> dict[str, Any]:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - TAIL_BYTES))
    return {"bytes": size, "tail": hashlib.sha256(file.read(TAIL_BYTES)).digest()}


def _rewrite(connection: Connection, path: Path, kind: str) -> int:
    _lock(connection)
    connection.execute(statement("select_publication"), {"path": str(path), "kind": kind})
    last = connection.execute(statement("select_last_line")).scalar_one()
    fresh = path.with_name(f".{path.name}.part")
    lines = 0
    try:
        make_folder(path.parent)
        with fresh.open("w+b") as file:
            keep_mode(file.fileno(), path)
            for _, line in _lines(connection, kind, 0, last):
                file.write(line)
                lines += 1
            file.flush()
            os.fsync(file.fileno())
            mark = _mark(file)
        fresh.replace(path)
    except OSError as failed:
        raise ScorekeeperError(f"{path} cannot be written: {explain(failed)}") from None
    connection.execute(statement("advance_publication"), {"path": str(path), "line_no": last, **mark})
    return lines
