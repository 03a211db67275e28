"""Publishes the dataset in Parquet, for analysts: the rows of the JSONL, in a folder for each month, exactly once.

A row belongs to the UTC month in which its decision was made, so that all rows of a trade lie together. A month's files
are full, except for the last one: a publication replaces it by one with more rows. Whoever lists the files therefore
finds each row once at any time. A process that dies in between leaves files that the next publication recognises by
their rows.
"""

import hashlib
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from itertools import count, groupby, islice
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Connection

from scorekeeper.errors import ScorekeeperError, explain
from scorekeeper.locations import Location, PathOrAddress
from scorekeeper.publish import parquet_rows
from scorekeeper.publish.events import BATCH_LINES, lock_publisher, number_events, read_events
from scorekeeper.publish.lines import dataset_record
from scorekeeper.publish.outputs import has_output, list_outputs, move_output, read_output, replace_output
from scorekeeper.publish.set_aside import AHEAD, EDITED
from scorekeeper.store.database import Database
from scorekeeper.store.sql import statement

PART_ROWS = 100_000
LINES_AT_ONCE = 50_000  # of one transaction
SUFFIX = ".parquet"
REPAIR = "repair it with: scorekeeper publish --parquet --rebuild"
_FOREIGN = "before-scorekeeper"


@dataclass(frozen=True)
class Part:
    """A file of the dataset: what select_dataset_parts says of it."""

    month: date
    part_no: int
    row_count: int
    first_line_no: int
    last_line_no: int
    size_bytes: int
    sha256: bytes

    @property
    def name(self) -> str:
        """Its name, relative to the folder of the dataset.

        >>> Part(date(2025, 5, 1), 2, 1, 1, 1, 1, b"").name
        'month=2025-05/part-00002.parquet'
        """
        return f"month={self.month:%Y-%m}/part-{self.part_no:05}{SUFFIX}"


@dataclass
class ParquetPublished:
    """How many rows and files a publication wrote, and the new paths of files that it set aside."""

    rows: int = 0
    files: int = 0
    set_aside: list[PathOrAddress] = field(default_factory=list)

    def add(self, other: "ParquetPublished") -> None:
        self.rows += other.rows
        self.files += other.files
        self.set_aside += other.set_aside

    def explain(self) -> list[str]:
        """What was set aside, one sentence per file."""
        return [f"{one} holds rows that the database does not know, or that were changed" for one in self.set_aside]


def publish_parquet(db: Database, folder: Location) -> ParquetPublished:
    """Add new rows. Raises ScorekeeperError if a file was changed or removed since the last publication."""
    db.transact(number_events)
    try:
        done = db.transact(partial(_claim, folder=folder))
        while (batch := db.transact(partial(_publish_batch, folder=folder))) is not None:
            done.add(batch)
        done.add(db.transact(partial(_check_files, folder=folder)))
    except OSError as exc:
        raise ScorekeeperError(f"{folder} cannot be written: {explain(exc)}") from None
    return done


def rebuild_parquet(db: Database, folder: Location) -> ParquetPublished:
    """Write all files again and put each in its place. A file with other rows is kept beside the folder."""
    db.transact(number_events)
    try:
        done = db.transact(partial(_claim, folder=folder))
        done.add(db.transact(partial(_rebuild, folder=folder)))
    except OSError as exc:
        raise ScorekeeperError(f"{folder} cannot be written: {explain(exc)}") from None
    return done


def read_rows(connection: Connection, after: int, up_to: int) -> Iterator[dict[str, Any]]:
    """Yields the dataset's rows of these lines, in order."""
    for event in read_events(connection, after, up_to, with_agents=True):
        if (record := dataset_record(event)) is not None:
            yield parquet_rows.flatten(event["line_no"], record)


def lock_parts(connection: Connection, folder: Location) -> tuple[int, dict[str, Part]]:
    """The watermark of a folder, whose only publisher this is until the transaction ends, and its files by name."""
    key = {"path": str(folder), "kind": "parquet"}
    state = connection.execute(statement("publish/select_publication"), key).one()
    return state.published_line_no, read_parts(connection, folder)


def read_parts(connection: Connection, folder: Location) -> dict[str, Part]:
    """The files of a folder by name, in order of month and number."""
    rows = connection.execute(statement("publish/select_dataset_parts"), {"path": str(folder)})
    parts = [Part(**{**row, "sha256": bytes(row["sha256"])}) for row in rows.mappings()]
    return {part.name: part for part in parts}


def _claim(connection: Connection, folder: Location) -> ParquetPublished:
    """Store that this database publishes to the folder, before the first file. Sets another writer's files aside."""
    done = ParquetPublished()
    lock_publisher(connection)  # a prune may be deleting decisions, until it finds this folder published
    is_ours = connection.execute(statement("publish/select_is_published"), {"path": str(folder)}).scalar()
    lock_parts(connection, folder)
    if not is_ours:
        _advance(connection, folder, 0)  # not after deleted decisions: older lines may be of some that are there
        _set_unknown_aside(folder, {}, _FOREIGN, done)
    return done


def _publish_batch(connection: Connection, folder: Location) -> ParquetPublished | None:
    """One transaction, committed after the files are on the disk. None: there was nothing to publish."""
    done = ParquetPublished()
    published, parts = lock_parts(connection, folder)
    last = connection.execute(statement("publish/select_last_line")).scalar_one()
    if published == last:
        return None
    up_to = min(last, published + LINES_AT_ONCE)
    writer = _Writer(connection, folder, {part.month: part for part in parts.values()}, done)
    for part, content, table in writer.extend(read_rows(connection, published, up_to)):
        known = parts.get(part.name)
        found = read_output(folder / part.name)
        if found is not None and (known is None or hashlib.sha256(found).digest() != known.sha256):
            _keep_foreign(folder, part.name, found, table, AHEAD, done)
        replace_output(folder / part.name, content)
        _store(connection, folder, part)
    _advance(connection, folder, up_to)
    return done


def _rebuild(connection: Connection, folder: Location) -> ParquetPublished:
    done = ParquetPublished()
    _, old = lock_parts(connection, folder)
    last = connection.execute(statement("publish/select_last_line")).scalar_one()
    connection.execute(statement("publish/forget_dataset_parts"), {"path": str(folder)})
    with tempfile.TemporaryDirectory(prefix="scorekeeper-") as made:
        drafts = Path(made)
        parts: dict[str, Part] = {}
        for after in range(0, last, LINES_AT_ONCE):
            writer = _Writer(connection, drafts, {part.month: part for part in parts.values()}, done)
            rows = read_rows(connection, after, min(last, after + LINES_AT_ONCE))
            for part, content, _ in writer.extend(rows):
                replace_output(drafts / part.name, content)
                parts[part.name] = part
        for part in parts.values():
            content = (drafts / part.name).read_bytes()
            found = read_output(folder / part.name)
            if found is not None and found != content:
                word = EDITED if part.name in old else AHEAD
                _keep_foreign(folder, part.name, found, parquet_rows.read_table(content), word, done)
            if found != content:
                replace_output(folder / part.name, content)
            _store(connection, folder, part)
    _advance(connection, folder, last)
    done.files = len(parts)
    _set_unknown_aside(folder, parts, EDITED, done)
    return done


class _Writer:
    """Adds rows to the last files of their months; `last`: these, by month."""

    def __init__(
        self, connection: Connection, folder: Location, last: Mapping[date, Part], done: ParquetPublished
    ) -> None:
        self._connection, self._folder, self._last, self._done = connection, folder, last, done

    def extend(self, rows: Iterator[dict[str, Any]]) -> Iterator[tuple[Part, bytes, Any]]:
        """Yields each file that changes, as (part, content, table)."""
        months: defaultdict[date, list[Any]] = defaultdict(list)
        while some := list(islice(rows, BATCH_LINES)):  # as a table they take a tenth of the memory
            self._done.rows += len(some)
            for month, one in groupby(sorted(some, key=parquet_rows.month_of), parquet_rows.month_of):
                months[month].append(parquet_rows.make_table(list(one)))
        for month, tables in sorted(months.items()):
            yield from self._extend_month(month, tables)

    def _extend_month(self, month: date, tables: list[Any]) -> Iterator[tuple[Part, bytes, Any]]:
        last, number = self._last.get(month), 1
        if last is not None:
            number = last.part_no
            if last.row_count < PART_ROWS:
                tables = [self._load(last), *tables]
            else:
                number += 1
        table = parquet_rows.join(tables)
        for start in range(0, len(table), PART_ROWS):
            one = table.slice(start, PART_ROWS)
            content = parquet_rows.write_table(parquet_rows.join([one]))
            lines = one["line_no"]
            self._done.files += 1
            yield (
                Part(month, number + start // PART_ROWS, len(one), lines[0].as_py(), lines[-1].as_py(), len(content),
                     hashlib.sha256(content).digest()),
                content, one,
            )  # fmt: skip

    def _load(self, part: Part) -> Any:
        """The rows of a file as it was published. Raises ScorekeeperError if they are not in it any more."""
        content = read_output(self._folder / part.name)
        if content is None:
            raise ScorekeeperError(f"{self._folder / part.name} was removed: {REPAIR}")
        found = parquet_rows.read_table(content)
        if hashlib.sha256(content).digest() == part.sha256:
            if found is None:
                raise ScorekeeperError(f"{self._folder / part.name} has columns of another release: {REPAIR}")
            return found
        # A process has added rows and died before its COMMIT, or the database was restored from a backup.
        rows = read_rows(self._connection, part.first_line_no - 1, part.last_line_no)
        known = parquet_rows.make_table([row for row in rows if parquet_rows.month_of(row) == part.month])
        if found is None or not parquet_rows.begins_with(found, known):
            raise ScorekeeperError(f"{self._folder / part.name} was changed since it was published: {REPAIR}")
        return known


def _check_files(connection: Connection, folder: Location) -> ParquetPublished:
    """Set files aside that the database does not know; raise ScorekeeperError if one that it knows was removed."""
    done = ParquetPublished()
    _, parts = lock_parts(connection, folder)
    _set_unknown_aside(folder, parts, AHEAD, done)
    if missing := sorted(set(parts) - set(list_outputs(folder, SUFFIX))):
        raise ScorekeeperError(f"{folder / missing[0]} was removed: {REPAIR}")
    return done


def _set_unknown_aside(folder: Location, parts: Mapping[str, Part], word: str, done: ParquetPublished) -> None:
    for name in list_outputs(folder, SUFFIX):
        if name not in parts:
            _set_aside(folder, name, word, done)


def _keep_foreign(folder: Location, name: str, found: bytes, table: Any, word: str, done: ParquetPublished) -> None:
    """Set a file aside, before another takes its place, unless all of its rows are the first of that one."""
    old = parquet_rows.read_table(found)
    if old is None or not parquet_rows.begins_with(table, old):
        _set_aside(folder, name, word, done)


def _set_aside(folder: Location, name: str, word: str, done: ParquetPublished) -> None:
    """Move a file out of the folder, where a reader of all files would count its rows."""
    places = (folder.parent / f"{folder.name}.{word}-{number}" / name for number in count(1))
    place = next(place for place in places if not has_output(place))
    move_output(folder / name, place)
    done.set_aside.append(cast(PathOrAddress, place))


def _store(connection: Connection, folder: Location, part: Part) -> None:
    connection.execute(statement("publish/store_dataset_part"), {"path": str(folder), **vars(part)})


def _advance(connection: Connection, folder: Location, line_no: int) -> None:
    mark = {"path": str(folder), "line_no": line_no, "bytes": 0, "tail": None}
    connection.execute(statement("publish/advance_publication"), mark)
