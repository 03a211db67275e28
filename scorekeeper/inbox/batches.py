"""Batches of what was read from files: one is written while the next one is read.

Files are moved once their batch is committed. Where a move is short, the reading thread moves them while the decisions
of the next batch are written, whose transaction notes it. So the writing thread, which waits for Postgres most of the
time, has nothing else to do. Where each move waits long, or a file goes to quarantine, the writing thread moves it.
Killed in between, a run leaves moves that the next one finishes.
"""

import gc
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection

from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox.arrival_activity import count_arrivals
from scorekeeper.inbox.file_ledger import note_outcomes, note_progress, write
from scorekeeper.inbox.file_progress import Counts, FileProgress
from scorekeeper.inbox.places import found_file
from scorekeeper.inbox.places.base import Place, SourceFile
from scorekeeper.inbox.store_decisions import record_rows
from scorekeeper.inbox.summary import Tally
from scorekeeper.store.sql import statement
from scorekeeper.threads import each_in_order

# How long the reading thread keeps the interpreter while the writing thread asks for it. The writing thread needs it
# briefly between two waits for Postgres. At Python's own 5 ms a batch is not written before the next one is read.
SWITCH_SECONDS = 0.0002
# How many new objects make Python look for cycles, and how rarely it looks among older ones. Decisions form no cycles.
# At Python's own 700, the search took a tenth of the time, and went through everything that Prefect has loaded.
RARELY = (50_000, 20, 100)


@dataclass
class Left:
    """The files that stay in the inbox for now, by name: `waiting` may still grow; `held` are open in a writer.

    `trouble`: a line for each that could not be moved.
    """

    waiting: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)


@dataclass
class Written:
    """What a batch came to. `files`: how many of its files are read to their end.

    `to_move`: those of them that are still to be moved; `left`: what became of the others.
    """

    tally: Tally
    files: int
    to_move: list[FileProgress]
    left: Left


class Writer:
    """Writes batches over one connection, each in one transaction; then the files that are read to their end move.

    It writes one batch at a time, in a thread of its own. Meanwhile nothing else may use the connection. Leaving the
    context waits for the batch and for the moves, so that a run that is told to stop stops between two batches.

    `at`: the time of the run, as it was when time.monotonic() was `began`. `received_at`: when its decisions arrived;
    None: each arrived when it was made. `fee_bps`: the fee of a trade's side in basis points.
    """

    def __init__(
        self,
        connection: Connection,
        place: Place,
        counts: Counts,
        *,
        at: datetime,
        began: float,
        received_at: datetime | None,
        fee_bps: float,
    ) -> None:
        self._connection, self._place, self._counts = connection, place, counts
        self._at, self._began, self._received_at, self._fee_bps = at, began, received_at, fee_bps
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="scorekeeper-writer")
        self._writing: Future[Written] | None = None
        self._moving = threading.Event()  # set: the files of the batch before the one that is written have moved
        self._to_move: deque[FileProgress] = deque()  # their batch is committed
        self._moved: list[dict[str, Any]] = []  # what to note of files that have moved
        self._now = 0.0, at  # after how many steps, and the time then

    def __enter__(self) -> Self:
        self._before = sys.getswitchinterval(), gc.get_threshold()
        sys.setswitchinterval(SWITCH_SECONDS)
        gc.set_threshold(*RARELY)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._end()
        except KeyboardInterrupt:
            self._end()  # a second request waits too: the thread uses the connection
            raise
        finally:
            interval, threshold = self._before
            sys.setswitchinterval(interval)
            gc.set_threshold(*threshold)

    def _end(self) -> None:
        """Wait for the thread. Of a run that is told to stop, move what is committed; the next run would do it too."""
        self._moving.set()  # a request to stop may have come just before `begin` set it
        self._thread.shutdown()
        with suppress(Exception):  # another error is on its way, or nothing is left to do
            self.wait()
            self.move_stored()
            self.note_moved()

    def begin(self, files: Sequence[FileProgress]) -> Left:
        """Begin to write a batch, and move the files of the one before, for which `wait` has been called."""
        self._moving = moved = threading.Event()
        try:
            self._writing = self._thread.submit(self._write, files, moved)
            return self.move_stored()
        finally:
            moved.set()  # the thread waits for it, whatever happened here

    def wait(self) -> Written | None:
        """The result of the last batch; None if it was returned before. Raises what the batch raised."""
        writing, self._writing = self._writing, None
        if writing is None:
            return None
        written = writing.result()
        self._to_move.extend(written.to_move)
        return written

    def now(self) -> datetime:
        """The time of the run, and what has passed since. It moves in steps in which no file settles."""
        steps = (time.monotonic() - self._began) // found_file.SETTLED_SECONDS
        step, now = self._now
        if steps != step:
            now = self._at + timedelta(seconds=steps * found_file.SETTLED_SECONDS)
            self._now = steps, now
        return now

    def is_settled(self, source: SourceFile) -> bool:
        """Whether the writer of a file is done with it: nothing was written lately, and it is not known to be open."""
        if not self._place.moves_files:
            return True
        return source.is_settled(self.now().timestamp()) and not self._place.has_writer(source.address)

    def stays(self, source: SourceFile) -> bool:
        """Whether a file that has been read stays in the inbox for now: it is open in a writer, or may get more lines.

        Lines that are written to a file after it was moved come in late.
        """
        if self._place.has_writer(source.address):
            return True
        return source.format.streams and not source.is_settled(self.now().timestamp())

    def move_stored(self) -> Left:
        """Move the files of the batch that was waited for."""
        left = Left()
        while self._to_move:
            for source, address in self._sort_out([self._to_move.popleft()], left):
                done = self._move((source, address, None))
                if isinstance(done, str):
                    left.trouble.append(done)
                else:
                    self._moved.append(done)
        return left

    def note_moved(self) -> None:
        """Note which files were moved, unless a batch has noted it. No batch is being written."""
        if self._moved:
            with self._connection.begin():
                self._write_moved()

    def _write_moved(self) -> None:
        moved, self._moved = self._moved, []
        write(self._connection, "inbox/mark_arrivals_moved", moved)

    def _sort_out(self, files: Sequence[FileProgress], left: Left) -> list[tuple[SourceFile, str]]:
        """The files that can be moved, and where to. `left` gets the names of the others."""
        to_move = []
        for file in files:
            source = file.content
            if self.stays(source):
                held = self._place.has_writer(file.source.address)
                (left.held if held else left.waiting).append(file.source.name)
            elif file.destination is not None:
                to_move.append((source, file.destination))
        return to_move

    def move(self, files: Sequence[tuple[SourceFile, str]]) -> list[str]:
        """Move files to their addresses and note that; a line for each that cannot be moved."""
        explained = (
            (source, address, self._explain(source) if self._place.is_quarantined(address) else None)
            for source, address in files
        )
        moved, trouble = [], []
        for done in each_in_order(self._move, explained, self._place.at_once):
            if isinstance(done, str):
                trouble.append(done)
            else:
                moved.append(done)
        with self._connection.begin():
            write(self._connection, "inbox/mark_arrivals_moved", moved)
        return trouble

    def _move(self, given: tuple[SourceFile, str, dict[str, Any] | None]) -> dict[str, Any] | str:
        """Move a file, with its error file if it has refusals; what to note of it, or why it cannot be moved."""
        source, address, refusals = given
        try:
            report = None if refusals is None else self._place.write_error_file(address, refusals)
            lies = self._place.move(source, address)
        except ScorekeeperError as exc:
            return str(exc)
        return {"name": source.name, "sha256": source.sha256, "moved_at": self._at, "lies": lies, "report": report}

    def _write(self, files: Sequence[FileProgress], moved: threading.Event) -> Written:
        with self._connection.begin():
            if any(file.grown_from is not None for file in files):
                moved.wait()  # what has left the inbox did not grow there
                self._write_moved()
            note_progress(self._connection, [file for file in files if not file.known], self._at)
            rows = [(d, file.source.sha256, file.source.name, line) for file in files for line, d, _ in file.decisions]
            verdicts = record_rows(self._connection, rows, self._received_at, self._fee_bps) if rows else []
            moved.wait()
            self._write_moved()  # an arrival says how often its content came and was moved before
            tally = note_outcomes(
                self._connection, files, iter(verdicts), at=self._at, counts=self._counts,
                destination=self._destination, in_place=not self._place.moves_files,
            )  # fmt: skip
            count_arrivals(self._connection, files, tally, arrive=self._place.moves_files)
        finished = [file for file in files if file.finished]
        if not self._place.moves_files:
            return Written(tally, len(finished), [], Left())
        here: list[FileProgress] = []
        later: list[FileProgress] = []
        for file in finished:
            (here if self._place.at_once > 1 or file.refused else later).append(file)
        left = Left()
        if here:
            left.trouble = self.move(self._sort_out(here, left))
        return Written(tally, len(finished), later, left)

    def _destination(self, file: FileProgress) -> str:
        name, sha256 = file.source.name, file.content.sha256
        if file.refused:
            return self._place.quarantine_address(name, sha256)
        return self._place.archive_address(name, sha256, self._at)

    def _explain(self, source: SourceFile) -> dict[str, Any]:
        """What the error file of a quarantined file says."""
        rows = self._connection.execute(statement("inbox/select_rejections"), {"sha256": source.sha256}).mappings()
        rejected = [dict(row) for row in rows]
        self._connection.rollback()
        return {"file": source.name, "sha256": source.sha256.hex(), "rejected": rejected}
