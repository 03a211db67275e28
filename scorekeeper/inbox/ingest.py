"""Decision files into Postgres: found in their place, read, and handed over in batches.

The way of a file: `places/` finds it, `formats/` reads its entries, `read_decisions.py` makes decisions of them,
`batches.py` writes them (`store_decisions.py`, `file_ledger.py`) and moves the file. `reader.py` reads finished files,
`growing_reader.py` those that are still written to.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row

from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox import growing_files
from scorekeeper.inbox.batches import Writer
from scorekeeper.inbox.file_ledger import write
from scorekeeper.inbox.file_progress import Counts
from scorekeeper.inbox.growing_files import Followed
from scorekeeper.inbox.growing_reader import GrowingReader
from scorekeeper.inbox.not_understood import small_confidences
from scorekeeper.inbox.places.base import Place, SourceFile
from scorekeeper.inbox.places.choose import open_place
from scorekeeper.inbox.reader import Batch, Reader
from scorekeeper.inbox.summary import Summary as Summary
from scorekeeper.locks import Lock, hold
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from scorekeeper.store.sql import json_rows, statement
from scorekeeper.threads import each_in_order

FILES_AT_ONCE = 1_000
FIRST_FILES = 250  # the fewer at first, the sooner there is something to write


@dataclass(frozen=True)
class Period:
    """A stretch of the past: since <= time < until."""

    since: datetime
    until: datetime


def ingest_files(
    db: Database,
    settings: Settings,
    *,
    received_at: datetime,
    paths: Iterable[Path] | None = None,
    replay: Period | None = None,
    on_progress: Callable[[Summary], None] = lambda summary: None,
) -> Summary:
    """Read all files of the inbox and move them; or those of `paths`, which stay where they are.

    `received_at` is the time of the run, UTC. With `replay` only decisions of that period are taken, and each counts as
    received when it was made. Runs wait for each other. A file that is still being written is left in the inbox and
    named in `waiting`. `on_progress` is called between two transactions. If it raises, the files that were read are
    moved, the run ends there, and the next one goes on. Raises ScorekeeperError.
    """
    began = time.monotonic()
    place = open_place(settings, paths)
    with (
        db.engine.connect() as connection, db.engine.connect() as looking,
        hold(db.engine, Lock.INGEST, guarding=connection),
    ):  # fmt: skip
        counts = Counts()
        with Writer(
            connection, place, counts, at=received_at, began=began, fee_bps=settings.fee_bps,
            received_at=None if replay else received_at,
        ) as writer:  # fmt: skip
            batch = Batch(place, writer, on_progress)
            reader = Reader(settings, batch, counts, None if replay is None else (replay.since, replay.until))
            run = _Ingestion(connection, looking, place, reader, received_at)
            found = run.look_around()
            batch.summary.found = len(found)
            files = iter(found)
            most = min(FIRST_FILES, FILES_AT_ONCE)
            while chunk := list(islice(files, most)):
                run.take(chunk)
                most = FILES_AT_ONCE
            run.finish()
        if batch.summary.decisions:
            batch.summary.small = small_confidences(connection, settings.reading)
        return batch.summary


class _Ingestion:
    """One run. Between two batches `connection` is free, which the writer uses; `looking` reads beside it."""

    def __init__(
        self, connection: Connection, looking: Connection, place: Place, reader: Reader, received_at: datetime
    ) -> None:
        self._connection, self._looking = connection, looking
        self._place, self._reader, self._batch = place, reader, reader.batch
        self._growing = GrowingReader(reader)
        self._received_at = received_at
        # By name, the contents that are not known to have left the inbox.
        self._unmoved: defaultdict[str, list[bytes]] = defaultdict(list)
        # The files that are followed while they grow, by address.
        self._followed: dict[str, Followed] = {}
        self.summary = self._batch.summary

    def look_around(self) -> list[str]:
        """The addresses of the files to be read, after unfinished moves are finished."""
        if not self._place.moves_files:
            return self._place.look()
        self.summary.returned = growing_files.return_moved(
            self._connection, self._place, self._received_at, self.summary.trouble
        )
        files = self._place.look()
        self._followed = growing_files.find_followed(self._connection, self._place, files, self._received_at)
        self.summary.passed_over = self._place.passed_over()
        self._finish_moves(files)
        return files

    def take(self, addresses: Sequence[str]) -> None:
        """Read files, and hand over what they hold. The last batch may still be being written afterwards."""
        moves = self._place.moves_files
        rest = [address for address in addresses if not (moves and self._begin_following(address))]
        opened = each_in_order(self._open, rest, self._place.at_once)
        sources = [source for source in opened if source is not None]
        hashes = {"rows": json_rows({"sha256": source.sha256} for source in sources)}
        # The state before the batch that is being written. What this run has read, it knows itself.
        ledger = {row.sha256: row for row in self._looking.execute(statement("inbox/select_file_ledger"), hashes)}
        waiting = {
            (row.name, row.sha256): row
            for row in self._looking.execute(statement("inbox/select_waiting_arrivals"), hashes)
        }
        fresh_lines = [one.name for one in sources if one.format.streams and one.sha256 not in ledger]
        growing = self._select_growing(fresh_lines if moves else [])
        self._looking.rollback()
        to_move = []
        names: set[tuple[str, bytes]] = set()
        for source in sources:
            if (source.name, source.sha256) in names:  # two folders, or two names that are equal once escaped
                if moves:
                    self.summary.waiting.append(source.name)
                    continue
                self._batch.flush()
            names.add((source.name, source.sha256))
            if source.name in self._unmoved:
                self._batch.found[source.name] = source.sha256
            known = growing.get(source.name, [])
            arrival = waiting.get((source.name, source.sha256)) if moves else None
            if arrival is not None:
                if self._batch.writer.stays(source):
                    self._batch.wait_for(source)
                else:
                    to_move.append((source, arrival.destination))
            elif source.sha256 in self._batch.left:
                self.summary.waiting.append(source.name)
            elif moves and (begun := self._growing.find_begun(self._looking, source, known)) is not None:
                self._follow(source.address, begun)
            elif moves and self._reader.has_read_otherwise(source):
                self.summary.waiting.append(source.name)  # to the next run: as this kind the bytes say something else
            else:
                self._reader.take(source, ledger.get(source.sha256), known)
        self._batch.flush()
        if to_move:
            self._batch.await_writer()
            self.summary.trouble += self._batch.writer.move(to_move)

    def finish(self) -> None:
        """Wait until all is written. Then end the arrivals of files that were renamed or replaced in the inbox."""
        self._batch.await_writer()
        replaced = [
            {"name": name, "sha256": sha256, "moved_at": self._received_at, "lies": False}
            for name, now in self._batch.found.items()
            for sha256 in self._unmoved[name]
            if sha256 != now and now not in self._batch.left
        ]
        found = self._connection.execute(statement("inbox/select_renamed_arrivals")).all()
        self._connection.rollback()
        renamed = [
            {"name": name, "sha256": sha256, "at": self._received_at}
            for name, sha256 in found
            if not self._place.holds(name)
        ]
        with self._connection.begin():
            write(self._connection, "inbox/end_renamed_arrivals", renamed)
            write(self._connection, "inbox/mark_arrivals_moved", replaced)
            unread = self._connection.execute(statement("inbox/select_unread_symbols")).all()
        self.summary.unresolved = [row.name for row in unread if row.kind == "held"]
        self.summary.unlisted = [row.name for row in unread if row.kind == "unlisted"]

    def _finish_moves(self, files: Iterable[str]) -> None:
        """Note which files have left the inbox: those whose move a killed run did not note, and those taken away."""
        found = self._connection.execute(statement("inbox/select_unmoved_arrivals")).all()
        self._connection.rollback()
        there = set(map(self._place.name_of, files)) if found else set()
        moved = []
        ends = each_in_order(lambda row: self._finish_move(row, there), found, self._place.at_once)
        for row, lies in zip(found, ends, strict=True):
            if lies is not None:
                done = {"name": row.name, "sha256": row.sha256, "moved_at": self._received_at, "lies": lies}
                moved.append(done)
        with self._connection.begin():
            write(self._connection, "inbox/mark_arrivals_moved", moved)

    def _finish_move(self, row: Row[Any], there: Set[str]) -> bool | None:
        """Whether a file lies where it was moved; None if that is unknown, or it may still be in the inbox."""
        try:
            lies = self._place.finish_move(row.name, row.destination, row.sha256, row.size_bytes)
            # One that lies there has left the inbox, whatever has taken its name: its late lines are watched for.
            if lies or (row.name not in there and not self._place.holds(row.name)):
                return lies
        except ScorekeeperError as exc:
            self.summary.trouble.append(str(exc))
            return None
        self._unmoved[row.name].append(row.sha256)
        return None

    def _open(self, address: str) -> SourceFile | None:
        try:
            return self._place.open(address)
        except ScorekeeperError as exc:
            self.summary.trouble.append(str(exc))
            return None

    def _select_growing(self, names: list[str]) -> dict[str, list[Row[Any]]]:
        """What is known of files with these names that have not left the inbox. One of them may have grown."""
        found: defaultdict[str, list[Row[Any]]] = defaultdict(list)
        if names:
            for row in self._looking.execute(statement("inbox/select_growing_arrivals"), {"names": names}):
                found[row.name].append(row)
        return found

    def _begin_following(self, address: str) -> bool:
        """Read on in a file that is followed, or open in a writer; False if it is neither."""
        followed = self._followed.get(address)
        if followed is None and (source := self._growing.find_open(address)) is not None:
            begun = self._select_growing([source.name]).get(source.name, [])
            grown = growing_files.grow_from(self._looking, self._place, source, begun)
            followed = grown or Followed(source.sha256, source.name)
            self._looking.rollback()
        if followed is None:
            return False
        self._follow(address, followed)
        return True

    def _follow(self, address: str, followed: Followed) -> None:
        file = self._growing.follow(address, followed)
        if file is not None and file.source.name in self._unmoved:
            self._batch.found[file.source.name] = file.source.sha256
        if self._batch.is_full():
            self._batch.flush()
