"""Files that are still written to are followed: their complete lines are read, and once they are finished, the rest."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row

from scorekeeper.inbox import growing_files
from scorekeeper.inbox.file_names import can_follow
from scorekeeper.inbox.file_progress import FileProgress
from scorekeeper.inbox.formats.base import Entry
from scorekeeper.inbox.growing_files import RETURNED_SECONDS, Followed
from scorekeeper.inbox.places.base import ChangedError, SourceFile
from scorekeeper.inbox.reader import MOST_REFUSED, NO_DECISION, Reader


class GrowingReader:
    """Reads files that grow into the batch of a reader."""

    def __init__(self, reader: Reader) -> None:
        self._reader, self._batch, self._place = reader, reader.batch, reader.batch.place
        # By name and content, the followed files that are complete in this run.
        self._whole: set[tuple[str, bytes]] = set()

    def find_open(self, address: str) -> SourceFile | None:
        """The file at an address if a writer has it open, and it can be followed."""
        name = self._place.name_of(address)
        if not can_follow(name) or not self._place.has_writer(address):
            return None
        return self._place.open_growing(address, name, growing_files.new_key())

    def find_begun(self, looking: Connection, source: SourceFile, growing: Sequence[Row[Any]]) -> Followed | None:
        """How far a file is read that still grows, if it is too long to be read as a whole each time it has grown."""
        if source.is_short or not growing or not can_follow(source.name) or self._batch.writer.is_settled(source):
            return None
        fresh = self._place.open_growing(source.address, source.name, growing_files.new_key())
        return None if fresh is None else growing_files.grow_from(looking, self._place, fresh, growing)

    def follow(self, address: str, followed: Followed) -> FileProgress | None:
        """Take the new complete lines of a file, and the rest too if its writer is done; None if nothing is taken."""
        source = self._place.open_growing(address, followed.name, followed.key)
        if source is None:
            return None
        held = self._place.has_writer(address)
        still = RETURNED_SECONDS if followed.returned and held is None else None
        last = not held and source.is_settled(self._batch.writer.now().timestamp(), still)
        file = FileProgress(
            source, followed.offset, followed.lines, refusals=followed.refused, grown_from=followed.begun_as,
            identity=source.lasting_id, torn=followed.torn,
        )  # fmt: skip
        self._reader.counts.refused[followed.key] = followed.refused
        self._batch.add(file)
        dropped = False
        try:
            for entry in source.format.read_growing(source, file.offset, file.lines, last=last):
                self._take_entry(file, entry)
            file.finished = last and self._complete(file)
        except ChangedError:
            self._batch.drop(file)
            dropped = True
        if not file.finished:
            file.left = True
            (self._batch.summary.held if held else self._batch.summary.waiting).append(source.name)
            nothing = not file.committed and file.offset == followed.offset and followed.begun_as is None
            if last or nothing:  # the last line may have been taken for one without an end
                self._batch.drop(file)
                dropped = True
        return None if dropped else file

    def _take_entry(self, file: FileProgress, entry: Entry) -> None:
        if self._batch.is_full():
            self._batch.flush()
        if file.left:
            raise ChangedError(file.source.name)
        wanted = file.refusals <= MOST_REFUSED and entry.text.strip()
        if wanted and not self._reader.gives_up(file, entry.number):
            self._reader.take_entry(file, entry)
        if entry.end_offset is not None:
            file.offset, file.lines = entry.end_offset, entry.number

    def _complete(self, file: FileProgress) -> bool:
        """Read a finished file once more as a whole, for its hash; False if it has changed meanwhile."""
        whole = self._place.open(file.source.address, file.source.name)
        if whole is None or not file.source.is_unchanged(whole):
            return False
        if (file.source.name, whole.sha256) in self._whole:
            return False  # the same name and content twice: the next run takes the second
        self._whole.add((file.source.name, whole.sha256))
        file.whole = whole
        if not file.lines and not file.refusals:
            self._reader.refuse(file, 0, NO_DECISION)
        return True
