"""Decision files into Postgres: batches, each one transaction, and the files moved when they are read."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, text

from scorekeeper import inbox
from scorekeeper.domain.decision import DecisionContext, DecisionError, parse_decision
from scorekeeper.domain.text import escape_controls
from scorekeeper.errors import ScorekeeperError
from scorekeeper.ledger import Part, Tally, close_parts, open_parts, write
from scorekeeper.recording import record_rows
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from scorekeeper.store.sql import statement

INGEST_LOCK = 0x5C0_0003
BATCH_DECISIONS = 5_000
BATCH_BYTES = 16 << 20
FILES_AT_ONCE = 500
MOST_TOLD = 1_000


@dataclass(frozen=True)
class Period:
    """A stretch of the past: since <= time < until."""

    since: datetime
    until: datetime


@dataclass
class Summary:
    """What an ingest did; `found`: files there were; `outside`: decisions passed over, of another time.

    `rejections`: the first MOST_TOLD of them; `quarantined`: the content of which something was refused, hashes in hex,
    at most MOST_TOLD. `waiting`: names of files that may still be being written; `trouble`: what could not be read or
    moved, a line each.
    """

    found: int = 0
    files: int = 0
    decisions: int = 0
    duplicates: int = 0
    rejected: int = 0
    outside: int = 0
    rejections: list[dict[str, Any]] = field(default_factory=list)
    quarantined: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)

    def count(self, tally: Tally) -> None:
        """Count what a batch came to."""
        self.decisions += tally.decisions
        self.duplicates += tally.duplicates
        self.rejected += len(tally.rejections)
        self.rejections += tally.rejections[: MOST_TOLD - len(self.rejections)]

    def add(self, later: "Summary") -> None:
        """Count what a later pass did; only what is waiting or in trouble now counts as that."""
        self.found += later.found
        self.files += later.files
        self.decisions += later.decisions
        self.duplicates += later.duplicates
        self.rejected += later.rejected
        self.outside += later.outside
        self.rejections = (self.rejections + later.rejections)[:MOST_TOLD]
        self.quarantined = (self.quarantined + later.quarantined)[:MOST_TOLD]
        self.waiting, self.trouble = later.waiting, later.trouble


def ingest_files(
    db: Database,
    settings: Settings,
    *,
    received_at: datetime,
    paths: Iterable[Path] | None = None,
    replay: Period | None = None,
    on_progress: Callable[[Summary], None] = lambda summary: None,
) -> Summary:
    """Take every file that can be taken: those of the inbox, which are moved, or `paths`, which stay where they are.

    `received_at` is the time of the run, UTC. `replay`: only decisions of that period are taken, each as if it had been
    received when it was decided. One run at a time: another one waits here until this one is done. A
    file that is still being written is left and named in `waiting`. `on_progress` is called between two transactions,
    files moved: what it raises ends the run there, and the next one goes on. Raises ScorekeeperError.
    """
    with db.engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": INGEST_LOCK})
        connection.commit()
        try:
            run = _Ingestion(
                connection, settings, received_at, in_place=paths is not None, replay=replay, on_progress=on_progress
            )
            listed = list(inbox.list_inbox(settings.inbox_dir) if paths is None else paths)
            run.summary.found = len(listed)
            files = iter(listed)
            if paths is None:
                run.finish_moves()
            while chunk := list(islice(files, FILES_AT_ONCE)):
                run.take(chunk)
            return run.summary
        finally:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": INGEST_LOCK})
            connection.commit()


class _Ingestion:
    def __init__(
        self,
        connection: Connection,
        settings: Settings,
        received_at: datetime,
        *,
        in_place: bool,
        replay: Period | None,
        on_progress: Callable[[Summary], None],
    ) -> None:
        self._connection = connection
        self._settings = settings
        self._received_at = received_at
        self._in_place = in_place
        self._replay = replay
        self._on_progress = on_progress
        self._parts: list[Part] = []
        self._pending = self._pending_bytes = 0
        # What this run has read already, and what it has left to its writer; and how many decisions a content holds.
        self._seen: set[bytes] = set()
        self._left: set[bytes] = set()
        self._holds: dict[bytes, int] = {}
        self.summary = Summary()

    def take(self, paths: Sequence[Path]) -> None:
        sources = [source for path in paths if (source := self._open(path)) is not None]
        hashes = {"hashes": [source.sha256 for source in sources]}
        ledger = {row.sha256: row for row in self._connection.execute(statement("select_file_ledger"), hashes)}
        waiting = {
            (row.name, row.sha256): row
            for row in self._connection.execute(statement("select_waiting_arrivals"), hashes)
        }
        growing = self._select_growing([s.name for s in sources if s.is_lines and s.sha256 not in ledger])
        self._connection.rollback()
        to_move = []
        for source in sources:
            arrival = waiting.get((source.name, source.sha256))
            if arrival is not None and not self._in_place:
                if self._may_move(source):
                    to_move.append((source, Path(arrival.destination)))
                continue
            if source.sha256 in self._left:
                self.summary.waiting.append(source.name)
                continue
            known = ledger.get(source.sha256)
            part = Part(source, fresh=known is None)
            self._parts.append(part)
            if source.sha256 in self._seen or (known is not None and known.finished and not known.has_rejections):
                part.known = part.finished = True
                self._holds.setdefault(source.sha256, known.decisions if known is not None else 0)
            else:
                if known is not None and not known.finished:
                    part.offset, part.lines = known.committed_offset, known.committed_lines
                self._seen.add(source.sha256)
                self._read(part, growing.get(source.name, ()))
            if self._is_full():
                self._flush()
        self._flush()
        self._move(to_move)

    def finish_moves(self) -> None:
        """Note of files that a run moved, and was killed before it could say so, that they have left the inbox."""
        found = self._connection.execute(statement("select_unmoved_arrivals")).all()
        self._connection.rollback()
        moved = [
            {"name": name, "sha256": sha256, "moved_at": self._received_at}
            for name, sha256, destination in found
            if Path(destination).exists() and not (self._settings.inbox_dir / name).exists()
        ]
        with self._connection.begin():
            write(self._connection, "mark_arrival_moved", moved)

    def _open(self, path: Path) -> inbox.SourceFile | None:
        try:
            source = inbox.open_source(path)
        except ScorekeeperError as failed:
            self.summary.trouble.append(str(failed))
            return None
        if source is None and self._in_place:
            self.summary.trouble.append(f"{path} is no regular file (a link is not followed)")
        return source

    def _select_growing(self, names: list[str]) -> dict[str, list[Row[Any]]]:
        """What is known of files of these names that have not left the inbox: one of them may have grown."""
        found: defaultdict[str, list[Row[Any]]] = defaultdict(list)
        if names and not self._in_place:
            for row in self._connection.execute(statement("select_growing_arrivals"), {"names": names}):
                found[row.name].append(row)
        return found

    def _is_full(self) -> bool:
        return self._pending >= BATCH_DECISIONS or self._pending_bytes >= BATCH_BYTES

    def _read(self, part: Part, growing: Iterable[Row[Any]]) -> None:
        source = part.source
        try:
            if source.is_lines:
                for before in growing:
                    if source.begins_with(before.size_bytes, before.sha256):
                        part.grown_from, part.refused = before.sha256, before.rejected
                        part.offset, part.lines = before.committed_offset, before.committed_lines
                if not self._read_lines(part):
                    self._leave(part)
                    return
            else:
                documents = inbox.read_documents(source)
                if not documents:
                    self._refuse(part, 0, None, "the file holds no decision", b"")
                for position, document in documents:
                    self._parse(part, position, document, alone=len(documents) == 1)
        except inbox.ChangedError:
            self._leave(part)
            return
        except inbox.FileError as broken:
            if not self._settled(source):
                self._leave(part)
                return
            self._refuse(part, broken.line or 0, None, broken.reason, b"")
        part.finished = True

    def _read_lines(self, part: Part) -> bool:
        """Take the lines from where the part stands; False if the end has not been written yet."""
        for line in inbox.read_lines(part.source, part.offset, part.lines):
            if line.torn and not self._settled(part.source):
                return False
            part.offset, part.lines = line.end_offset, line.line_no
            if line.error is not None:
                self._refuse(part, line.line_no, None, line.error, line.text)
            else:
                self._parse(part, line.line_no, line.text, alone=False)
            if self._is_full():
                self._flush()
        if not part.lines:
            if not self._settled(part.source):
                return False
            self._refuse(part, 0, None, "the file holds no decision", b"")
        return True

    def _parse(self, part: Part, line: int, document: bytes, *, alone: bool) -> None:
        context = DecisionContext(
            received_at=self._received_at,
            default_version=self._settings.system_version,
            default_hold_minutes=self._settings.max_hold_time_minutes,
            timezone=self._settings.timezone,
            fallback_opened_at=part.source.mtime if alone else None,
        )
        try:
            decision = parse_decision(document, context=context)
        except DecisionError as wrong:
            untimed = not alone and wrong.field == "timestamp" and "missing" in wrong.reason
            if untimed and line == 1 and part.source.is_lines and inbox.is_single_line(part.source):
                self._parse(part, line, document, alone=True)
                return
            self._refuse(part, line, wrong.field, wrong.reason, document)
            return
        if self._replay is not None and not self._replay.since <= decision.opened_at < self._replay.until:
            self.summary.outside += 1
            return
        part.decisions.append((line, decision, _shown(document)))
        self._pending += 1
        self._pending_bytes += len(document)

    def _refuse(self, part: Part, line: int, name: str | None, reason: str, shown: bytes) -> None:
        part.rejections[line] = (
            name and _shown(name.encode("utf-8", "replace")),
            escape_controls(reason),
            _shown(shown),
        )
        self._pending += 1

    def _settled(self, source: inbox.SourceFile) -> bool:
        return self._in_place or source.is_settled(self._received_at.timestamp())

    def _leave(self, part: Part) -> None:
        """Leave a file to its writer; what was committed of it stays committed."""
        self.summary.waiting.append(part.source.name)
        self._seen.discard(part.source.sha256)
        self._left.add(part.source.sha256)
        if not part.committed:
            self._pending -= len(part.decisions) + len(part.rejections)
            self._parts.remove(part)

    def _flush(self) -> None:
        parts, self._parts = self._parts, [p for p in self._parts if not p.finished]
        self._pending = self._pending_bytes = 0
        if not parts:
            return
        with self._connection.begin():
            open_parts(self._connection, [part for part in parts if not part.known], self._received_at)
            rows = [(d, p.source.sha256, p.source.name, line) for p in parts for line, d, _ in p.decisions]
            received_at = self._received_at if self._replay is None else None
            verdicts = record_rows(self._connection, rows, received_at, self._settings.fee_bps) if rows else []
            tally = close_parts(
                self._connection, parts, iter(verdicts), at=self._received_at, holds=self._holds,
                destination=self._destination, moved_at=self._received_at if self._in_place else None,
            )  # fmt: skip
        self.summary.count(tally)
        for part in parts:
            part.decisions, part.rejections, part.committed, part.fresh = [], {}, True, False
            part.grown_from = None
        finished = [part for part in parts if part.finished]
        self.summary.files += len(finished)
        refused = [part.source.sha256.hex() for part in finished if part.refused]
        self.summary.quarantined += refused[: MOST_TOLD - len(self.summary.quarantined)]
        if not self._in_place:
            self._move([(p.source, self._destination(p)) for p in finished if self._may_move(p.source)])
        self._on_progress(self.summary)

    def _destination(self, part: Part) -> Path:
        name, sha256 = part.source.name, part.source.sha256
        if part.refused:
            return inbox.quarantine_path(self._settings.quarantine_dir, name, sha256)
        return inbox.archive_path(self._settings.archive_dir, self._received_at, name, sha256)

    def _may_move(self, source: inbox.SourceFile) -> bool:
        """Lines may still be added to a file of lines: it stays until it has stood still."""
        if source.is_lines and not self._settled(source):
            self.summary.waiting.append(source.name)
            return False
        return True

    def _move(self, files: Sequence[tuple[inbox.SourceFile, Path]]) -> None:
        moved = []
        for source, destination in files:
            try:
                if destination.is_relative_to(self._settings.quarantine_dir):
                    self._write_error_file(source, destination)
                inbox.move_file(source, destination)
            except ScorekeeperError as failed:
                self.summary.trouble.append(str(failed))
            else:
                moved.append({"name": source.name, "sha256": source.sha256, "moved_at": self._received_at})
        with self._connection.begin():
            write(self._connection, "mark_arrival_moved", moved)

    def _write_error_file(self, source: inbox.SourceFile, destination: Path) -> None:
        found = self._connection.execute(statement("select_rejections"), {"sha256": source.sha256}).mappings().all()
        self._connection.rollback()
        report = {"file": source.name, "sha256": source.sha256.hex(), "rejected": [dict(row) for row in found]}
        inbox.write_error_file(destination, report)


def _shown(excerpt: bytes) -> str:
    return escape_controls(excerpt[:400].decode("utf-8", "replace"))[:300]
