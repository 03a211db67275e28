"""What a format of decision files is: the interface that each one implements.

A new format is a module beside this one with a class that has these members, and a line in `FORMATS` of __init__.py.
tests/integration/inbox/test_formats.py runs the same suite over all of them.
"""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, NamedTuple, Protocol

from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox.places.base import SourceFile


class FileError(ScorekeeperError):
    """A file that cannot be read as decisions: `reason`, and the line (from 1) where it is known."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


class Entry(NamedTuple):
    """What a file says of one decision.

    `number`: its line, or its position in the file, from 1. `end_offset`: where it ends in the decompressed file, in
    bytes; None: the format is read as a whole, or this is not the last entry of its line. `text`: its bytes.
    `document`: what they hold, if that is parsed already. `torn`: it has no end, and what is there may be a part of it.
    `error`: why it cannot be read. `skipped`: why it is no decision, though the file is as it should be.
    `dated_by_file`: its decision may have the file's time.
    """

    number: int
    end_offset: int | None
    text: bytes
    document: object = None
    torn: bool = False
    error: str | None = None
    skipped: str | None = None
    dated_by_file: bool = False


class Format(Protocol):
    """How a file holds decisions."""

    @property
    def suffixes(self) -> tuple[str, ...]:
        """The endings of its files' names, in lower case, each with its dot, without `.gz`."""

    @property
    def streams(self) -> bool:
        """Whether entries stand one after the other, so that a file can be read on from an offset, and may grow."""

    @property
    def place_word(self) -> str:
        """What stands before an entry's number where it is named, such as `line `."""

    def read(self, file: SourceFile, offset: int = 0, done: int = 0) -> Iterator[Entry]:
        """The entries from `offset` (bytes of the decompressed file) on, of which `done` come before it.

        Takes memory for one entry at a time if the format streams. Raises FileError, ChangedError.
        """

    def read_growing(self, file: SourceFile, offset: int, done: int, *, last: bool) -> Iterator[Entry]:
        """The entries from `offset` on up to the size that the file was found with; blank ones too.

        An entry without an end is left out, unless it is the `last` that there will be. Raises ChangedError.
        """

    def explain(self, file: SourceFile, offset: int) -> str | None:
        """Why the file is of another format from `offset` on; None if it is not, or if that cannot be told."""

    def holds_one(self, file: SourceFile) -> bool:
        """Whether the file holds exactly one entry. Raises FileError, ChangedError."""


@contextmanager
def open_text(file: SourceFile) -> Iterator[IO[bytes]]:
    """The decompressed bytes of a file. Raises ChangedError if it changed before the end of reading."""
    with file.open() as content:
        yield gzip.GzipFile(fileobj=content) if file.is_compressed else content  # type: ignore[misc]  # both can be read
