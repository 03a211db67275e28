"""Where a published file lies: what a publication needs of it, and the choice between a disk and an object store."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple, Protocol

from scorekeeper.locations import Location


class Mark(NamedTuple):
    """How far a file is published: its length in bytes, and a hash by which a changed file is noticed (None: empty)."""

    size: int
    sha256: bytes | None


class AheadError(Exception):
    """The file holds whole lines after those that the database knows."""


class Target(Protocol):
    """One published file. Its methods are called under the publisher's lock, and raise ScorekeeperError or OSError."""

    def set_foreign_aside(self) -> Location | None:
        """Give a file that this database has not published another name; that name, or None if there is no file."""

    def append(self, mark: Mark, lines: bytes, *, last: bool) -> Mark:
        """Make `lines` follow what was published up to `mark`; the new mark. Lines that stand there already stay.

        `last`: there are no more lines. Raises AheadError if the file holds other whole lines than these.
        """

    def rewrite(self, mark: Mark, lines: Iterator[bytes]) -> tuple[Mark, Location | None]:
        """Replace the file by these lines; its new mark, and where the old one is kept if content would be lost."""


def open_target(at: Location) -> Target:
    """The published file at an absolute path or an address."""
    if isinstance(at, Path):
        from scorekeeper.publish.file_target import FileTarget

        return FileTarget(at)
    from scorekeeper.publish.parts_target import PartsTarget

    return PartsTarget(at)


def open_published(at: Location) -> IO[bytes]:
    """A published file, to be read. Raises FileNotFoundError, OSError or ScorekeeperError."""
    if isinstance(at, Path):
        return at.open("rb")
    from scorekeeper.publish.parts_reader import open_parts

    return open_parts(at)


def make_absolute(at: Location) -> Location:
    """An address as it is, and a path as an absolute one."""
    return at.absolute() if isinstance(at, Path) else at


def measure_published(at: Location) -> int | None:
    """How many bytes a published file has; None if there is none. Raises OSError, ScorekeeperError."""
    try:
        with open_published(at) as file:
            return file.seek(0, os.SEEK_END)
    except FileNotFoundError:
        return None
