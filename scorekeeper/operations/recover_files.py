"""Files of archive, quarantine and inbox whose decisions a recovery takes in, as ingest would have."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from pathlib import Path

import msgspec

from scorekeeper.decisions.decision import Decision, DecisionContext
from scorekeeper.decisions.made_ids import list_ids
from scorekeeper.inbox import file_ledger, file_names, store_decisions
from scorekeeper.inbox.file_progress import Counts, FileProgress
from scorekeeper.inbox.formats.base import Entry, FileError
from scorekeeper.inbox.formats.json_lines import LONGEST_LINE
from scorekeeper.inbox.places import moved, moves
from scorekeeper.inbox.places.base import ChangedError, SourceFile
from scorekeeper.inbox.places.choose import open_place
from scorekeeper.inbox.places.local_files import LocalFile
from scorekeeper.inbox.places.object_file import ObjectFile
from scorekeeper.inbox.read_decisions import read_decision
from scorekeeper.inbox.reader import NO_DECISION
from scorekeeper.inbox.standing import Verdict
from scorekeeper.locations import Location
from scorekeeper.operations.first_arrival import Said, find_arrival, is_known, received_at
from scorekeeper.operations.recovered import BATCH, Recovered
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from scorekeeper.store.sql import json_rows, statement


class FileRecovery:
    """Takes in files one by one. `said`: what published lines say of decisions, by their ids."""

    def __init__(
        self, db: Database, settings: Settings, now: datetime, done: Recovered, context: DecisionContext,
        said: Mapping[str, Said],
    ) -> None:  # fmt: skip
        self._db, self._settings, self._now, self._done = db, settings, now, done
        self._context, self._said = context, said
        self._place = open_place(settings)

    def take(self, path: Location) -> None:
        """Take in one file of the archive or of quarantine."""
        root = moves.root_of(path, self._settings.archive, self._settings.quarantine)
        source = moved.open_moved(path, root)
        if source is None:
            return
        digits = file_names.read_hash(path.name)
        quarantined = moves.is_quarantined(self._settings.quarantine, path)  # where it may be corrected
        if digits is not None and not quarantined and not source.sha256.hex().startswith(digits):
            if not isinstance(path, Path) or not _has_grown(path, source, digits):  # no object grows
                self._done.refused.append(f"{path} is not as it came")
                return
            path = path.rename(path.with_name(file_names.archive_name(file_names.first_name(path.name), source.sha256)))
            if (source := moved.open_moved(path, root)) is None:
                return
        file, counts = self._begin(source)
        arrived, latest = find_arrival(path, source, self._settings)
        context = msgspec.structs.replace(self._context, received_at=latest)
        began, foreign = file.offset, False
        try:
            for entry in _read_entries(file):
                if entry.end_offset is not None:
                    file.offset, file.lines = entry.end_offset, entry.number
                if foreign:
                    continue  # refused as a whole, as ingest does, and read to its end
                self._take_entry(file, entry, context)
                if file.holds_one_refusal and (why := source.format.explain(source, began)):
                    file.refuse_whole(entry.number, why)
                    foreign = True
                if len(file.decisions) + len(file.rejections) >= BATCH:
                    self._write(file.hand_over(), path, counts, arrived)
        except ChangedError:
            self._done.refused.append(f"{path} was changed while it was read")
            return
        except FileError as exc:
            file.refuse(exc.line or 0, None, exc.reason, b"")
        file.finished = True
        self._write(file, path, counts, arrived)
        self._move(file, path)
        self._done.files += 1

    def take_told(self, address: str) -> None:
        """Take in the decisions of a dataset whose file is in the inbox, such as one that is still appended to.

        The next ingest reads the file and meets these decisions as duplicates. Lines of the dataset do not say all of
        them: if they were taken from there, the content of the file would differ.
        """
        name = self._place.name_of(address)
        source = self._place.open_growing(address, name, b"") if file_names.can_follow(name) else None
        source = source or self._place.open(address)
        if source is None:
            return
        file = FileProgress(source)
        try:
            for entry in _read_entries(file):
                file.lines = entry.number
                if entry.error is None:
                    self._take_entry(file, entry, self._context)
                if len(file.decisions) + len(file.rejections) >= BATCH:
                    self._record_told(file.hand_over())
        except (ChangedError, FileError):
            pass  # the next ingest reads the rest
        self._record_told(file)

    def _begin(self, source: LocalFile | ObjectFile) -> tuple[FileProgress, Counts]:
        """The file under the name that it came under, and how far it was read when the backup was made."""
        with self._db.begin() as connection:
            hashes = {"rows": json_rows([{"sha256": source.sha256}])}
            known = connection.execute(statement("inbox/select_file_ledger"), hashes).one_or_none()
            given = {"sha256": source.sha256}
            names = connection.execute(statement("verify/select_names_of_content"), given).scalars().all()
        first = file_names.first_name(source.name)
        file = FileProgress(replace(source, name=first if first in names or not names else names[0]))
        counts = Counts()
        if known is not None:
            counts.holds[source.sha256], counts.refused[source.sha256] = known.decisions, known.refused
            file.offset, file.lines, file.refusals = known.committed_offset, known.committed_lines, known.refused
        return file, counts

    def _record_told(self, file: FileProgress) -> None:
        rows = [(one, None, file.source.name, line) for line, one, _ in file.decisions if one.trade_id in self._said]
        with self._db.begin() as connection:
            for moment, some in groupby(rows, key=lambda row: self._received(row[0], row[0].opened_at)):
                verdicts = store_decisions.record_rows(connection, list(some), moment, self._settings.fee_bps)
                self._done.decisions += sum(verdict.outcome == "accepted" for verdict in verdicts)

    def _take_entry(self, file: FileProgress, entry: Entry, context: DecisionContext) -> None:
        decision = read_decision(file, entry, context)
        if decision is None:
            return
        # The longest: a published line keeps its id, in whatever order its decision and another of that id come in.
        ids = list_ids(decision.trade_id, decision.content_sha256)
        trade_id = next((one for one in reversed(ids) if one in self._said), None)
        if trade_id is not None:
            said = self._said[trade_id]
            decision = msgspec.structs.replace(
                decision, trade_id=trade_id, expires_at=said.expires_at or decision.expires_at,
                version=said.version or decision.version,
            )  # fmt: skip
        file.accept(entry.number, decision, entry.text)

    def _write(self, file: FileProgress, path: Location, counts: Counts, arrived: datetime) -> None:
        """Write a batch of a file's decisions in one transaction, each with the time of its first arrival."""
        name, sha256 = file.source.name, file.source.sha256

        def destination(file: FileProgress) -> str:
            if file.refused and not moves.is_quarantined(self._settings.quarantine, path):
                return self._place.quarantine_address(name, sha256)
            return str(path)

        with self._db.begin() as connection:
            file_ledger.note_progress(connection, [file], arrived)
            rows = [(decision, sha256, name, line) for line, decision, _ in file.decisions]
            verdicts: list[Verdict] = []
            for moment, some in groupby(rows, key=lambda row: self._received(row[0], arrived)):
                verdicts += store_decisions.record_rows(connection, list(some), moment, self._settings.fee_bps)
            tally = file_ledger.note_outcomes(
                connection, [file], iter(verdicts), at=arrived, counts=counts, destination=destination, in_place=False
            )
        self._done.decisions += tally.decisions
        self._done.guessed += sum(
            verdict.outcome == "accepted" and not is_known(self._said.get(decision.trade_id))
            for (decision, *_), verdict in zip(rows, verdicts, strict=True)
        )
        self._done.rejected += len(tally.rejections)

    def _received(self, decision: Decision, arrived: datetime) -> datetime:
        return received_at(decision, self._said.get(decision.trade_id), arrived)

    def _move(self, file: FileProgress, path: Location) -> None:
        """Note where the file lies. A file with refusals goes to quarantine, with an error file beside it."""
        source, error_file, lies = file.source, None, True
        assert file.destination is not None
        if file.refused:
            given = {"sha256": source.sha256}
            with self._db.begin() as connection:
                rows = connection.execute(statement("inbox/select_rejections"), given).mappings().all()
            error_file = self._place.write_error_file(
                file.destination,
                {"file": source.name, "sha256": source.sha256.hex(), "rejected": [dict(row) for row in rows]},
            )
            if file.destination != str(path):
                lies = self._place.move(source, file.destination)
        done = {
            "name": source.name, "sha256": source.sha256, "moved_at": self._now, "lies": lies, "report": error_file,
        }  # fmt: skip
        with self._db.begin() as connection:
            file_ledger.write(connection, "inbox/mark_arrivals_moved", [done])


def _read_entries(file: FileProgress) -> Iterator[Entry]:
    """The entries of a file that are not read yet. Raises FileError, for one without any too; ChangedError."""
    source = file.source
    empty = not file.lines
    if source.growing:
        entries = source.format.read_growing(source, 0, 0, last=True)
    else:
        entries = source.format.read(source, file.offset, file.lines)
    for entry in entries:
        empty = False
        yield entry
    if empty:
        raise FileError(NO_DECISION)


def _has_grown(path: Path, source: SourceFile, digits: str) -> bool:
    """Whether a file of lines begins with the content that its name tells of: it was written to after it was moved."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while source.format.streams and not source.is_compressed and (line := file.readline(LONGEST_LINE)):
            torn = digest.copy()
            torn.update(line.rstrip(b"\n"))
            digest.update(line)
            if digits in (torn.hexdigest()[: len(digits)], digest.hexdigest()[: len(digits)]):
                return True
    return False
