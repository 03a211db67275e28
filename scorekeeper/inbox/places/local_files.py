"""Decision files on disk, as they are read. No database here.

listing.py finds them, file_moves.py moves them.
"""

import gzip
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
from scorekeeper.inbox.file_names import LINES, known_name, plain_suffix
from scorekeeper.inbox.places.base import ChangedError

SETTLED_SECONDS = 5
KEPT_BYTES = 16 << 10
LATEST_TIME = 4_102_444_800  # the year 2100


@dataclass(frozen=True)
class LocalFile:
    """A regular file as it was found: its hash is of the bytes on disk; `name` is fit for a database and a terminal.

    `content`: those bytes, of a file of a few kilobytes: it need not be opened again. `growing`: it is being written
    to, and `sha256` is a key that stands for its content: only its device and inode tell it from another file.
    """

    path: Path
    name: str
    size: int
    mtime: datetime
    sha256: bytes
    identity: tuple[int, ...]
    content: bytes | None = None
    growing: bool = False

    @property
    def is_lines(self) -> bool:
        """Whether it holds one decision a line."""
        return plain_suffix(self.name) in LINES

    @property
    def kind(self) -> tuple[bool, bool]:
        """How it is read, by its name: lines or one document, compressed or not. Bytes say what they say as a kind."""
        return self.is_lines, self.is_compressed

    @property
    def is_compressed(self) -> bool:
        return self.name.lower().endswith(".gz")

    def is_settled(self, now: float, still: float | None = None) -> bool:
        """Whether it has stood still for five seconds (or `still`) at `now` (epoch seconds); whoever writes sets the
        time of now.
        """
        return abs(now - self.mtime.timestamp()) >= (SETTLED_SECONDS if still is None else still)

    def begins_with(self, size: int, sha256: bytes) -> bool:
        """Whether its first `size` bytes are the content of that hash: it is that, or has grown since."""
        if self.size < size:
            return False
        digest = hashlib.sha256()
        with _open_same(self) as file:
            while size and (block := file.read(min(size, 1 << 20))):
                digest.update(block)
                size -= len(block)
        return digest.digest() == sha256


def open_source(path: Path, folder: Path | None = None) -> LocalFile | None:
    """The file at `path` with its hash; None if it is gone, or is not a regular file. Raises ScorekeeperError.

    `folder`: the inbox; the file's name is its path within that.
    """
    try:
        # Not a link's target, and no waiting at a FIFO that took the file's name since it was listed.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as failed:
        if path.is_symlink():
            return None
        raise ScorekeeperError(f"{path} cannot be read: {failed.strerror}") from None
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
        path, known_name(path, folder), found.st_size, modified_at(found), digest, stat_identity(found),
        content if kept else None,
    )  # fmt: skip


def find_growing(path: Path, name: str, key: bytes) -> LocalFile | None:
    """The file at `path` as one that grows, with a key for a hash; None if it is gone, or is not a regular file."""
    try:
        found = path.lstat()
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    return LocalFile(path, name, found.st_size, modified_at(found), key, stat_identity(found), growing=True)


def modified_at(found: os.stat_result) -> datetime:
    """When the file was written to, UTC."""
    return datetime.fromtimestamp(min(max(found.st_mtime, 0), LATEST_TIME), UTC)  # some disks hold years past 9999


def stat_identity(found: os.stat_result) -> tuple[int, ...]:
    """What tells a file from another one that has taken its name, and from itself once it has been written to."""
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def inode_id(device: int, inode: int) -> str:
    """The same file under whatever name, and however long."""
    return f"{device}:{inode}"


def _open_same(source: LocalFile) -> IO[bytes]:
    """Open the file that was hashed; raises ChangedError if there is another one, or none, under its name."""
    try:
        descriptor = os.open(source.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        raise ChangedError(source.name) from None
    file = os.fdopen(descriptor, "rb")
    if not _is_same(os.fstat(descriptor), source):
        file.close()
        raise ChangedError(source.name)
    return file


def _is_same(found: os.stat_result, source: LocalFile) -> bool:
    """Whether it is the file that was found, as it was then, or grown since where it is expected to."""
    now = stat_identity(found)
    return now[:2] == source.identity[:2] and now[2] >= source.size if source.growing else now == source.identity


@contextmanager
def _open_text(source: LocalFile) -> Iterator[IO[bytes]]:
    """The decompressed bytes; raises ChangedError if the file changed before the end of reading."""
    with _open_same(source) if source.content is None else io.BytesIO(source.content) as file:
        yield gzip.GzipFile(fileobj=file) if source.is_compressed else file  # type: ignore[misc]
        if source.content is None and not _is_same(os.fstat(file.fileno()), source):
            raise ChangedError(source.name)


def ends_whole(path: Path) -> bool:
    """Whether the file's last line has an end; an empty file has none."""
    try:
        with path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"
    except OSError:
        return False


