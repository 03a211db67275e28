"""Decision files on disk, as they are read. No database here.

listing.py finds them, file_moves.py moves them.
"""

import gzip
import hashlib
import io
import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, cast

from scorekeeper.decisions.strict_json import (
    LONGEST_TEXT,
    MOST_ELEMENTS,
    DecisionError,
    IncompleteJsonError,
    load_json,
    split_array,
)
from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox.foreign_files import HEAD_BYTES, explain_file
from scorekeeper.inbox.listing import LINES, known_name, plain_suffix

LARGEST_DOCUMENT = 32 << 20
LONGEST_LINE = LONGEST_TEXT
MOST_BLANK_LINES = 1_000_000
SETTLED_SECONDS = 5
KEPT_BYTES = 16 << 10
LATEST_TIME = 4_102_444_800  # the year 2100


class FileError(ScorekeeperError):
    """A file that cannot be read as decisions: `reason`, and the line where it is known."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


class ChangedError(Exception):
    """The file under this name is no longer the one that was hashed: what is there now will be met again."""


@dataclass(frozen=True)
class SourceFile:
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


@dataclass(frozen=True)
class RawLine:
    """One line: number from 1, where it ends in the decompressed file, its bytes; `torn`: no line end, no JSON."""

    line_no: int
    end_offset: int
    text: bytes
    torn: bool = False
    error: str | None = None


def open_source(path: Path, folder: Path | None = None) -> SourceFile | None:
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
    return SourceFile(
        path, known_name(path, folder), found.st_size, modified_at(found), digest, file_identity(found),
        content if kept else None,
    )  # fmt: skip


def find_growing(path: Path, name: str, key: bytes) -> SourceFile | None:
    """The file at `path` as one that grows, with a key for a hash; None if it is gone, or is not a regular file."""
    try:
        found = path.lstat()
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    return SourceFile(path, name, found.st_size, modified_at(found), key, file_identity(found), growing=True)


def modified_at(found: os.stat_result) -> datetime:
    """When the file was written to, UTC."""
    return datetime.fromtimestamp(min(max(found.st_mtime, 0), LATEST_TIME), UTC)  # some disks hold years past 9999


def file_identity(found: os.stat_result) -> tuple[int, ...]:
    """What tells a file from another one that has taken its name, and from itself once it has been written to."""
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _open_same(source: SourceFile) -> IO[bytes]:
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


def _is_same(found: os.stat_result, source: SourceFile) -> bool:
    """Whether it is the file that was found, as it was then, or grown since where it is expected to."""
    now = file_identity(found)
    return now[:2] == source.identity[:2] and now[2] >= source.size if source.growing else now == source.identity


@contextmanager
def _open_text(source: SourceFile) -> Iterator[IO[bytes]]:
    """The decompressed bytes; raises ChangedError if the file changed before the end of reading."""
    with _open_same(source) if source.content is None else io.BytesIO(source.content) as file:
        yield gzip.GzipFile(fileobj=file) if source.is_compressed else file  # type: ignore[misc]
        if source.content is None and not _is_same(os.fstat(file.fileno()), source):
            raise ChangedError(source.name)


def read_lines(source: SourceFile, offset: int, lines_done: int) -> Iterator[RawLine]:
    """The lines from `offset` (decompressed bytes) on, blank ones left out; in bounded memory. Raises FileError."""
    number, end, blank = lines_done, offset, 0
    try:
        with _open_text(source) as file:
            if offset:
                file.seek(offset - 1)
                number -= file.read(1) != b"\n"  # the last line read had no end yet: what follows is the rest of it
            while line := file.readline(LONGEST_LINE):
                number += 1
                end += len(line)
                whole = line.endswith(b"\n")
                if not whole and len(line) == LONGEST_LINE:
                    while (more := file.readline(LONGEST_LINE)) and not more.endswith(b"\n"):
                        end += len(more)
                    end += len(more)
                    yield RawLine(number, end, line[:400], error=f"longer than {LONGEST_LINE >> 20} MiB")
                elif line.strip():
                    text = line.rstrip(b"\r\n")
                    yield RawLine(number, end, text, torn=not whole and not _parses(text))
                elif (blank := blank + 1) > MOST_BLANK_LINES:  # compressed, a gigabyte of them is a megabyte
                    raise FileError(f"more than {MOST_BLANK_LINES:,} blank lines", number)
    except (EOFError, zlib.error, gzip.BadGzipFile) as broken:
        raise FileError(f"broken gzip: {broken}", number + 1) from None


def read_new_lines(source: SourceFile, offset: int, lines_done: int, *, last: bool) -> Iterator[RawLine]:
    """The lines from `offset` on of a file that grows, blank ones too, up to the size that it was found with.

    A last line without an end is left out, unless it is the `last` that there will be of the file. Memory is bounded.
    """
    number, end = lines_done, offset
    with _open_text(source) as file:
        file.seek(offset)
        while end < source.size and (line := file.readline(min(LONGEST_LINE, source.size - end))):
            length = len(line)
            error = None
            if not line.endswith(b"\n") and len(line) == LONGEST_LINE:
                error = f"longer than {LONGEST_LINE >> 20} MiB"
                shown, line = line[:400], line[-1:]
                while end + length < source.size and not line.endswith(b"\n"):
                    if not (line := file.readline(min(LONGEST_LINE, source.size - end - length))):
                        break
                    length += len(line)
            whole = line.endswith(b"\n")
            if not whole and not last:
                return
            number += 1
            end += length
            if error is not None:
                yield RawLine(number, end, shown, error=error)
            else:
                text = line.rstrip(b"\r\n")
                yield RawLine(number, end, text, torn=not whole and bool(text.strip()) and not _parses(text))


def ends_whole(path: Path) -> bool:
    """Whether the file's last line has an end; an empty file has none."""
    try:
        with path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"
    except OSError:
        return False


def _parses(text: bytes) -> bool:
    try:
        load_json(text)
    except DecisionError:
        return False
    return True


def explain_lines(source: SourceFile, offset: int) -> str | None:
    """Why a file of lines holds no decisions from `offset` on; None where it does, or where nobody can say."""
    try:
        with _open_text(source) as file:
            file.seek(offset)
            return explain_file(file.read(HEAD_BYTES), lines=True)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        return None


def is_single_line(source: SourceFile) -> bool:
    """Whether the file holds one line only."""
    lines = read_lines(source, 0, 0)
    return next(lines, None) is not None and next(lines, None) is None


def read_documents(source: SourceFile) -> list[tuple[int, bytes, object]]:
    """(position, text, what it holds) of a .json file: its one object (position 1), or the elements of its array (from
    1). What a text holds is the text itself where it has not been parsed.

    Raises FileError if it is too large, empty, or does not parse whole.
    """
    try:
        with _open_text(source) as file:
            content = file.read(LARGEST_DOCUMENT + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as broken:
        raise FileError(f"broken gzip: {broken}") from None
    if len(content) > LARGEST_DOCUMENT:
        raise FileError(f"larger than {LARGEST_DOCUMENT >> 20} MiB: write JSONL (one decision a line), which streams")
    if not content.strip():
        raise FileError("the file is empty")
    elements, value = None, cast(object, content)
    try:
        elements = split_array(content)
        if elements is None:
            value = load_json(content)
    except IncompleteJsonError as wrong:
        raise FileError(explain_file(content[:HEAD_BYTES], lines=False) or str(wrong), 1) from None
    except DecisionError:
        pass  # it parses: what is wrong in it is said of the decision, with its field
    if elements is None:
        return [(1, content, value)]
    if len(elements) > MOST_ELEMENTS:
        raise FileError(f"more than {MOST_ELEMENTS:,} elements: write JSONL (one decision a line), which streams")
    return [(position, element, element) for position, element in enumerate(elements, 1)]
