"""Decision files into Postgres: read, judged and handed over in batches; see writing."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row

from scorekeeper.decisions.decision import DecisionContext
from scorekeeper.decisions.parse import parse_decision
from scorekeeper.decisions.strict_json import DecisionError, IncompleteJsonError
from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox import file_names, growing_files
from scorekeeper.inbox.batches import Writer
from scorekeeper.inbox.file_ledger import LONGEST_EXCERPT, Counts, FileProgress, Tally, show_excerpt, write
from scorekeeper.inbox.formats import json_document, json_lines
from scorekeeper.inbox.formats.base import Entry, FileError
from scorekeeper.inbox.formats.diagnose import explain_line
from scorekeeper.inbox.growing_files import Followed
from scorekeeper.inbox.not_understood import small_confidences
from scorekeeper.inbox.places import local_files, moves, walk
from scorekeeper.inbox.places.base import ChangedError
from scorekeeper.inbox.places.leases import has_writer
from scorekeeper.locks import Lock, hold
from scorekeeper.safe_text import escape_controls
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from scorekeeper.store.sql import json_rows, statement

BATCH_DECISIONS = 5_000
BATCH_BYTES = 16 << 20
FILES_AT_ONCE = 2_000
MOST_TOLD = 1_000
MOST_REFUSED = 100_000
MOST_WORDS = 1_000


@dataclass(frozen=True)
class Period:
    """A stretch of the past: since <= time < until."""

    since: datetime
    until: datetime


@dataclass
class Summary:
    """What an ingest did; `found`: files there were; `outside`: decisions passed over, of another time.

    `rejections`: the first MOST_TOLD of them. `waiting`: names of files that may still be being written; `held`: of
    those that a writer has open, and what is whole in them has come in; `returned`: of those that were written to after
    they had been moved, and are read on; `passed_over`: what lies in the inbox and is not read, by kind; `trouble`:
    what could not be read or moved, a line each. Of what is new, `opened`: decisions that opened a trade; `idle`: the
    words of the others, and how often; `unread`: words that are in no list, by the agent that said them (the system's
    own under SYSTEM); `noted`: decisions of which something could not be read, `notes`: file, line, field and reason,
    the first MOST_TOLD. `small`: whose latest confidences never exceed 1, on the scale of percent.
    `unresolved`: spellings of symbols that wait for the market's list; `unlisted`: symbols that the last track found
    the market not to list.
    """

    found: int = 0
    files: int = 0
    decisions: int = 0
    duplicates: int = 0
    rejected: int = 0
    outside: int = 0
    rejections: list[dict[str, Any]] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    returned: list[str] = field(default_factory=list)
    passed_over: list[walk.PassedOver] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)
    opened: int = 0
    noted: int = 0
    notes: list[dict[str, Any]] = field(default_factory=list)
    idle: dict[str, int] = field(default_factory=dict)
    unread: dict[str, dict[str, int]] = field(default_factory=dict)
    small: list[str] = field(default_factory=list)
    unresolved: list[str] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)

    def count(self, tally: Tally) -> None:
        """Count what a batch came to."""
        self.decisions += tally.decisions
        self.duplicates += tally.duplicates
        self.rejected += len(tally.rejections)
        self.rejections += tally.rejections[: MOST_TOLD - len(self.rejections)]
        self.opened += tally.opened
        self.noted += tally.noted
        self.notes += tally.notes[: MOST_TOLD - len(self.notes)]
        self._count_words(tally.idle, tally.unread)

    def add(self, later: "Summary") -> None:
        """Count what a later pass did; only what is waiting or in trouble now counts as that."""
        self.found += later.found
        self.files += later.files
        self.decisions += later.decisions
        self.duplicates += later.duplicates
        self.rejected += later.rejected
        self.outside += later.outside
        self.rejections = (self.rejections + later.rejections)[:MOST_TOLD]
        self.returned += [name for name in later.returned if name not in self.returned]
        self.waiting, self.held, self.trouble = later.waiting, later.held, later.trouble
        self.passed_over, self.unresolved, self.unlisted = later.passed_over, later.unresolved, later.unlisted
        self.opened += later.opened
        self.noted += later.noted
        self.notes = (self.notes + later.notes)[:MOST_TOLD]
        self._count_words(later.idle, later.unread)
        self.small = later.small or self.small

    def _count_words(self, idle: Mapping[str, int], unread: Mapping[str, Mapping[str, int]]) -> None:
        _add(self.idle, idle)
        for agent, words in unread.items():
            if agent in self.unread or len(self.unread) < MOST_WORDS:
                _add(self.unread.setdefault(agent, {}), words)


def _add(counted: dict[str, int], more: Mapping[str, int]) -> None:
    """Add words to those that a run has met; how many it keeps apart is bounded."""
    for word, times in more.items():
        key = word if word in counted or len(counted) < MOST_WORDS else "others"
        counted[key] = counted.get(key, 0) + times


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
    began = time.monotonic()
    with db.engine.connect() as connection, db.engine.connect() as looking, hold(connection, Lock.INGEST):
        counts = Counts()
        with Writer(
            connection, settings, counts, at=received_at, began=began,
            received_at=None if replay else received_at, in_place=paths is not None,
        ) as writer:  # fmt: skip
            run = _Ingestion(connection, looking, settings, writer, counts, received_at, replay, on_progress)
            listed = run.look_around() if paths is None else list(paths)
            run.summary.found = len(listed)
            files = iter(listed)
            while chunk := list(islice(files, FILES_AT_ONCE)):
                run.take(chunk, in_place=paths is not None)
            run.finish()
        if run.summary.decisions:
            run.summary.small = small_confidences(connection, settings.reading)
        return run.summary


class _Ingestion:
    """One run. `connection` is the writer's, and its own between two batches; `looking` is for reading beside it."""

    def __init__(
        self,
        connection: Connection,
        looking: Connection,
        settings: Settings,
        writer: Writer,
        counts: Counts,
        received_at: datetime,
        replay: Period | None,
        on_progress: Callable[[Summary], None],
    ) -> None:
        self._connection, self._looking = connection, looking
        self._settings = settings
        self._writer = writer
        self._counts = counts
        self._received_at = received_at
        self._replay = replay
        self._on_progress = on_progress
        self._parts: list[FileProgress] = []
        self._pending = self._pending_bytes = 0
        # What this run has read already, and as which kind; what it has left to its writer.
        self._seen: dict[bytes, tuple[bool, bool]] = {}
        self._left: set[bytes] = set()
        # By name, the contents that are not known to have left the inbox, and what has been found under it by now.
        self._unmoved: defaultdict[str, list[bytes]] = defaultdict(list)
        self._found: dict[str, bytes] = {}
        # The files that are followed while they grow, by where they lie; by name and content, those that are whole now.
        self._followed: dict[Path, Followed] = {}
        self._whole: set[tuple[str, bytes]] = set()
        self.summary = Summary()

    def look_around(self) -> list[Path]:
        """What there is to be read in the inbox, once what has to be moved into it or out of it has been."""
        folder = self._settings.inbox_dir
        self.summary.returned = growing_files.return_moved(
            self._connection, self._settings, self._received_at, self.summary.trouble
        )
        found = walk.walk_inbox(folder, self._settings.own_dirs)
        self._followed = growing_files.find_followed(self._connection, found, self._received_at)
        self.summary.passed_over = found.unread(folder)
        self.finish_moves(found.files)
        return found.files

    def take(self, paths: Sequence[Path], *, in_place: bool) -> None:
        """Read files, and hand over what they hold; the last batch may still be being written then."""
        rest = paths if in_place else [path for path in paths if not self._begin_following(path)]
        sources = [source for path in rest if (source := self._open(path, in_place)) is not None]
        hashes = {"rows": json_rows({"sha256": source.sha256} for source in sources)}
        # As it was before the batch that is being written: what this run has read already, it knows itself.
        ledger = {row.sha256: row for row in self._looking.execute(statement("inbox/select_file_ledger"), hashes)}
        waiting = {
            (row.name, row.sha256): row
            for row in self._looking.execute(statement("inbox/select_waiting_arrivals"), hashes)
        }
        fresh_lines = [source.name for source in sources if source.is_lines and source.sha256 not in ledger]
        growing = self._select_growing([] if in_place else fresh_lines)
        self._looking.rollback()
        to_move = []
        names: set[tuple[str, bytes]] = set()
        for source in sources:
            if (source.name, source.sha256) in names:  # two folders, or two names that read the same once escaped
                if not in_place:
                    self.summary.waiting.append(source.name)
                    continue
                self._flush()
            names.add((source.name, source.sha256))
            if source.name in self._unmoved:
                self._found[source.name] = source.sha256
            arrival = waiting.get((source.name, source.sha256))
            if arrival is not None and not in_place:
                if self._writer.stays(source):
                    self._wait_for(source)
                else:
                    to_move.append((source, Path(arrival.destination)))
            elif source.sha256 in self._left:
                self.summary.waiting.append(source.name)
            elif not in_place and (begun := self._find_begun(source, growing.get(source.name, ()))) is not None:
                self._follow(source.path, begun)
            elif not in_place and self._seen.get(source.sha256, source.kind) != source.kind:
                self.summary.waiting.append(source.name)  # to the next run: these bytes say something else as this kind
            else:
                self._take(source, ledger.get(source.sha256), growing.get(source.name, ()))
                if self._is_full():
                    self._flush()
        self._flush()
        if to_move:
            self._await_writer()
            self.summary.trouble += self._writer.move(to_move)

    def finish(self) -> None:
        """Wait until all is written; then end the arrivals of files that were renamed or replaced in the inbox."""
        self._await_writer()
        replaced = [
            {"name": name, "sha256": sha256, "moved_at": self._received_at, "lies": False}
            for name, now in self._found.items()
            for sha256 in self._unmoved[name]
            if sha256 != now and now not in self._left
        ]
        found = self._connection.execute(statement("inbox/select_renamed_arrivals")).all()
        self._connection.rollback()
        renamed = [
            {"name": name, "sha256": sha256, "at": self._received_at}
            for name, sha256 in found
            if not (self._settings.inbox_dir / name).exists()
        ]
        with self._connection.begin():
            write(self._connection, "inbox/end_renamed_arrivals", renamed)
            write(self._connection, "inbox/mark_arrivals_moved", replaced)
            unread = self._connection.execute(statement("inbox/select_unread_symbols")).all()
        self.summary.unresolved = [row.name for row in unread if row.kind == "held"]
        self.summary.unlisted = [row.name for row in unread if row.kind == "unlisted"]

    def _take(self, source: local_files.LocalFile, known: Row[Any] | None, growing: Iterable[Row[Any]]) -> None:
        part = FileProgress(source)
        self._parts.append(part)
        if source.sha256 in self._seen:
            part.known = part.finished = True
            return
        if known is not None and known.finished and not known.refused:
            part.known = part.finished = True
            self._counts.holds[source.sha256] = known.decisions
            return
        if known is not None and known.finished:
            part.again = True
        elif known is not None:
            self._counts.holds[source.sha256], self._counts.refused[source.sha256] = known.decisions, known.refused
            part.offset, part.lines, part.refusals = known.committed_offset, known.committed_lines, known.refused
        self._seen[source.sha256] = source.kind
        self._read(part, growing)

    def finish_moves(self, listed: Iterable[Path]) -> None:
        """Note of files that a run moved, and was killed before it could say so, that they have left the inbox.

        And of those that somebody else has taken out of it: they are not among those `listed` there.
        """
        found = self._connection.execute(statement("inbox/select_unmoved_arrivals")).all()
        self._connection.rollback()
        folder = self._settings.inbox_dir
        there = {name for name, _, _ in found}.intersection(file_names.known_name(path, folder) for path in listed)
        moved = []
        for name, sha256, destination in found:
            path, target = self._settings.inbox_dir / name, Path(destination)
            keep = moves.is_quarantined(self._settings.quarantine_dir, target)
            try:
                lies = moves.finish_move(path, target, sha256, keep=keep)
            except ScorekeeperError as failed:
                self.summary.trouble.append(str(failed))
                continue
            if name in there or path.exists():
                self._unmoved[name].append(sha256)
            else:
                moved.append({"name": name, "sha256": sha256, "moved_at": self._received_at, "lies": lies})
        with self._connection.begin():
            write(self._connection, "inbox/mark_arrivals_moved", moved)

    def _open(self, path: Path, in_place: bool) -> local_files.LocalFile | None:
        try:
            source = local_files.open_source(path, None if in_place else self._settings.inbox_dir)
        except ScorekeeperError as failed:
            self.summary.trouble.append(str(failed))
            return None
        if source is None and in_place:
            self.summary.trouble.append(f"{path} is no regular file (a link is not followed)")
        return source

    def _select_growing(self, names: list[str]) -> dict[str, list[Row[Any]]]:
        """What is known of files of these names that have not left the inbox: one of them may have grown."""
        found: defaultdict[str, list[Row[Any]]] = defaultdict(list)
        if names:
            for row in self._looking.execute(statement("inbox/select_growing_arrivals"), {"names": names}):
                found[row.name].append(row)
        return found

    def _is_full(self) -> bool:
        return self._pending >= BATCH_DECISIONS or self._pending_bytes >= BATCH_BYTES

    def _read(self, part: FileProgress, growing: Iterable[Row[Any]]) -> None:
        source = part.source
        try:
            if source.is_lines:
                for before in growing:
                    if source.begins_with(before.size_bytes, before.sha256):
                        part.grown_from, self._counts.refused[source.sha256] = before.sha256, before.refused
                        part.offset, part.lines = before.committed_offset, before.committed_lines
                        part.refusals = before.refused
                if not self._read_lines(part):
                    self._leave(part)
                    return
            else:
                documents = json_document.read_documents(source)
                if not documents:
                    self._refuse(part, 0, None, "the file holds no decision", b"")
                for position, words, document in documents:
                    if self._gives_up(part, position):
                        break
                    self._parse(part, position, words, document, alone=len(documents) == 1)
        except ChangedError:
            self._leave(part)
            return
        except FileError as broken:
            if not self._writer.settled(source):
                self._leave(part)
                return
            self._refuse(part, broken.line or 0, None, broken.reason, b"")
        part.finished = True

    def _read_lines(self, part: FileProgress) -> bool:
        """Take the lines from where the part stands; False if the end has not been written yet."""
        began, lines = part.offset, json_lines.read_lines(part.source, part.offset, part.lines)
        for line in lines:
            if line.torn and not self._writer.settled(part.source):
                return False
            if self._gives_up(part, line.line_no):
                return True
            part.offset, part.lines = line.end_offset, line.line_no
            if line.error is not None:
                self._refuse(part, line.line_no, None, line.error, line.text)
            else:
                self._parse(part, line.line_no, line.text, line.text, alone=False)
            alone = len(part.rejections) == 1 and not (part.decisions or part.committed)
            if alone and (why := json_lines.explain_lines(part.source, began)):
                return self._refuse_rest(part, line.line_no, why, lines)
            if self._is_full():
                self._flush()
        if not part.lines:
            if not self._writer.settled(part.source):
                return False
            self._refuse(part, 0, None, "the file holds no decision", b"")
        return True

    def _refuse_rest(self, part: FileProgress, first: int, why: str, lines: Iterator[Entry]) -> bool:
        """Refuse a file once that is no file of lines at all, and go to its end; False if that is not there yet."""
        _, _, shown = part.rejections[first]
        part.rejections[first] = (None, escape_controls(why), shown)
        for line in lines:
            if line.torn and not self._writer.settled(part.source):
                return False
            part.offset, part.lines = line.end_offset, line.line_no
        return True

    def _parse(self, part: FileProgress, line: int, words: bytes, document: object, *, alone: bool) -> None:
        """Take or refuse a decision: its text, and what that holds (or the text itself)."""
        context = DecisionContext(
            received_at=self._writer.now(),
            default_version=self._settings.system_version,
            default_hold_minutes=self._settings.max_hold_time_minutes,
            timezone=self._settings.timezone,
            fallback_opened_at=part.source.mtime if alone else None,
            reading=self._settings.reading,
            positions=self._settings.positions,
        )
        try:
            decision = parse_decision(document, context=context)
        except DecisionError as wrong:
            untimed = not alone and wrong.field == "timestamp" and "missing" in wrong.reason
            if untimed and line == 1 and part.source.is_lines and json_lines.is_single_line(part.source):
                self._parse(part, line, words, document, alone=True)
                return
            why = explain_line(words) if isinstance(wrong, IncompleteJsonError) else None
            self._refuse(part, line, wrong.field, why or wrong.reason, words)
            return
        if self._replay is not None and not self._replay.since <= decision.opened_at < self._replay.until:
            self.summary.outside += 1
            return
        part.decisions.append((line, decision, words[:LONGEST_EXCERPT]))
        self._pending += 1
        self._pending_bytes += len(words)

    def _refuse(self, part: FileProgress, line: int, name: str | None, reason: str, shown: bytes) -> None:
        part.refusals += 1
        part.rejections[line] = (
            name and show_excerpt(name.encode("utf-8", "replace")),
            escape_controls(reason),
            show_excerpt(shown),
        )
        self._pending += 1

    def _gives_up(self, part: FileProgress, line: int) -> bool:
        """Whether so much of a file is refused that the rest, from this line on, is not looked at: one refusal more."""
        if part.refusals < MOST_REFUSED:
            return False
        reason = f"after {MOST_REFUSED:,} refusals the rest of the file, from here on, was not read"
        self._refuse(part, line, None, reason, b"")
        return True

    def _leave(self, part: FileProgress) -> None:
        """Leave a file to its writer; what was committed of it stays committed."""
        self._wait_for(part.source)
        self._seen.pop(part.source.sha256, None)
        self._left.add(part.source.sha256)
        if not part.committed:
            self._pending -= len(part.decisions) + len(part.rejections)
            self._parts.remove(part)

    def _wait_for(self, source: local_files.LocalFile) -> None:
        """Name a file that is not moved yet, as what it is."""
        (self.summary.held if has_writer(source.path) else self.summary.waiting).append(source.name)

    def _begin_following(self, path: Path) -> bool:
        """Read on in a file that grows; False if it is none, or none is known that it grew from."""
        followed = self._followed.get(path)
        if followed is None and file_names.can_follow(path.name) and has_writer(path):
            name = file_names.known_name(path, self._settings.inbox_dir)
            source = local_files.find_growing(path, name, growing_files.new_key())
            if source is None:
                return False
            begun = self._select_growing([name]).get(name, [])
            followed = growing_files.grow_from(self._looking, source, begun) or Followed(source.sha256, name)
            self._looking.rollback()
        if followed is not None:
            self._follow(path, followed)
        return followed is not None

    def _find_begun(self, source: local_files.LocalFile, growing: Sequence[Row[Any]]) -> Followed | None:
        """What a file grew from that is too long to be read whole, again and again, while it grows further."""
        if source.content is not None or not growing or not file_names.can_follow(source.name):
            return None
        if self._writer.settled(source):
            return None
        fresh = replace(source, sha256=growing_files.new_key(), growing=True)
        return growing_files.grow_from(self._looking, fresh, growing)

    def _follow(self, path: Path, followed: Followed) -> None:
        """Take the whole lines that are new in a file that grows; the rest too if nobody has it open any more."""
        source = local_files.find_growing(path, followed.name, followed.key)
        if source is None:
            return
        held = has_writer(path)
        still = growing_files.RETURNED_SECONDS if followed.returned and held is None else None
        last = not held and source.is_settled(self._writer.now().timestamp(), still)
        part = FileProgress(
            source, followed.offset, followed.lines, refusals=followed.refused, grown_from=followed.begun_as
        )
        part.identity, part.torn = local_files.inode_id(*source.identity[:2]), followed.torn
        self._counts.refused[followed.key] = followed.refused
        self._parts.append(part)
        try:
            for line in json_lines.read_new_lines(source, part.offset, part.lines, last=last):
                self._take_line(part, line)
            part.finished = last and self._see_whole(part)
        except ChangedError:
            self._drop(part)
        if not part.finished:
            if last:
                self._drop(part)  # its last line may have been taken for one without an end
            part.left = True
            (self.summary.held if held else self.summary.waiting).append(source.name)
            if not part.committed and part.offset == followed.offset and followed.begun_as is None:
                self._drop(part)
        if source.name in self._unmoved and part in self._parts:
            self._found[source.name] = source.sha256
        if self._is_full():
            self._flush()

    def _take_line(self, part: FileProgress, line: Entry) -> None:
        if self._is_full():
            self._flush()
        if part.left:
            raise ChangedError(part.source.name)
        if part.refusals <= MOST_REFUSED and line.text.strip() and not self._gives_up(part, line.line_no):
            if line.error is not None:
                self._refuse(part, line.line_no, None, line.error, line.text)
            else:
                self._parse(part, line.line_no, line.text, line.text, alone=False)
        part.offset, part.lines = line.end_offset, line.line_no

    def _see_whole(self, part: FileProgress) -> bool:
        """Read a file once more that has been followed to its end, for the hash of its content; whether it stands."""
        whole = local_files.open_source(part.source.path, self._settings.inbox_dir)
        if whole is None or whole.identity != part.source.identity:
            return False
        if (part.source.name, whole.sha256) in self._whole:
            return False  # the same name and content twice: one a run
        self._whole.add((part.source.name, whole.sha256))
        part.whole = replace(whole, name=part.source.name)
        if not part.lines and not part.refusals:
            self._refuse(part, 0, None, "the file holds no decision", b"")
        return True

    def _drop(self, part: FileProgress) -> None:
        """Forget what was read of a file, but not committed."""
        self._pending -= len(part.decisions) + len(part.rejections)
        part.decisions, part.rejections = [], {}
        if part in self._parts:
            self._parts.remove(part)

    def _flush(self) -> None:
        for part in list(self._parts):
            if part.identity is not None and part.whole is None:
                part.fingerprint = growing_files.take_fingerprint(part.source.path, part.offset, part.identity)
                if part.fingerprint is None:  # renamed, or cut, a moment ago: the next run reads it from where it was
                    part.left = True
                    self._drop(part)
        parts, self._parts = self._parts, [p for p in self._parts if not (p.finished or p.left)]
        self._pending = self._pending_bytes = 0
        if parts:
            self._await_writer()
            self._writer.begin([part.hand_over() for part in parts])

    def _await_writer(self) -> None:
        """Count what became of the last batch, once it is written."""
        if (done := self._writer.wait()) is None:
            return
        self.summary.count(done.tally)
        self.summary.files += done.files
        self.summary.waiting += done.waiting
        self.summary.held += done.held
        self.summary.trouble += done.trouble
        self._on_progress(self.summary)
