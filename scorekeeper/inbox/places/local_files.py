"""Decision files in a folder, as they are found and read. walk.py lists them, moves.py moves them."""

import hashlib
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox.file_names import known_name
from scorekeeper.inbox.places.base import ChangedError, SourceFile
from scorekeeper.inbox.places.found_file import KEPT_BYTES, FoundFile, begins_with

FINGERPRINT_BYTES = 4 << 10
LATEST_TIME = 4_102_444_800  # the year 2100


@dataclass(frozen=True)
class LocalFile(FoundFile):
    """A regular file as it was found; see SourceFile.

    `identity`: device, inode, size and time of the last write. `content`: the bytes of a file of a few kilobytes, which
    need not be opened again.
    """

    address: str
    name: str
    size: int
    mtime: datetime
    sha256: bytes
    identity: tuple[int, ...]
    content: bytes | None = None
    growing: bool = False

    @property
    def path(self) -> Path:
        """Its address as a path. It is made when it is asked for, which is seldom."""
        return Path(self.address)

    @property
    def lasting_id(self) -> str:
        """See SourceFile: device and inode, which a rename keeps."""
        return inode_id(*self.identity[:2])

    @property
    def is_short(self) -> bool:
        """See SourceFile."""
        return self.content is not None

    @property
    def is_lines(self) -> bool:
        """Whether it holds one decision a line."""
        return self.format.streams

    def is_unchanged(self, later: SourceFile) -> bool:
        """See SourceFile."""
        return isinstance(later, LocalFile) and later.identity == self.identity

    def begins_with(self, size: int, sha256: bytes) -> bool:
        """See SourceFile."""
        if self.size < size:
            return False
        with _open_same(self) as file:
            return begins_with(file, size, sha256)

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """See SourceFile."""
        with _open_same(self) if self.content is None else io.BytesIO(self.content) as file:
            yield file
            if self.content is None and not _is_same(os.fstat(file.fileno()), self):
                raise ChangedError(self.name)


def open_source(path: Path | str, folder: Path | None = None) -> LocalFile | None:
    """The file at `path` with its hash; None if it is gone, or no regular file. Raises ScorekeeperError.

    `folder`: the inbox; the name is the path within it. None: the name is the last part of the path.
    """
    try:
        # Do not follow a link, and do not wait for a FIFO that took the name since it was listed.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as exc:
        if Path(path).is_symlink():
            return None
        raise ScorekeeperError(f"{path} cannot be read: {exc.strerror}") from None
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            return None
        content = os.read(descriptor, KEPT_BYTES + 1) if found.st_size <= KEPT_BYTES else b""
        if kept := len(content) == found.st_size:
            digest = hashlib.sha256(content).digest()
        else:
            os.lseek(descriptor, 0, os.SEEK_SET)
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                digest = hashlib.file_digest(file, "sha256").digest()
    finally:
        os.close(descriptor)
    return LocalFile(
        str(path), known_name(path, folder), found.st_size, modified_at(found), digest, stat_identity(found),
        content if kept else None,
    )  # fmt: skip


def find_growing(path: Path, name: str, key: bytes) -> LocalFile | None:
    """The file at `path` as one that grows, with a key for its hash; None if it is gone, or no regular file."""
    try:
        found = path.lstat()
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    return LocalFile(str(path), name, found.st_size, modified_at(found), key, stat_identity(found), growing=True)


def modified_at(found: os.stat_result) -> datetime:
    """When the file was last written to, UTC."""
    return datetime.fromtimestamp(min(max(found.st_mtime, 0), LATEST_TIME), UTC)  # some disks have years after 9999


def stat_identity(found: os.stat_result) -> tuple[int, ...]:
    """What differs if another file has taken the name, and if the file was written to: device, inode, size, time."""
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def inode_id(device: int, inode: int) -> str:
    """What is the same for a file under every name and at every length."""
    return f"{device}:{inode}"


def _open_same(source: LocalFile) -> IO[bytes]:
    """Open the file that was hashed. Raises ChangedError if another file has its name now, or none."""
    try:
        descriptor = os.open(source.address, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        raise ChangedError(source.name) from None
    file = os.fdopen(descriptor, "rb")
    if not _is_same(os.fstat(descriptor), source):
        file.close()
        raise ChangedError(source.name)
    return file


def _is_same(found: os.stat_result, source: LocalFile) -> bool:
    """Whether it is the file that was found, unchanged; or grown, if it is read while it grows."""
    now = stat_identity(found)
    return now[:2] == source.identity[:2] and now[2] >= source.size if source.growing else now == source.identity


def ends_whole(path: Path) -> bool:
    """Whether the file's last line has an end; False for an empty file."""
    try:
        with path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"
    except OSError:
        return False


def take_fingerprint(path: Path, size: int, lasting_id: str) -> bytes | None:
    """A hash of the first and the last 4 KiB of the first `size` bytes; see Place.fingerprint.

    It tells a file that has grown from one that was cut or rewritten, at the same cost for every length. It does not
    cover what changes between the two ends: `verify` reads the whole file once it is archived.
    """
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            if inode_id(found.st_dev, found.st_ino) != lasting_id or found.st_size < size:
                return None
            digest = hashlib.sha256(file.read(min(FINGERPRINT_BYTES, size)))
            file.seek(max(0, size - FINGERPRINT_BYTES))
            digest.update(file.read(min(FINGERPRINT_BYTES, size)))
    except OSError:
        return None
    return digest.digest()


def read_back(path: Path, offset: int, lines: int) -> tuple[int, int, int | None]:
    """See Place.read_back."""
    end = _end_of_line(path, offset)
    return (end, lines - 1, lines) if end < offset else (offset, lines, None)


def _end_of_line(path: Path, offset: int) -> int:
    """The end of the last whole line at or before `offset`."""
    with path.open("rb") as file:
        while offset:
            begin = max(0, offset - (64 << 10))
            file.seek(begin)
            if (end := file.read(offset - begin).rfind(b"\n")) >= 0:
                return begin + end + 1
            offset = begin
    return 0
