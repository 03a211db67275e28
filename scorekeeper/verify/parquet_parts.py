"""The published dataset in Parquet, compared with the rows that the database renders."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, text

from scorekeeper.errors import DatabaseError, ScorekeeperError
from scorekeeper.locations import Location
from scorekeeper.publish import parquet_rows
from scorekeeper.publish.events import BATCH_LINES
from scorekeeper.publish.outputs import list_outputs, read_output
from scorekeeper.publish.parquet import REPAIR, SUFFIX, Part, read_parts, read_rows
from scorekeeper.store.database import Database
from scorekeeper.store.sql import statement


def check_parquet(snapshot: Connection, db: Database, folder: Location) -> list[str]:
    """One line per difference. A folder that was never published is no difference.

    The rows that the snapshot knows must be the first of the files. What was added since is compared by its hash.
    """
    key = {"path": str(folder)}
    query = "SELECT published_line_no FROM scorekeeper.publication WHERE path = :path"
    known = snapshot.execute(text(query), key).scalar()
    if known is None:
        return []
    parts = read_parts(snapshot, folder)
    try:
        differences = _check_names(db, folder)
        differences += _Comparison(db, folder, parts).compare(snapshot, known)
    except OSError as exc:
        return [f"{folder}: cannot be read: {exc.strerror}; {REPAIR}"]
    except DatabaseError:
        raise  # it says nothing of the files
    except ScorekeeperError as exc:
        return [str(exc)]
    return differences


def _check_names(db: Database, folder: Location) -> list[str]:
    with db.begin() as connection:
        if (parts := _lock_parts(connection, folder)) is None:
            return []
        names = list_outputs(folder, SUFFIX)
    found = [f"{folder / name}: the database does not know it; {REPAIR}" for name in names if name not in parts]
    return found + [f"{folder / name}: was removed; {REPAIR}" for name in sorted(set(parts) - set(names))]


def _lock_parts(connection: Connection, folder: Location) -> dict[str, Part] | None:
    """The files as they are now, while none is published; None if the folder is not published any more."""
    found = connection.execute(statement("publish/lock_publication"), {"path": str(folder)}).one_or_none()
    return None if found is None else read_parts(connection, folder)


class _Comparison:
    """Reads each file once, when its first row is needed, and forgets it after its last."""

    def __init__(self, db: Database, folder: Location, parts: dict[str, Part]) -> None:
        self._db, self._folder = db, folder
        self._waiting: defaultdict[date, list[Part]] = defaultdict(list)
        for part in parts.values():
            self._waiting[part.month].append(part)
        self._open: dict[date, Any] = {}
        self._wrong: set[date] = set()
        self._said: list[str] = []

    def compare(self, snapshot: Connection, up_to: int) -> list[str]:
        """A sentence for each month whose files are not as published."""
        for after in range(0, up_to, BATCH_LINES):
            months: defaultdict[date, list[dict[str, Any]]] = defaultdict(list)
            for row in read_rows(snapshot, after, min(up_to, after + BATCH_LINES)):
                months[parquet_rows.month_of(row)].append(row)
            for month, rows in months.items():
                if month not in self._wrong:
                    self._compare_rows(month, rows)
        for month in {*self._waiting, *self._open} - self._wrong:
            if self._waiting[month] or month in self._open:
                self._say(month, f"{self._folder}/month={month:%Y-%m}: holds rows that no line gives; {REPAIR}")
        return self._said

    def _compare_rows(self, month: date, rows: Sequence[dict[str, Any]]) -> None:
        while rows:
            if month not in self._open:
                table = self._read_next(month)
                if table is None:
                    return
                self._open[month] = table
            table = self._open[month]
            some, rows = rows[: len(table)], rows[len(table) :]
            if not parquet_rows.begins_with(table, parquet_rows.make_table(some)):
                line = next(number for number, row in enumerate(some) if not _is_row(table, number, row))
                self._say(month, f"{self._folder}/month={month:%Y-%m}: line {some[line]['line_no']} of the dataset is "
                          f"not as it was published; {REPAIR}")  # fmt: skip
                return
            if len(some) == len(table):
                del self._open[month]
            else:
                self._open[month] = table.slice(len(some))

    def _read_next(self, month: date) -> Any | None:
        """The rows of the month's next file, as the snapshot knows them; None if they are not in it."""
        if not self._waiting[month]:
            self._say(month, f"{self._folder}/month={month:%Y-%m}: lacks rows that are published; {REPAIR}")
            return None
        part = self._waiting[month].pop(0)
        content = read_output(self._folder / part.name)
        if content is None:
            self._wrong.add(month)  # _check_names has said it
            return None
        if hashlib.sha256(content).digest() != part.sha256 and not self._is_published(part):
            self._say(month, f"{self._folder / part.name}: is not as it was published; {REPAIR}")
            return None
        table = parquet_rows.read_table(content)
        if table is None:
            self._say(month, f"{self._folder / part.name}: has columns of another release; {REPAIR}")
            return None
        return table.slice(0, part.row_count)

    def _is_published(self, part: Part) -> bool:
        """Whether a file that has changed since the snapshot is as a later publication left it."""
        with self._db.begin() as connection:
            parts = _lock_parts(connection, self._folder)
            if parts is None:
                return True  # lines were renewed meanwhile, and the next publication writes all files again
            content, now = read_output(self._folder / part.name), parts.get(part.name)
            return now is not None and content is not None and hashlib.sha256(content).digest() == now.sha256

    def _say(self, month: date, words: str) -> None:
        self._wrong.add(month)
        self._said.append(words)


def _is_row(table: Any, number: int, row: dict[str, Any]) -> bool:
    return bool(table.slice(number, 1).equals(parquet_rows.make_table([row])))

