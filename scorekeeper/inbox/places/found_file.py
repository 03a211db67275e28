"""What is the same for a decision file that was found, wherever it lies."""

import hashlib
from typing import IO

from scorekeeper.inbox.file_names import format_of, is_compressed
from scorekeeper.inbox.formats.base import Format
from scorekeeper.inbox.places.base import SourceFile

SETTLED_SECONDS = 5
KEPT_BYTES = 16 << 10  # a file of so many bytes or fewer is kept in memory once it was hashed


class FoundFile:
    """What follows from a file's name and from its time; see SourceFile, which a class that inherits this is."""

    @property
    def is_compressed(self: SourceFile) -> bool:
        """See SourceFile."""
        return is_compressed(self.name)

    @property
    def format(self: SourceFile) -> Format:
        """See SourceFile."""
        return format_of(self.name)

    @property
    def kind(self: SourceFile) -> tuple[object, bool]:
        """See SourceFile."""
        return self.format, self.is_compressed

    def is_settled(self: SourceFile, now: float, still: float | None = None) -> bool:
        """See SourceFile. A writer may set the time of the last write, ahead of now too."""
        return abs(now - self.mtime.timestamp()) >= (SETTLED_SECONDS if still is None else still)


def begins_with(file: IO[bytes], size: int, sha256: bytes) -> bool:
    """Whether the first `size` bytes of a file, or all if it has fewer, have that hash."""
    digest = hashlib.sha256()
    while size and (block := file.read(min(size, 1 << 20))):
        digest.update(block)
        size -= len(block)
    return digest.digest() == sha256
