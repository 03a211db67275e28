"""Batches of what was read from files, written one after the other while the next one is being read."""

import gc
import sys
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import Connection

from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox import file_names
from scorekeeper.inbox.file_ledger import Counts, FileProgress, Tally, close_parts, open_parts, write
from scorekeeper.inbox.places import local_files, moves
from scorekeeper.inbox.places.leases import has_writer
from scorekeeper.inbox.store_decisions import record_rows
from scorekeeper.settings import Settings
from scorekeeper.store.sql import statement

# How long the reading thread keeps the interpreter while the writing one, which needs it for a moment between two waits
# for Postgres, asks for it. At Python's own 5 ms the writing of a batch begins when the reading of the next one ends.
SWITCH_SECONDS = 0.0002
# How many objects more there are before Python looks for cycles among them, and how rarely among older ones. Decisions
# form none; at its own 700, looking took a tenth of all time, and finds everything that Prefect has loaded besides.
RARELY = (50_000, 20, 100)


@dataclass
class Written:
    """What a batch came to; `files`: how many of its files are read whole; `waiting`: names of files that may grow yet;
    `held`: of those that somebody has open; `trouble`: what could not be moved.
    """

    tally: Tally
    files: int = 0
    waiting: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)


class Writer:
    """Writes batches over one connection, each one transaction, and then moves the files that are read whole.

    One batch at a time, in a thread of its own: while one is written, nobody else may use the connection. Leaving the
    context waits for it, so that a run that is told to stop stops between two batches.

    `at`: the time of the run, as it was at `began` (of time.monotonic). `in_place`: files stay where they are;
    `received_at`: what the decisions are given, None for the time that each was decided.
    """

    def __init__(
        self,
        connection: Connection,
        settings: Settings,
        counts: Counts,
        *,
        at: datetime,
        began: float,
        received_at: datetime | None,
        in_place: bool,
    ) -> None:
        self._connection, self._settings, self._counts = connection, settings, counts
        self._at, self._began, self._received_at, self._in_place = at, began, received_at, in_place
        self._archive = moves.archive_folder(settings.archive_dir, at)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="scorekeeper-writer")
        self._writing: Future[Written] | None = None

    def __enter__(self) -> Self:
        self._before = sys.getswitchinterval(), gc.get_threshold()
        sys.setswitchinterval(SWITCH_SECONDS)
        gc.set_threshold(*RARELY)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._thread.shutdown()
        except KeyboardInterrupt:
            self._thread.shutdown()  # whoever asks twice waits too: the connection is the thread's
            raise
        finally:
            interval, threshold = self._before
            sys.setswitchinterval(interval)
            gc.set_threshold(*threshold)

    def begin(self, parts: Sequence[FileProgress]) -> None:
        """Begin to write a batch; the one before has been waited for."""
        self._writing = self._thread.submit(self._write, parts)

    def wait(self) -> Written | None:
        """What became of the batch that was begun last; None if that is known already. Raises what it raised."""
        writing, self._writing = self._writing, None
        return writing.result() if writing is not None else None

    def now(self) -> datetime:
        """The time of the run and what has passed since, in steps in which no file settles: a run may take minutes."""
        passed = time.monotonic() - self._began
        return self._at + timedelta(seconds=passed - passed % local_files.SETTLED_SECONDS)

    def settled(self, source: local_files.LocalFile) -> bool:
        """Whether whoever writes the file is done with it: it stands still, and nobody is known to have it open."""
        return self._in_place or (source.is_settled(self.now().timestamp()) and not has_writer(source.path))

    def stays(self, source: local_files.LocalFile) -> bool:
        """Whether a file that has been read stays in the inbox yet: somebody has it open, or may add lines to it.

        What is written to a file that has been moved would be written where nobody reads it.
        """
        return bool(has_writer(source.path)) or (source.is_lines and not source.is_settled(self.now().timestamp()))

    def move(self, files: Sequence[tuple[local_files.LocalFile, Path]]) -> list[str]:
        """Move files to where they go, and note it; a line for each that cannot be moved."""
        moved, trouble = [], []
        for source, destination in files:
            report = None
            try:
                if refused := moves.is_quarantined(self._settings.quarantine_dir, destination):
                    report = self._write_error_file(source, destination)
                lies = moves.move_file(source, destination, keep=refused)
            except ScorekeeperError as failed:
                trouble.append(str(failed))
            else:
                done = {"name": source.name, "sha256": source.sha256, "moved_at": self._at, "lies": lies}
                moved.append(done | {"report": report})
        with self._connection.begin():
            write(self._connection, "inbox/mark_arrivals_moved", moved)
        return trouble

    def _write(self, parts: Sequence[FileProgress]) -> Written:
        with self._connection.begin():
            open_parts(self._connection, [part for part in parts if not part.known], self._at)
            rows = [(d, p.source.sha256, p.source.name, line) for p in parts for line, d, _ in p.decisions]
            verdicts = record_rows(self._connection, rows, self._received_at, self._settings.fee_bps) if rows else []
            tally = close_parts(
                self._connection, parts, iter(verdicts), at=self._at, counts=self._counts,
                destination=self._destination, in_place=self._in_place,
            )  # fmt: skip
        finished = [part for part in parts if part.finished]
        done = Written(tally, len(finished))
        if not self._in_place:
            to_move = []
            for part in finished:
                if self.stays(part.content):
                    (done.held if has_writer(part.source.path) else done.waiting).append(part.source.name)
                elif part.destination is not None:
                    to_move.append((part.content, part.destination))
            done.trouble = self.move(to_move)
        return done

    def _destination(self, part: FileProgress) -> Path:
        name, sha256 = part.source.name, part.content.sha256
        if part.refused:
            return moves.quarantine_path(self._settings.quarantine_dir, name, sha256)
        return self._archive / file_names.archive_name(name, sha256)

    def _write_error_file(self, source: local_files.LocalFile, destination: Path) -> bytes:
        found = (
            self._connection.execute(statement("inbox/select_rejections"), {"sha256": source.sha256}).mappings().all()
        )
        self._connection.rollback()
        report = {"file": source.name, "sha256": source.sha256.hex(), "rejected": [dict(row) for row in found]}
        return moves.write_error_file(destination, report)
