"""Decisions recorded one at a time: one statement for the rows, and the lines written at the ends of the files.

The rows are on the disk when `record` returns. The lines are in the files, for whoever reads them, but not yet on the
disk, and the watermark of the publication stands before them: should they be lost, or the process die in between, the
next publication writes them again, the very same. One is asked for at the first call, after every second of a burst,
and whenever a file or the numbers of the lines are not as they were left.
"""

import os
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec
import psycopg
from psycopg.rows import dict_row

from scorekeeper.decisions.decision import Decision
from scorekeeper.decisions.symbols import is_certain, spell
from scorekeeper.errors import DatabaseError
from scorekeeper.inbox.store_decisions import extra_json, keep_reading, notes_json
from scorekeeper.locks import Lock
from scorekeeper.publish.publish import render_lines
from scorekeeper.store.database import Database
from scorekeeper.store.forks import reset_in_children
from scorekeeper.store.sql import statement

AHEAD_SECONDS = 1.0


class Recorded(Enum):
    """How far a decision has come: nowhere (it is known, or it failed), into the database, or into the files too."""

    NOT = 0
    ROWS = 1
    LINES = 2


@dataclass
class _End:
    """Where the last line of a published file ends."""

    path: Path
    descriptor: int
    inode: tuple[int, int]
    size: int

    def stands(self) -> bool:
        """Whether the file is the one that it was, and as long."""
        found = self.path.stat()
        return (found.st_dev, found.st_ino) == self.inode and found.st_size == self.size

    def write(self, line: bytes) -> None:
        written = os.pwrite(self.descriptor, line, self.size)
        if written < len(line):
            raise OSError(f"{self.path} took {written} of {len(line)} bytes")
        self.size += written


class Recorder:
    """Has a connection to itself from the first decision until `close`; threads wait for each other.

    A child of a fork gets one of its own, and knows nothing of the ends of files that its parent writes at.
    """

    def __init__(self, db: Database, *, log_path: Path, dataset_path: Path) -> None:
        self._db = db
        self._paths = log_path.absolute(), dataset_path.absolute()
        self._turn = threading.Lock()
        self._connection: psycopg.Connection[Any] | None = None
        self._sql: dict[str, str] = {}
        self._ends: list[_End] = []
        self._reading: int | None = None  # the rules that are known to the database
        self._line_no = 0  # the last one in the files; it counts only while there are ends
        self._ahead_until = 0.0
        reset_in_children(self)

    def reset_in_child(self) -> None:
        """In the child of a fork: the connection is the parent's, and a thread of the parent's may hold the lock."""
        self._turn = threading.Lock()
        self._connection = None
        self._forget()

    def record(self, decision: Decision, *, source_name: str, received_at: datetime, fee_bps: float) -> Recorded:
        """Record it if it is new, and write its lines if nothing stands in the way."""
        given = {
            **{name: getattr(decision, name) for name in _COLUMNS},
            "closes": None if decision.closes is None else list(decision.closes),
            "extra": extra_json(decision.extra), "notes": notes_json(decision.notes), "reading_id": decision.reading.id,
            "signals": msgspec.json.encode(decision.signals).decode(),
            "spelled": None if is_certain(decision.raw_symbol) else spell(decision.raw_symbol),
            "source_name": source_name, "received_at": received_at, "fee_bps": fee_bps, "lock": Lock.PUBLISH,
        }  # fmt: skip
        with self._turn:
            if self._ends and time.monotonic() > self._ahead_until:
                self._forget()
            try:
                if self._reading != decision.reading.id:
                    with self._db.begin() as connection:
                        keep_reading(connection, decision.reading)
                    self._reading = decision.reading.id
                row = self._execute("operations/record_decision", {**given, "number": bool(self._ends)})
                if row is None:
                    return Recorded.NOT
                if row["line_no"] is None:
                    self._forget()
                    return Recorded.ROWS
                written = self._write(row)
                self._execute("operations/unlock_publisher", {"lock": Lock.PUBLISH})
            except (psycopg.Error, DatabaseError):
                # A connection that is closed holds no lock. Whether the rows came in, the next try will meet.
                self._disconnect()
                return Recorded.NOT
            except BaseException:
                self._disconnect()
                raise
            return Recorded.LINES if written else Recorded.ROWS

    def follow(self) -> None:
        """A publication has just been made: write at the ends of its files from now on."""
        with self._turn:
            self._forget()
            paths = {"paths": [str(path) for path in self._paths]}
            rows = self._db.transact(lambda c: c.execute(statement("operations/select_publication_ends"), paths).all())
            published = {row.path: row for row in rows}
            numbers = {row.published_line_no for row in rows}
            if len(published) < len(self._paths) or len(numbers) != 1:
                return
            (self._line_no,) = numbers
            self._ahead_until = time.monotonic() + AHEAD_SECONDS
            try:
                for path in self._paths:
                    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
                    found = os.fstat(descriptor)
                    size = published[str(path)].committed_bytes
                    self._ends.append(_End(path, descriptor, (found.st_dev, found.st_ino), size))
            except OSError:
                self._forget()

    @property
    def is_ahead(self) -> bool:
        """Whether lines may have been written that a publication has yet to stand for."""
        return bool(self._ends)

    def close(self) -> None:
        """Give everything back; it may be used again."""
        with self._turn:
            self._forget()
            self._disconnect()

    def _write(self, row: Mapping[str, Any]) -> bool:
        """Under the publisher's lock: write the lines of a row if the files end where the line before it does."""
        try:
            if row["line_no"] == self._line_no + 1 and all(end.stands() for end in self._ends):
                for end, line in zip(self._ends, render_lines(row), strict=True):
                    end.write(line)
                self._line_no += 1
                return True
        except OSError:
            pass  # the publication that is asked for says what is wrong
        self._forget()
        return False

    def _execute(self, name: str, given: Mapping[str, Any]) -> dict[str, Any] | None:
        """The one row of a statement, committed; without what SQLAlchemy does for each, which takes as long again."""
        if self._connection is None:
            self._connection = self._db.open_driver(wait=False)  # the long way waits for a server that is away
            self._connection.autocommit = True
            # The plan of an insert is the same for all values.
            self._connection.execute("SET plan_cache_mode TO force_generic_plan")
        if name not in self._sql:
            self._sql[name] = str(statement(name).compile(dialect=self._db.engine.dialect))
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(self._sql[name], given, prepare=True).fetchone()

    def _forget(self) -> None:
        ends, self._ends = self._ends, []  # in this order: a child that is forked in between closes none of them again
        for end in ends:
            os.close(end.descriptor)

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


_COLUMNS: Sequence[str] = (
    "trade_id", "content_sha256", "symbol", "raw_symbol", "bar_interval", "action", "direction", "price", "confidence",
    "opened_at", "expires_at", "version", "reason", "stop_loss", "take_profit", "trailing_stop_pct", "position_size",
    "understood", "exit_side", "given_id",
)  # fmt: skip
