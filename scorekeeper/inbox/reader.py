"""Finished files are read into batches, which are handed over to the writer as they fill."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row

from scorekeeper.decisions.decision import DecisionContext
from scorekeeper.inbox.batches import Left, Writer
from scorekeeper.inbox.file_progress import Counts, FileProgress
from scorekeeper.inbox.formats.base import Entry, FileError
from scorekeeper.inbox.places.base import ChangedError, Place, SourceFile
from scorekeeper.inbox.read_decisions import read_decision
from scorekeeper.inbox.summary import Summary
from scorekeeper.settings import Settings
from scorekeeper.trading_calendar import calendar_of

BATCH_DECISIONS = 5_000
BATCH_BYTES = 16 << 20
MOST_REFUSED = 100_000
NO_DECISION = "the file holds no decision"


class Batch:
    """What has been read and not handed over yet, in files, and what became of the batches before.

    `left`: the contents that are left to their writers in this run. `found`: by name, the content that was found under
    it, for names whose earlier content is not known to have left the inbox.
    """

    def __init__(self, place: Place, writer: Writer, on_progress: Callable[[Summary], None]) -> None:
        self.place, self.writer = place, writer
        self.summary = Summary()
        self.left: set[bytes] = set()
        self.found: dict[str, bytes] = {}
        self._files: list[FileProgress] = []
        self._on_progress = on_progress
        self._entries = self._bytes = 0

    def add(self, file: FileProgress) -> None:
        """Let a file bring what is read of it."""
        self._files.append(file)

    def count(self, size: int = 0) -> None:
        """Count an entry that was read, of so many bytes."""
        self._entries += 1
        self._bytes += size

    def is_full(self) -> bool:
        """Whether it is time to hand over."""
        return self._entries >= BATCH_DECISIONS or self._bytes >= BATCH_BYTES

    def drop(self, file: FileProgress) -> None:
        """Forget what was read of a file since the last batch."""
        self._entries -= len(file.decisions) + len(file.rejections)
        file.decisions, file.rejections = [], {}
        if file in self._files:
            self._files.remove(file)

    def leave(self, file: FileProgress) -> None:
        """Leave a file to its writer. What was committed of it stays committed."""
        self.wait_for(file.source)
        self.left.add(file.source.sha256)
        if not file.committed:
            self.drop(file)

    def wait_for(self, source: SourceFile) -> None:
        """Name a file that is not moved yet: as held by a writer, or as waiting."""
        held = self.place.has_writer(source.address)
        (self.summary.held if held else self.summary.waiting).append(source.name)

    def flush(self) -> None:
        """Hand over what was read, once the batch before is written."""
        for file in list(self._files):
            if file.identity is not None and file.whole is None:
                file.fingerprint = self.place.fingerprint(file.source.address, file.offset, file.identity)
                if file.fingerprint is None:  # renamed or cut just now: the next run reads on from the last commit
                    file.left = True
                    self.drop(file)
        files, self._files = self._files, [file for file in self._files if not (file.finished or file.left)]
        self._entries = self._bytes = 0
        if files:
            self._count_written()
            self._count_left(self.writer.begin([file.hand_over() for file in files]))

    def await_writer(self) -> None:
        """Count what the last batch came to, once it is written and its files are moved."""
        self._count_written()
        self._count_left(self.writer.move_stored())
        self.writer.note_moved()

    def _count_written(self) -> None:
        if (done := self.writer.wait()) is None:
            return
        self.summary.count(done.tally)
        self.summary.files += done.files
        self._count_left(done.left)
        self._on_progress(self.summary)

    def _count_left(self, left: Left) -> None:
        self.summary.waiting += left.waiting
        self.summary.held += left.held
        self.summary.trouble += left.trouble


class Reader:
    """Reads files into a batch. `period`: since and until; only decisions of that time are taken (None: all)."""

    def __init__(
        self, settings: Settings, batch: Batch, counts: Counts, period: tuple[datetime, datetime] | None
    ) -> None:
        self.batch, self.counts = batch, counts
        self._period = period
        self._context = DecisionContext(
            received_at=batch.writer.now(),
            default_version=settings.system_version,
            default_hold_minutes=settings.max_hold_time_minutes,
            timezone=settings.timezone,
            fallback_opened_at=None,
            reading=settings.reading,
            positions=settings.positions,
            default_hold_sessions=settings.max_hold_sessions,
            hours=calendar_of(settings.calendar),
            costs=settings.costs,
        )
        # What this run has read, by hash, and as which kind.
        self._seen: dict[bytes, tuple[object, bool]] = {}

    def has_read_otherwise(self, source: SourceFile) -> bool:
        """Whether this run has read the same bytes as another kind of file."""
        seen = self._seen.get(source.sha256)
        return seen is not None and seen != source.kind

    def take(self, source: SourceFile, known: Row[Any] | None, growing: Iterable[Row[Any]]) -> None:
        """Read a file. `known`: what the ledger knows of its content; `growing`: of others that had its name."""
        file = FileProgress(source)
        self.batch.add(file)
        if source.sha256 in self._seen:
            file.known = file.finished = True
        elif known is not None and known.finished and not known.refused:
            file.known = file.finished = True
            self.counts.holds[source.sha256] = known.decisions
        else:
            if known is not None and known.finished:
                file.again = True
            elif known is not None:
                self.counts.holds[source.sha256] = known.decisions
                self.counts.refused[source.sha256] = known.refused
                file.offset, file.lines, file.refusals = known.committed_offset, known.committed_lines, known.refused
            self._seen[source.sha256] = source.kind
            self._read(file, growing)
        if self.batch.is_full():
            self.batch.flush()

    def take_entry(self, file: FileProgress, entry: Entry) -> None:
        """Take or refuse the decision of an entry."""
        now = self.batch.writer.now()
        if now != self._context.received_at:
            self._context = msgspec.structs.replace(self._context, received_at=now)
        decision = read_decision(file, entry, self._context)
        if entry.skipped is not None:
            self.batch.summary.skip(entry.skipped)
        if decision is None:
            self.batch.count()
        elif self._period is not None and not self._period[0] <= decision.opened_at < self._period[1]:
            self.batch.summary.outside += 1
        else:
            file.accept(entry.number, decision, entry.text)
            self.batch.count(len(entry.text))

    def refuse(self, file: FileProgress, line: int, reason: str) -> None:
        """Refuse a file, or the rest of it from a line on."""
        file.refuse(line, None, reason, b"")
        self.batch.count()

    def gives_up(self, file: FileProgress, line: int) -> bool:
        """Whether so many entries of a file are refused that the rest, from this line on, is refused unread."""
        if file.refusals < MOST_REFUSED:
            return False
        self.refuse(file, line, f"after {MOST_REFUSED:,} refusals the rest of the file, from here on, was not read")
        return True

    def _read(self, file: FileProgress, growing: Iterable[Row[Any]]) -> None:
        source = file.source
        try:
            if source.format.streams:
                for before in growing:
                    if source.begins_with(before.size_bytes, before.sha256):
                        file.grown_from, self.counts.refused[source.sha256] = before.sha256, before.refused
                        file.offset, file.lines = before.committed_offset, before.committed_lines
                        file.refusals = before.refused
            file.finished = self._read_entries(file)
        except ChangedError:
            pass
        except FileError as exc:
            if self.batch.writer.is_settled(source):
                self.refuse(file, exc.line or 0, exc.reason)
                file.finished = True
        if not file.finished:
            self._seen.pop(source.sha256, None)
            self.batch.leave(file)

    def _read_entries(self, file: FileProgress) -> bool:
        """Take the entries from where the file is read to. False if its end has not been written yet."""
        source, began = file.source, file.offset
        entries = source.format.read(source, file.offset, file.lines)
        empty = not file.lines
        for entry in entries:
            if entry.torn and not self.batch.writer.is_settled(source):
                return False
            if self.gives_up(file, entry.number):
                return True
            empty = False
            if entry.end_offset is not None:
                file.offset, file.lines = entry.end_offset, entry.number
            self.take_entry(file, entry)
            if file.holds_one_refusal and (why := source.format.explain(source, began)):
                file.refuse_whole(entry.number, why)
                return self._skip_rest(file, entries)
            if entry.end_offset is not None and self.batch.is_full():
                self.batch.flush()
        if empty:
            if source.format.streams and not self.batch.writer.is_settled(source):
                return False
            self.refuse(file, 0, NO_DECISION)
        return True

    def _skip_rest(self, file: FileProgress, entries: Iterator[Entry]) -> bool:
        """Go to the end of a file that is refused as a whole. False if the end has not been written yet."""
        for entry in entries:
            if entry.torn and not self.batch.writer.is_settled(file.source):
                return False
            if entry.end_offset is not None:
                file.offset, file.lines = entry.end_offset, entry.number
        return True
