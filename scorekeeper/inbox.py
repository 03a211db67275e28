"""Decision files on disk: list, read. Where they go then: scorekeeper/filing.py. No database here."""

import gzip
import hashlib
import io
import os
import stat
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, cast

from scorekeeper.domain.foreign import HEAD_BYTES, explain_file
from scorekeeper.domain.json_reading import (
    LONGEST_TEXT,
    MOST_ELEMENTS,
    DecisionError,
    IncompleteJsonError,
    load_json,
    split_array,
)
from scorekeeper.errors import ScorekeeperError

LARGEST_DOCUMENT = 32 << 20
LONGEST_LINE = LONGEST_TEXT
MOST_BLANK_LINES = 1_000_000
SETTLED_SECONDS = 5
KEPT_BYTES = 16 << 10
LATEST_TIME = 4_102_444_800  # the year 2100
_LINES = (".jsonl", ".ndjson")


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

    `content`: those bytes, of a file of a few kilobytes: it need not be opened again.
    """

    path: Path
    name: str
    size: int
    mtime: datetime
    sha256: bytes
    identity: tuple[int, ...]
    content: bytes | None = None

    @property
    def is_lines(self) -> bool:
        """Whether it holds one decision a line."""
        return plain_suffix(self.name) in _LINES

    @property
    def kind(self) -> tuple[bool, bool]:
        """How it is read, by its name: lines or one document, compressed or not. Bytes say what they say as a kind."""
        return self.is_lines, self.is_compressed

    @property
    def is_compressed(self) -> bool:
        return self.name.lower().endswith(".gz")

    def is_settled(self, now: float) -> bool:
        """Whether it has stood still for five seconds at `now` (epoch seconds); whoever writes sets the time of now."""
        return abs(now - self.mtime.timestamp()) >= SETTLED_SECONDS

    def begins_with(self, size: int, sha256: bytes) -> bool:
        """Whether its first `size` bytes are the content of that hash: it has grown since."""
        if self.size <= size:
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


def plain_suffix(name: str) -> str:
    """The suffix in lower case, without the .gz behind it."""
    lower = name.lower().removesuffix(".gz")
    return lower[lower.rfind(".") :] if "." in lower else ""


def list_inbox(folder: Path) -> Iterator[Path]:
    """The regular decision files in `folder`, by name; raises ScorekeeperError if it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if _is_candidate(entry))
    except FileNotFoundError:
        raise ScorekeeperError(f"the inbox {folder} does not exist: make it, or set INBOX_DIR") from None
    except OSError as failed:
        raise ScorekeeperError(f"the inbox {folder} cannot be read: {failed.strerror}") from None
    return (folder / name for name in names)


def list_named(paths: Iterable[Path], *, deep: bool = False) -> list[Path]:
    """Files as named, and the decision files in folders (`deep`: in those below them too, as in an archive).

    Raises ScorekeeperError.
    """
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            for folder, below, _ in os.walk(path):
                below[:] = sorted(name for name in below if deep and not name.startswith("."))
                files += list_inbox(Path(folder))
        elif path.is_file():
            files.append(path)
        else:
            raise ScorekeeperError(f"{path}: there is no such file or folder")
    return files


def _is_candidate(entry: os.DirEntry[str]) -> bool:
    name = entry.name
    if name.startswith(".") or name.endswith((".tmp", ".part", "~")):
        return False
    return plain_suffix(name) in (".json", *_LINES) and entry.is_file(follow_symlinks=False)


def open_source(path: Path) -> SourceFile | None:
    """The file at `path` with its hash; None if it is gone, or is not a regular file. Raises ScorekeeperError."""
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
    mtime = datetime.fromtimestamp(min(max(found.st_mtime, 0), LATEST_TIME), UTC)  # some disks hold years past 9999
    return SourceFile(
        path, known_name(path), found.st_size, mtime, digest, file_identity(found), content if kept else None
    )


def known_name(path: Path) -> str:
    """The name under which the ledger knows a file: fit for a database and a terminal."""
    return os.fsencode(path.name).decode("utf-8", "backslashreplace")


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
    if file_identity(os.fstat(descriptor)) != source.identity:
        file.close()
        raise ChangedError(source.name)
    return file


@contextmanager
def _open_text(source: SourceFile) -> Iterator[IO[bytes]]:
    """The decompressed bytes; raises ChangedError if the file changed before the end of reading."""
    with _open_same(source) if source.content is None else io.BytesIO(source.content) as file:
        yield gzip.GzipFile(fileobj=file) if source.is_compressed else file  # type: ignore[misc]
        if source.content is None and file_identity(os.fstat(file.fileno())) != source.identity:
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
