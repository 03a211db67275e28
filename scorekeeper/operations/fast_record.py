"""The fast way to record one decision: one SQL statement for its rows, and its lines appended to the published files.

When `record` returns, the rows are safe on the disk. The lines are in the files, where readers see them, but they may
not be on the disk yet, and the publication's watermark is still before them. If the process dies or the lines are lost,
the next publication writes the same bytes again. The caller must publish after the first call, after each second of a
burst, and whenever a file or the line numbers changed: `Recorded` says so.

The publisher's lock is held from the statement until the lines are written. It is given back without waiting for the
answer, which the next call reads. Behind a pooler no session keeps the lock that long: it is taken again for the lines,
which are written only if no other process wrote any in between.

The lines are rendered from the decision while the server works. Only what an agent said beyond its signal is rendered
from the server's answer, because the database stores it in another order.
"""

import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path

import msgspec
import psycopg

from scorekeeper.decisions.columns import COST_COLUMNS, DECISION_COLUMNS, cost_values, decision_values
from scorekeeper.decisions.decision import Decision
from scorekeeper.decisions.symbols import is_certain, spell
from scorekeeper.errors import DatabaseError
from scorekeeper.inbox.store_decisions import keep_reading
from scorekeeper.locations import Location
from scorekeeper.locks import Lock
from scorekeeper.publish.events import render_lines
from scorekeeper.publish.new_lines import FORM, as_event
from scorekeeper.publish.target import make_absolute
from scorekeeper.store.connections import is_pooled
from scorekeeper.store.database import Database
from scorekeeper.store.direct import Direct
from scorekeeper.store.forks import reset_in_children
from scorekeeper.store.sql import statement

AHEAD_SECONDS = 1.0


class Recorded(Enum):
    """What was written."""

    NOTHING = 0  # the decision is already known, its id is another's, or the attempt failed
    ROWS = 1  # in the database; publish to write the lines
    WHOLE = 2  # rows and lines
    LATER = 3  # in the database; a publication within a second writes the lines, or `close`


@dataclass
class _End:
    """Where the last line of a published file ends."""

    path: Path
    descriptor: int
    inode: tuple[int, int]
    size: int

    def is_unchanged(self) -> bool:
        """Whether the path still leads to the same file, and the file has the same length."""
        found = self.path.stat()
        return (found.st_dev, found.st_ino) == self.inode and found.st_size == self.size

    def write(self, line: bytes) -> None:
        written = os.pwrite(self.descriptor, line, self.size)
        if written < len(line):
            raise OSError(f"{self.path} took {written} of {len(line)} bytes")
        self.size += written


class FastRecorder:
    """Keeps one connection from the first decision until `close`. Threads take turns.

    After a fork, the child opens its own connection, and it must publish before it may append lines.
    """

    def __init__(self, db: Database, *, log_path: Location, dataset_path: Location) -> None:
        self._db = db
        self._paths = make_absolute(log_path), make_absolute(dataset_path)
        self._publish_at = 0.0
        self._waits = False
        self._turn = threading.Lock()
        self._server: Direct | None = None
        self._ends: list[_End] = []
        self._reading: int | None = None  # id of the reading rules that are stored
        self._line_no = 0  # of the last line in the files; valid only while `_ends` is not empty
        self._ahead_until = 0.0
        reset_in_children(self)

    def reset_in_child(self) -> None:
        """In the child of a fork: the connection is the parent's, and a thread of the parent's may hold the lock."""
        self._turn = threading.Lock()
        self._server = None
        self._forget()

    def record(self, decision: Decision, *, source_name: str, received_at: datetime, fee_bps: float) -> Recorded:
        """Store the decision if it is new, and append its lines if the files are as the last publication left them."""
        given = {
            **dict(zip(DECISION_COLUMNS, decision_values(decision), strict=True)),
            **dict(zip(COST_COLUMNS, cost_values(decision.costs), strict=True)),
            "symbol": decision.symbol, "exit_side": decision.exit_side, "given_id": decision.given_id,
            "closes": None if decision.closes is None else list(decision.closes),
            "signals": msgspec.json.encode(decision.signals).decode(),
            "spelled": None if is_certain(decision.raw_symbol) else spell(decision.raw_symbol),
            "source_name": source_name, "received_at": received_at, "fee_bps": fee_bps, "lock": Lock.PUBLISH,
        }  # fmt: skip
        renders = not any(one.extra for one in decision.signals)
        with self._turn:
            if self._ends and time.monotonic() > self._ahead_until:
                self._forget()
            try:
                if self._reading != decision.reading.id:
                    with self._db.begin() as connection:
                        keep_reading(connection, decision.reading)
                    self._reading = decision.reading.id
                server = self._connect()
                keeps, numbers = not is_pooled(server.connection), bool(self._ends)
                given |= {"number": numbers, "keeps": keeps, "with_agents": numbers and not renders}
                server.send("operations/record_decision", given)
                lines: Sequence[bytes] = ()
                try:
                    if numbers and renders:
                        lines = render_lines(as_event(decision, received_at))
                finally:
                    row = server.fetch()
                if row is None:
                    return Recorded.NOTHING
                line_no, form, symbol, agents = row
                if line_no is None:
                    self._forget()
                    self._waits = time.monotonic() < self._publish_at
                    return Recorded.LATER if self._waits else Recorded.ROWS
                if not lines or symbol != decision.symbol:
                    meant = msgspec.structs.replace(decision, symbol=symbol)
                    lines = render_lines(as_event(meant, received_at, agents))
                if form != FORM:
                    self._forget()
                written = self._write(int(line_no), lines) if keeps else self._write_locked(int(line_no), lines)
                if keeps:
                    server.send("operations/unlock_publisher", {"lock": Lock.PUBLISH})
            except (psycopg.Error, DatabaseError):
                # Closing the connection gives up its locks. If the rows were stored, the next attempt finds them.
                self._disconnect()
                return Recorded.NOTHING
            except BaseException:
                self._disconnect()
                raise
            return Recorded.WHOLE if written else Recorded.ROWS

    def follow(self) -> None:
        """Call after a publication: later lines are appended where it ended."""
        files = [path for path in self._paths if isinstance(path, Path)]
        with self._turn:
            self._forget()
            if len(files) < len(self._paths):
                # Nothing can be appended in an object store: each publication makes new objects.
                self._publish_at, self._waits = time.monotonic() + AHEAD_SECONDS, False
                return
            paths = {"paths": [str(path) for path in self._paths]}
            rows = self._db.transact(lambda c: c.execute(statement("operations/select_publication_ends"), paths).all())
            published = {row.path: row for row in rows}
            numbers = {row.published_line_no for row in rows}
            if len(published) < len(self._paths) or len(numbers) != 1:
                return
            (self._line_no,) = numbers
            self._ahead_until = time.monotonic() + AHEAD_SECONDS
            try:
                for path in files:
                    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
                    found = os.fstat(descriptor)
                    size = published[str(path)].committed_bytes
                    self._ends.append(_End(path, descriptor, (found.st_dev, found.st_ino), size))
            except OSError:
                self._forget()

    @property
    def is_ahead(self) -> bool:
        """Whether lines are to be published that follow the publication's watermark."""
        return bool(self._ends) or self._waits

    def close(self) -> None:
        """Close the files and the connection. A later `record` opens them again."""
        with self._turn:
            self._forget()
            self._disconnect()

    def _write(self, line_no: int, lines: Sequence[bytes]) -> bool:
        """Append the lines of an event, under the publisher's lock, if the files end with the line before it."""
        try:
            if self._ends and line_no == self._line_no + 1 and all(end.is_unchanged() for end in self._ends):
                for end, line in zip(self._ends, lines, strict=True):
                    end.write(line)
                self._line_no += 1
                return True
        except OSError:
            pass  # the publication that follows reports the error
        self._forget()
        return False

    def _write_locked(self, line_no: int, lines: Sequence[bytes]) -> bool:
        """`_write` in a transaction that holds the publisher's lock, if no process publishes."""
        server = self._connect()
        with server.connection.transaction():
            locked = server.execute("operations/lock_publisher", {"lock": Lock.PUBLISH})
            if locked == ("t",):
                return self._write(line_no, lines)
        self._forget()
        return False

    def _connect(self) -> Direct:
        if self._server is None:
            # Does not wait for a server that does not answer: the caller's slower way does that.
            connection = self._db.open_driver(wait=False)
            connection.autocommit = True
            self._server = Direct(connection, self._db.system)
            if not is_pooled(connection):
                # An INSERT has the same plan for all values.
                connection.execute("SET plan_cache_mode TO force_generic_plan")
        return self._server

    def _forget(self) -> None:
        ends, self._ends = self._ends, []  # in this order: a child forked in between must not close them a second time
        for end in ends:
            os.close(end.descriptor)

    def _disconnect(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
