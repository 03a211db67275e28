"""After a restore from a backup: what came in since is taken in again, from the archive and the published dataset.

Exactly once, and as it came then: with the time of its first arrival, so that nothing becomes late.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection

from scorekeeper.decisions.decision import Decision, DecisionContext, DecisionError, parse_decision
from scorekeeper.decisions.reading_rules import make_reading
from scorekeeper.decisions.strict_json import IncompleteJsonError
from scorekeeper.inbox import file_ledger, file_moves, growing_files, listing, source_files, store_decisions
from scorekeeper.inbox.foreign_files import explain_line
from scorekeeper.locks import Lock, hold
from scorekeeper.operations import import_dataset
from scorekeeper.operations.first_arrival import Said, find_arrival, is_known, read_records, read_said, received_at
from scorekeeper.publish import publish
from scorekeeper.publish.set_aside import AHEAD
from scorekeeper.safe_text import escape_controls
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from scorekeeper.store.sql import json_rows, statement
from scorekeeper.trades import by_hand, settle
from scorekeeper.verify import unknown_files

BATCH = 2_000
RECOVERED = "recovered"  # in the name of a dataset that was set aside, once all of it is known


@dataclass
class Recovered:
    """What a recovery did: files and decisions taken in, exits brought back, and what it had to guess or leave.

    `from_dataset`: decisions that no file holds; `guessed`: decisions of which no line tells when they arrived;
    `rejected`: decisions of files that are refused, as they were then; `refused`: sentences about what else could not
    be taken in; `set_aside`: what the publication had to set aside.
    """

    files: int = 0
    decisions: int = 0
    from_dataset: int = 0
    exits: int = 0
    guessed: int = 0
    rejected: int = 0
    refused: list[str] = field(default_factory=list)
    set_aside: list[str] = field(default_factory=list)


def recover(db: Database, settings: Settings, now: datetime, datasets: Sequence[Path] = ()) -> Recovered:
    """Take in what archive and quarantine hold and the database does not know, then what only the dataset holds.

    Log and dataset are published before, so that lines of theirs that the database does not know are set aside first,
    and after. `datasets`: others that tell of what was lost, such as one that was set aside under another name, or the
    copy of another disk. May be repeated, and killed anywhere. No ingest works meanwhile. Raises ScorekeeperError.
    """
    paths = {"log_path": settings.log_path, "dataset_path": settings.dataset_path}
    done = Recovered(set_aside=publish.publish(db, **paths).explain())
    with db.engine.connect() as holding, hold(holding, Lock.INGEST):
        _Recovery(db, settings, now, done).run(datasets)
    done.set_aside += publish.publish(db, **paths).explain()
    return done


class _Recovery:
    def __init__(self, db: Database, settings: Settings, now: datetime, done: Recovered) -> None:
        self._db, self._settings, self._now, self._done = db, settings, now, done
        self._context = DecisionContext(
            now, settings.system_version, settings.max_hold_time_minutes, settings.timezone, None, settings.reading,
            settings.positions,
        )  # fmt: skip
        # Published confidences are in percent, whatever the scale of the files was.
        self._published = msgspec.structs.replace(self._context, reading=make_reading(settings.words, {}))
        self._said: dict[str, Said] = {}

    def run(self, named: Sequence[Path]) -> None:
        set_aside = unknown_files.list_set_aside(self._settings.dataset_path)
        datasets = [*set_aside, *named]
        with self._db.begin() as connection:
            unknown = (ids for path in datasets for ids in unknown_files.find_unknown_ids(connection, path))
            missing = {one for ids in unknown for one in ids}
            # Of the archive by day: as they came.
            files = sorted(unknown_files.find_unknown_files(connection, self._settings))
        for path in datasets:
            for record in read_records(path):
                if record["trade_id"] in missing:
                    self._said.setdefault(record["trade_id"], read_said(record))
        for path in files:
            self._take_file(path)
        if self._said:
            for path in listing.walk_inbox(self._settings.inbox_dir, self._settings.own_dirs).files:
                self._take_open_file(path)
        for path in datasets:
            refused = len(self._done.refused)
            records = read_records(path)
            while some := list(islice(records, BATCH)):
                with self._db.begin() as connection:
                    self._take_records(connection, some, path)
            if path in set_aside and len(self._done.refused) == refused:
                path.rename(path.with_name(path.name.replace(AHEAD, RECOVERED)))

    def _take_file(self, path: Path) -> None:
        """Take in one file where it lies, as ingest would have."""
        root = file_moves.root_of(path, self._settings.archive_dir, self._settings.quarantine_dir)
        source = source_files.open_source(path, root)
        if source is None:
            return
        digits = file_moves.read_hash(path.name)
        kept = file_moves.is_quarantined(self._settings.quarantine_dir, path)  # where it may be mended
        if digits is not None and not kept and not source.sha256.hex().startswith(digits):
            if not _has_grown(source, digits):
                self._done.refused.append(f"{path} is not as it came")
                return
            path = path.rename(path.with_name(file_moves.archive_name(file_moves.first_name(path.name), source.sha256)))
            if (source := source_files.open_source(path, root)) is None:
                return
        with self._db.begin() as connection:
            hashes = {"rows": json_rows([{"sha256": source.sha256}])}
            known = connection.execute(statement("inbox/select_file_ledger"), hashes).one_or_none()
            names = (
                connection.execute(statement("verify/select_names_of_content"), {"sha256": source.sha256})
                .scalars()
                .all()
            )
        first = file_moves.first_name(source.name)
        part = file_ledger.Part(replace(source, name=first if first in names or not names else names[0]))
        counts = file_ledger.Counts()
        if known is not None:  # the backup was made while it was being read
            counts.holds[source.sha256], counts.refused[source.sha256] = known.decisions, known.refused
            part.offset, part.lines, part.refusals = known.committed_offset, known.committed_lines, known.refused
        arrived, latest = find_arrival(path, source, self._settings)
        context = msgspec.structs.replace(self._context, received_at=latest)
        began, why = part.offset, None
        try:
            for position, words, error, offset in _read_texts(part):
                if offset is not None:
                    part.offset, part.lines = offset, position
                if error is not None and why is None:
                    _refuse(part, position, None, error, words)
                elif why is None:
                    self._parse(part, position, words, context)
                alone = len(part.rejections) == 1 and not (part.decisions or part.committed or why)
                if alone and source.is_lines and (why := source_files.explain_lines(source, began)):
                    # No file of lines at all: refused once, as ingest does, and read to its end.
                    part.rejections[position] = None, escape_controls(why), file_ledger.show_excerpt(words)
                if len(part.decisions) + len(part.rejections) >= BATCH:
                    self._write(part.hand_over(), path, counts, arrived)
        except source_files.ChangedError:
            self._done.refused.append(f"{path} was changed while it was read")
            return
        except source_files.FileError as broken:
            _refuse(part, broken.line or 0, None, broken.reason, b"")
        part.finished = True
        self._write(part, path, counts, arrived)
        self._move(part, path)
        self._done.files += 1

    def _take_open_file(self, path: Path) -> None:
        """Take in what a dataset tells of from a file that has not left the inbox, such as one that is appended to.

        The file itself is left to the next ingest, which meets these decisions as duplicates. Their lines in the
        dataset do not hold all of them: taken from there, what the file says would be other content.
        """
        name = listing.known_name(path, self._settings.inbox_dir)
        grows = growing_files.can_follow(path.name)
        source = (
            source_files.find_growing(path, name, b"")
            if grows
            else source_files.open_source(path, self._settings.inbox_dir)
        )
        if source is None:
            return
        part = file_ledger.Part(source)
        try:
            for position, words, error, _ in _read_texts(part):
                part.lines = position
                if error is None:
                    self._parse(part, position, words, self._context)
                if len(part.decisions) + len(part.rejections) >= BATCH:
                    self._record_told(part.hand_over())
        except (source_files.ChangedError, source_files.FileError):
            pass  # as far as it could be read: the rest is the next ingest's
        self._record_told(part)

    def _record_told(self, part: file_ledger.Part) -> None:
        rows = [(one, None, part.source.name, line) for line, one, _ in part.decisions if one.trade_id in self._said]
        with self._db.begin() as connection:
            for moment, some in groupby(rows, key=lambda row: self._received(row[0], row[0].opened_at)):
                verdicts = store_decisions.record_rows(connection, list(some), moment, self._settings.fee_bps)
                self._done.decisions += sum(verdict.outcome == "accepted" for verdict in verdicts)

    def _parse(self, part: file_ledger.Part, position: int, words: bytes, context: DecisionContext) -> None:
        try:
            try:
                decision = parse_decision(words, context=context)
            except DecisionError as wrong:
                if wrong.field != "timestamp" or "missing" not in wrong.reason or not _is_alone(part.source):
                    raise
                alone = msgspec.structs.replace(context, fallback_opened_at=part.source.mtime)
                decision = parse_decision(words, context=alone)
        except DecisionError as wrong:
            reason = explain_line(words) if isinstance(wrong, IncompleteJsonError) else None
            _refuse(part, position, wrong.field, reason or wrong.reason, words)
            return
        said = self._said.get(decision.trade_id)
        if said is not None:
            decision = msgspec.structs.replace(
                decision, expires_at=said.expires_at or decision.expires_at, version=said.version or decision.version
            )
        part.decisions.append((position, decision, words[: file_ledger.LONGEST_EXCERPT]))

    def _write(self, part: file_ledger.Part, path: Path, counts: file_ledger.Counts, arrived: datetime) -> None:
        """A batch of a file's decisions as one transaction, each received when it was then."""
        name, sha256 = part.source.name, part.source.sha256

        def destination(part: file_ledger.Part) -> Path:
            archived = path.is_relative_to(self._settings.archive_dir)
            if archived and part.refused:
                return file_moves.quarantine_path(self._settings.quarantine_dir, name, sha256)
            return path

        with self._db.begin() as connection:
            file_ledger.open_parts(connection, [part], arrived)
            rows = [(decision, sha256, name, line) for line, decision, _ in part.decisions]
            verdicts: list[store_decisions.Verdict] = []
            for moment, some in groupby(rows, key=lambda row: self._received(row[0], arrived)):
                verdicts += store_decisions.record_rows(connection, list(some), moment, self._settings.fee_bps)
            tally = file_ledger.close_parts(
                connection, [part], iter(verdicts), at=arrived, counts=counts, destination=destination, in_place=False
            )
        self._done.decisions += tally.decisions
        self._done.guessed += sum(
            verdict.outcome == "accepted" and not is_known(self._said.get(decision.trade_id))
            for (decision, *_), verdict in zip(rows, verdicts, strict=True)
        )
        self._done.rejected += len(tally.rejections)

    def _received(self, decision: Decision, arrived: datetime) -> datetime:
        return received_at(decision, self._said.get(decision.trade_id), arrived)

    def _move(self, part: file_ledger.Part, path: Path) -> None:
        """Note where the file lies; what is refused of it goes to quarantine, with a report."""
        source, destination, report, lies = part.source, part.destination, None, True
        assert destination is not None
        if part.refused:
            with self._db.begin() as connection:
                rows = (
                    connection.execute(statement("inbox/select_rejections"), {"sha256": source.sha256}).mappings().all()
                )
            report = file_moves.write_error_file(
                destination,
                {"file": source.name, "sha256": source.sha256.hex(), "rejected": [dict(row) for row in rows]},
            )
            if destination != path:
                lies = file_moves.move_file(source, destination, keep=True)
        moved = {"name": source.name, "sha256": source.sha256, "moved_at": self._now, "lies": lies, "report": report}
        with self._db.begin() as connection:
            file_ledger.write(connection, "inbox/mark_arrivals_moved", [moved])

    def _take_records(self, connection: Connection, records: list[dict[str, Any]], path: Path) -> None:
        """Take in the decisions of a dataset that no file has brought, and the exits that no candle decides again."""
        ids = {"ids": list({record["trade_id"] for record in records})}
        missing = set(connection.execute(statement("verify/select_unknown_ids"), ids).scalars())
        for record in records:
            if record["trade_id"] in missing:
                missing.discard(record["trade_id"])
                self._take_record(connection, record, path)
            if record.get("status") == "completed" and record.get("exit_price") is not None:
                self._done.exits += self._take_exit(connection, record)

    def _take_record(self, connection: Connection, record: dict[str, Any], path: Path) -> None:
        try:
            decision = import_dataset.read_decision(record, self._published)
        except DecisionError as wrong:
            self._done.refused.append(escape_controls(f"{path}, {record['trade_id']}: {wrong.field}: {wrong.reason}"))
            return
        said = self._said.setdefault(decision.trade_id, read_said(record))
        if said.expires_at is not None:
            decision = msgspec.structs.replace(decision, expires_at=said.expires_at)
        # Without a time of its arrival: when it was decided.
        store_decisions.record(
            connection, [decision], source_name=path.name, source_sha256=None, fee_bps=self._settings.fee_bps,
            received_at=self._received(decision, decision.opened_at),
        )  # fmt: skip
        self._done.from_dataset += 1
        self._done.guessed += not is_known(said)

    def _take_exit(self, connection: Connection, record: dict[str, Any]) -> int:
        """Close a trade as it was closed then, where that did not follow from candles; ask for a close by hand."""
        trade_id, source, reason = record["trade_id"], record.get("price_source"), record.get("exit_reason")
        time, price = datetime.fromisoformat(record["exit_time"]), float(record["exit_price"])
        if source == "market":
            return reason == "manual" and by_hand.request_close(connection, trade_id, time) == "requested"
        if source == "quote":
            return settle.close_by_quote(
                connection, trade_id, price=price, at=time, as_of=self._now.replace(second=0, microsecond=0),
                reason=str(reason),
            )  # fmt: skip
        settle.open_settlement(connection)
        closed = import_dataset.close_as_imported(
            connection, trade_id, price, time, record.get("mfe_pct"), record.get("mae_pct"), self._now
        )
        settle.record_settlement(connection)
        return closed


def _refuse(part: file_ledger.Part, line: int, name: str | None, reason: str, shown: bytes) -> None:
    field_name = name and file_ledger.show_excerpt(name.encode("utf-8", "replace"))
    part.rejections[line] = field_name, escape_controls(reason), file_ledger.show_excerpt(shown)
    part.refusals += 1


def _read_texts(part: file_ledger.Part) -> Iterator[tuple[int, bytes, str | None, int | None]]:
    """(line or position, text, what is wrong with it, where it ends in a file of lines) of what is not read yet."""
    source = part.source
    if source.is_lines:
        read = source_files.read_lines(source, part.offset, part.lines)
        for line in source_files.read_new_lines(source, 0, 0, last=True) if source.growing else read:
            yield line.line_no, line.text, line.error, line.end_offset
        if not part.lines:
            raise source_files.FileError("the file holds no decision")
        return
    documents = source_files.read_documents(source)
    if not documents:
        raise source_files.FileError("the file holds no decision")
    for position, words, _ in documents:
        yield position, words, None, None


def _has_grown(source: source_files.SourceFile, digits: str) -> bool:
    """Whether a file of lines begins with the content that its name tells of: it was written to after it was moved."""
    digest = hashlib.sha256()
    with source.path.open("rb") as file:
        while source.is_lines and not source.is_compressed and (line := file.readline(source_files.LONGEST_LINE)):
            torn = digest.copy()
            torn.update(line.rstrip(b"\n"))
            digest.update(line)
            if digits in (torn.hexdigest()[: len(digits)], digest.hexdigest()[: len(digits)]):
                return True
    return False


def _is_alone(source: source_files.SourceFile) -> bool:
    return source_files.is_single_line(source) if source.is_lines else len(source_files.read_documents(source)) == 1
