"""What a place is in which decision files lie: the interface that each one implements.

A new place is a module beside this one with a class that has these members; choose.py chooses it by the settings.
Each method may be called by `at_once` threads. tests/integration/inbox/test_places.py runs the same suite over all of
them.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from scorekeeper.inbox.formats.base import Format


class ChangedError(Exception):
    """The file under this name is no longer the one that was hashed. The next run reads the new one."""


@dataclass(frozen=True)
class PassedOver:
    """Things of one kind that are not read: how many, the names of the first, what they are and what to do."""

    what: str
    count: int
    names: list[str]
    do: str


class Arrival(NamedTuple):
    """A file that waits, as it was listed: it was not opened.

    `size` in bytes; `modified_ns`: the last write, in nanoseconds of epoch time; `came_at`: when it got there, as far
    as the place knows, in seconds of epoch time. `lasting_id`: as in SourceFile, if that is known without opening it.
    """

    address: str
    name: str
    size: int
    modified_ns: int
    came_at: float
    lasting_id: str | None


class SourceFile(Protocol):
    """A decision file as it was found in its place."""

    @property
    def address(self) -> str:
        """Where it lies, as its place takes it."""

    @property
    def name(self) -> str:
        """Its name in the ledger: fit for a database and a terminal, with the folders that it lies in."""

    @property
    def size(self) -> int:
        """Bytes on the disk, compressed or not."""

    @property
    def mtime(self) -> datetime:
        """When it was last written to, UTC."""

    @property
    def sha256(self) -> bytes:
        """The hash of its bytes on the disk; of a file that is read while it grows, a random key."""

    @property
    def content(self) -> bytes | None:
        """Its bytes on the disk, if it is so short that they were kept once they were hashed."""

    @property
    def lasting_id(self) -> str:
        """An id of the file that stays the same when it is renamed or grows."""

    @property
    def growing(self) -> bool:
        """Whether it is read while it grows: it may become longer, and `sha256` is a key."""

    @property
    def is_short(self) -> bool:
        """Whether it is so short that it may be read again as a whole each time it has grown."""

    @property
    def is_compressed(self) -> bool:
        """Whether its bytes are gzip."""

    @property
    def format(self) -> "Format":
        """How its decisions are written."""

    @property
    def kind(self) -> tuple[object, bool]:
        """Format and compression: the same bytes may say something else as another kind."""

    def is_settled(self, now: float, still: float | None = None) -> bool:
        """Whether nothing was written to it for `still` seconds (None: for five) at `now`, in epoch seconds."""

    def is_unchanged(self, later: "SourceFile") -> bool:
        """Whether `later`, found under the same name, is this file, not written to since."""

    def begins_with(self, size: int, sha256: bytes) -> bool:
        """Whether its first `size` bytes have that hash: it has that content, or has grown. Raises ChangedError."""

    def open(self) -> AbstractContextManager[IO[bytes]]:
        """Its bytes on the disk. Raises ChangedError if it is another file by now, or became one while it was open."""


class Place(Protocol):
    """Where decision files arrive, and where they go once they are read: to the archive, or to quarantine.

    An address is text that only the place understands; the ledger keeps it. A place whose files never grow and have one
    name each (an object store) finds no writers, and nothing that has grown.
    """

    @property
    def moves_files(self) -> bool:
        """Whether files leave once they are read. Where they stay, they are taken as finished, and none is followed."""

    @property
    def at_once(self) -> int:
        """How many files it pays to open, or to move, at the same time: more than one where each request waits long."""

    @property
    def watched_folder(self) -> Path | None:
        """The folder in which the system reports changes; None: it has to be looked at every now and then."""

    def look(self, most: int | None = None) -> list[str]:
        """The addresses of the files to be read, in their order; `most`: of so many, if that spares work.

        Raises ScorekeeperError.
        """

    def arrivals(self) -> Iterator[Arrival]:
        """The files that the last `look` found, without those that have left since."""

    def ends_whole(self, address: str) -> bool:
        """Whether the file's last line has an end; False for an empty file."""

    def passed_over(self) -> list[PassedOver]:
        """What the last `look` found that is not read."""

    def take_up(self, address: str) -> None:
        """Do not count as passed over what is read all the same."""

    def name_of(self, address: str) -> str:
        """The name of the file at an address, as in `SourceFile.name`."""

    def open(self, address: str, name: str | None = None) -> SourceFile | None:
        """The file at an address, hashed; None if it is gone or no regular file. Raises ScorekeeperError.

        `name`: the one under which the ledger follows it; None: its own.
        """

    def holds(self, name: str) -> bool:
        """Whether a file of that name is among the arrivals."""

    def has_writer(self, address: str) -> bool | None:
        """Whether a process has the file open for writing; None: this place cannot know."""

    def archive_address(self, name: str, sha256: bytes, at: datetime) -> str:
        """Where a file goes that was read without refusals, at `at` (UTC)."""

    def quarantine_address(self, name: str, sha256: bytes) -> str:
        """Where a file with refusals goes."""

    def is_quarantined(self, address: str) -> bool:
        """Whether an address lies in quarantine."""

    def move(self, file: SourceFile, address: str) -> bool:
        """Move a file to where it goes; whether its content lies there now.

        It does not if the file was removed or replaced meanwhile: what took its place stays. Raises ScorekeeperError.
        """

    def finish_move(self, name: str, address: str, sha256: bytes, size: int) -> bool:
        """Do what is left of a move that was killed; whether the file of that content lies at `address` now, and has
        left the arrivals. Another file may have taken its name there. `size`: its bytes, as it was read; it may have
        grown since where it lies. Raises ScorekeeperError.
        """

    def write_error_file(self, address: str, report: Mapping[str, Any]) -> bytes:
        """Write why decisions of a quarantined file were refused, beside it; the hash of what was written.

        Raises ScorekeeperError.
        """

    def put_back(self, address: str, name: str) -> None:
        """Move a file back among the arrivals, under its name or a like one. Raises ScorekeeperError."""

    def open_growing(self, address: str, name: str, key: bytes) -> SourceFile | None:
        """The file at an address as one that grows, with a key for its hash; None if there is none."""

    def find_growable(self) -> Mapping[str, str]:
        """The addresses of the files that may grow, renamed ones too, by `lasting_id`, from the last `look`."""

    def fingerprint(self, address: str, size: int, lasting_id: str) -> bytes | None:
        """A hash of the ends of the first `size` bytes; None if another file, a shorter one or none is there."""

    def read_back(self, address: str, offset: int, lines: int) -> tuple[int, int, int | None]:
        """Where to read on after `lines` lines that end at `offset`: there, or at the beginning of the last one if that
        had no end. As offset, lines before it, and the number of that line. Raises OSError.
        """
