"""Decision files into Postgres: batches, each one transaction, and the files moved when they are read."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, text

from scorekeeper import inbox
from scorekeeper.domain.decision import Decision, DecisionContext, DecisionError, parse_decision
from scorekeeper.domain.text import escape_controls
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from scorekeeper.store.sql import raw, statement

INGEST_LOCK = 0x5C0_0003
BATCH_DECISIONS = 5_000
FILES_AT_ONCE = 500


@dataclass(frozen=True)
class Verdict:
    """What became of a decision: accepted, duplicate, or conflict with the one that stands at `standing`."""

    outcome: str
    standing: str


@dataclass
class Summary:
    """What an ingest did; `found`: files there were. `waiting`: names of files that are still being written."""

    found: int = 0
    files: int = 0
    decisions: int = 0
    duplicates: int = 0
    rejected: int = 0
    rejections: list[dict[str, Any]] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)

    def add(self, later: "Summary") -> None:
        """Count what a later pass did; only what is waiting now counts as waiting."""
        self.found += later.found
        self.files += later.files
        self.decisions += later.decisions
        self.duplicates += later.duplicates
        self.rejected += later.rejected
        self.rejections += later.rejections
        self.waiting = later.waiting


@dataclass
class _Part:
    """One file's share of a batch, and how far the file has been read."""

    source: inbox.SourceFile
    in_place: bool
    fresh: bool
    offset: int = 0
    lines: int = 0
    decisions: list[tuple[int, Decision, str]] = field(default_factory=list)
    rejections: dict[int, tuple[str | None, str, str]] = field(default_factory=dict)
    known: bool = False
    finished: bool = False
    committed: bool = False
    refused: int = 0


def record(
    connection: Connection,
    decisions: Sequence[Decision],
    *,
    source_name: str,
    source_sha256: bytes | None,
    received_at: datetime,
    fee_bps: float,
    lines: Sequence[int] | None = None,
) -> list[Verdict]:
    """Write decisions of one source with their signals, trades and events; a verdict for each, in order."""
    numbered = zip(lines or range(1, len(decisions) + 1), decisions, strict=True)
    return _insert(
        connection, [(decision, source_sha256, source_name, line) for line, decision in numbered], received_at, fee_bps
    )


def _insert(
    connection: Connection,
    rows: Sequence[tuple[Decision, bytes | None, str, int]],
    received_at: datetime,
    fee_bps: float,
) -> list[Verdict]:
    connection.execute(statement("create_incoming_decisions"))
    connection.execute(statement("create_incoming_signals"))
    connection.execute(text("TRUNCATE incoming_decision, incoming_signal"))
    driver = connection.connection.driver_connection
    assert driver is not None
    with driver.cursor() as cursor:
        with cursor.copy(raw("copy_incoming_decisions")) as copy:
            for number, (d, sha256, name, line) in enumerate(rows):
                copy.write_row(
                    (
                        number, d.trade_id, d.content_sha256, sha256, name, line, received_at, d.symbol, d.raw_symbol,
                        d.bar_interval, d.action, d.direction, d.price, d.confidence, d.opened_at, d.expires_at,
                        d.version, d.reason, d.stop_loss, d.take_profit, d.trailing_stop_pct, d.position_size,
                        _json(d.extra), fee_bps,
                    )
                )  # fmt: skip
        with cursor.copy(raw("copy_incoming_signals")) as copy:
            for number, (d, *_) in enumerate(rows):
                for s in d.signals:
                    copy.write_row((number, s.agent, s.ordinal, s.signal, s.direction, s.confidence, _json(s.extra)))
    for name in ("insert_decisions", "insert_agent_signals", "insert_trades", "insert_decision_events"):
        connection.execute(statement(name))
    verdicts = connection.execute(statement("select_verdicts"))
    return [Verdict(outcome, f"{name}, line {line}") for outcome, name, line in verdicts]


def _json(extra: dict[str, Any] | None) -> str | None:
    return msgspec.json.encode(extra).decode() if extra else None


def ingest_files(
    db: Database,
    settings: Settings,
    *,
    received_at: datetime,
    paths: Iterable[Path] | None = None,
    on_progress: Callable[[Summary], None] = lambda summary: None,
) -> Summary:
    """Take every file that can be taken: those of the inbox, which are moved, or `paths`, which stay where they are.

    `received_at` is the time of the run, UTC. One run at a time: another one waits here until this one is done. A
    file that is still being written is left and named in `waiting`. Raises ScorekeeperError.
    """
    with db.engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": INGEST_LOCK})
        connection.commit()
        try:
            run = _Ingestion(connection, settings, received_at, in_place=paths is not None, on_progress=on_progress)
            listed = list(inbox.list_inbox(settings.inbox_dir) if paths is None else paths)
            run.summary.found = len(listed)
            files = iter(listed)
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
        on_progress: Callable[[Summary], None],
    ) -> None:
        self._connection = connection
        self._settings = settings
        self._received_at = received_at
        self._in_place = in_place
        self._on_progress = on_progress
        self._parts: list[_Part] = []
        self._pending = 0
        self.summary = Summary()

    def take(self, paths: Sequence[Path]) -> None:
        sources = [source for path in paths if (source := inbox.open_source(path)) is not None]
        hashes = {"hashes": [source.sha256 for source in sources]}
        ledger = {row.sha256: row for row in self._connection.execute(statement("select_file_ledger"), hashes)}
        waiting = {
            (row.name, row.sha256): row
            for row in self._connection.execute(statement("select_waiting_arrivals"), hashes)
        }
        self._connection.rollback()
        seen: set[bytes] = set()
        for source in sources:
            arrival = waiting.get((source.name, source.sha256))
            if arrival is not None and not self._in_place:
                self._move(source, Path(arrival.destination))
                continue
            known = ledger.get(source.sha256)
            part = _Part(source, self._in_place, fresh=known is None)
            if source.sha256 in seen or (known is not None and known.finished and not known.has_rejections):
                part.known = part.finished = True
                self._parts.append(part)
            else:
                if known is not None and not known.finished:
                    part.offset, part.lines = known.committed_offset, known.committed_lines
                seen.add(source.sha256)
                self._parts.append(part)
                self._read(part)
            if self._pending >= BATCH_DECISIONS:
                self._flush()
        self._flush()

    def _read(self, part: _Part) -> None:
        source = part.source
        try:
            if source.is_lines:
                for line in inbox.read_lines(source, part.offset, part.lines):
                    if line.torn and not self._settled(source):
                        self._leave(part)
                        return
                    part.offset, part.lines = line.end_offset, line.line_no
                    if line.error is not None:
                        self._refuse(part, line.line_no, None, line.error, line.text)
                    else:
                        self._parse(part, line.line_no, line.text, alone=False)
                    if self._pending >= BATCH_DECISIONS:
                        self._flush()
                if not part.lines:
                    self._refuse(part, 0, None, "the file holds no decision", b"")
            else:
                documents = inbox.read_documents(source)
                if not documents:
                    self._refuse(part, 0, None, "the file holds no decision", b"")
                for position, document in documents:
                    self._parse(part, position, document, alone=len(documents) == 1)
        except inbox.FileError as broken:
            if not self._settled(source):
                self._leave(part)
                return
            self._refuse(part, broken.line or 0, None, broken.reason, b"")
        part.finished = True

    def _parse(self, part: _Part, line: int, document: bytes, *, alone: bool) -> None:
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
        part.decisions.append((line, decision, _shown(document)))
        self._pending += 1

    def _refuse(self, part: _Part, line: int, name: str | None, reason: str, shown: bytes) -> None:
        part.rejections[line] = (
            name and _shown(name.encode("utf-8", "replace")),
            escape_controls(reason),
            _shown(shown),
        )
        self._pending += 1

    def _settled(self, source: inbox.SourceFile) -> bool:
        return self._in_place or source.is_settled(self._received_at.timestamp())

    def _leave(self, part: _Part) -> None:
        self.summary.waiting.append(part.source.name)
        if not part.committed:
            self._pending -= len(part.decisions) + len(part.rejections)
            self._parts.remove(part)

    def _flush(self) -> None:
        parts, self._parts, self._pending = self._parts, [p for p in self._parts if not p.finished], 0
        if not parts:
            return
        with self._connection.begin():
            for part in parts:
                self._open_ledger(part)
            rows = [(d, p.source.sha256, p.source.name, line) for p in parts for line, d, _ in p.decisions]
            verdicts = iter(_insert(self._connection, rows, self._received_at, self._settings.fee_bps) if rows else [])
            for part in parts:
                self._close_ledger(part, verdicts)
        for part in parts:
            part.decisions, part.rejections, part.committed, part.fresh = [], {}, True, False
            if part.finished:
                self.summary.files += 1
                if not part.in_place:
                    self._move(part.source, self._destination(part))
        self._on_progress(self.summary)

    def _open_ledger(self, part: _Part) -> None:
        at = self._received_at if part.finished else None
        if part.known:
            return
        if not part.fresh and not part.committed and part.finished:
            self._connection.execute(statement("delete_rejections"), {"sha256": part.source.sha256})
        self._connection.execute(
            statement("upsert_decision_file"),
            {
                "sha256": part.source.sha256, "size_bytes": part.source.size, "committed_offset": part.offset,
                "committed_lines": part.lines, "finished_at": at,
            },
        )  # fmt: skip

    def _close_ledger(self, part: _Part, verdicts: Iterator[Verdict]) -> None:
        accepted = duplicates = 0
        for line, decision, shown in part.decisions:
            verdict = next(verdicts)
            accepted += verdict.outcome == "accepted"
            duplicates += verdict.outcome == "duplicate"
            if verdict.outcome == "conflict":
                reason = f"{decision.trade_id} has other content in {verdict.standing}"
                part.rejections[line] = ("trade_id", escape_controls(reason), shown)
        for line, (name, reason, shown) in part.rejections.items():
            rejection = {
                "sha256": part.source.sha256, "source_name": part.source.name, "line": line, "field": name,
                "reason": reason, "excerpt": shown or None, "rejected_at": self._received_at,
            }  # fmt: skip
            self._connection.execute(statement("upsert_rejection"), rejection)
            self.summary.rejections.append({"file": part.source.name, "line": line, "field": name, "reason": reason})
        refused = len(part.rejections)
        part.refused += refused
        outcome = "reading"
        if part.finished:
            outcome = "duplicate" if part.known else "quarantined" if part.refused else "ingested"
        self._connection.execute(
            statement("upsert_arrival"),
            {
                "name": part.source.name, "sha256": part.source.sha256, "modified_at": part.source.mtime,
                "arrived_at": self._received_at, "outcome": outcome, "decisions": accepted, "duplicates": duplicates,
                "rejected": refused, "destination": str(self._destination(part)) if part.finished else None,
                "moved_at": self._received_at if part.finished and part.in_place else None,
            },
        )  # fmt: skip
        self.summary.decisions += accepted
        self.summary.duplicates += duplicates
        self.summary.rejected += refused

    def _destination(self, part: _Part) -> Path:
        name, sha256 = part.source.name, part.source.sha256
        if part.refused:
            return inbox.quarantine_path(self._settings.quarantine_dir, name, sha256)
        return inbox.archive_path(self._settings.archive_dir, self._received_at, name, sha256)

    def _move(self, source: inbox.SourceFile, destination: Path) -> None:
        rejections = (
            self._connection.execute(statement("select_rejections"), {"sha256": source.sha256}).mappings().all()
        )
        self._connection.rollback()
        if destination.is_relative_to(self._settings.quarantine_dir):
            report = {"file": source.name, "sha256": source.sha256.hex(), "rejected": [dict(r) for r in rejections]}
            inbox.write_error_file(destination, report)
        inbox.move_file(source.path, destination)
        with self._connection.begin():
            self._connection.execute(
                statement("mark_arrival_moved"),
                {"name": source.name, "sha256": source.sha256, "moved_at": self._received_at},
            )


def _shown(excerpt: bytes) -> str:
    return escape_controls(excerpt[:400].decode("utf-8", "replace"))[:300]
