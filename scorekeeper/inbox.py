"""Decision files on disk: list, read, move. No database here."""

import gzip
import hashlib
import io
import json
import os
import shutil
import stat
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, cast

from scorekeeper.domain.json_reading import (
    LONGEST_TEXT,
    MOST_ELEMENTS,
    DecisionError,
    IncompleteJsonError,
    load_json,
    split_array,
)
from scorekeeper.errors import ScorekeeperError, explain

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
        return _plain_suffix(self.name) in _LINES

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


def _plain_suffix(name: str) -> str:
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
    return _plain_suffix(name) in (".json", *_LINES) and entry.is_file(follow_symlinks=False)


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
    return SourceFile(path, known_name(path), found.st_size, mtime, digest, _identity(found), content if kept else None)


def known_name(path: Path) -> str:
    """The name under which the ledger knows a file: fit for a database and a terminal."""
    return os.fsencode(path.name).decode("utf-8", "backslashreplace")


def _identity(found: os.stat_result) -> tuple[int, ...]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _open_same(source: SourceFile) -> IO[bytes]:
    """Open the file that was hashed; raises ChangedError if there is another one, or none, under its name."""
    try:
        descriptor = os.open(source.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        raise ChangedError(source.name) from None
    file = os.fdopen(descriptor, "rb")
    if _identity(os.fstat(descriptor)) != source.identity:
        file.close()
        raise ChangedError(source.name)
    return file


@contextmanager
def _open_text(source: SourceFile) -> Iterator[IO[bytes]]:
    """The decompressed bytes; raises ChangedError if the file changed before the end of reading."""
    with _open_same(source) if source.content is None else io.BytesIO(source.content) as file:
        yield gzip.GzipFile(fileobj=file) if source.is_compressed else file  # type: ignore[misc]
        if source.content is None and _identity(os.fstat(file.fileno())) != source.identity:
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
        raise FileError(str(wrong), 1) from None
    except DecisionError:
        pass  # it parses: what is wrong in it is said of the decision, with its field
    if elements is None:
        return [(1, content, value)]
    if len(elements) > MOST_ELEMENTS:
        raise FileError(f"more than {MOST_ELEMENTS:,} elements: write JSONL (one decision a line), which streams")
    return [(position, element, element) for position, element in enumerate(elements, 1)]


def archive_name(name: str, sha256: bytes) -> str:
    """`name`, cut to 150 bytes, with the first twelve hex digits of its content's hash before the suffixes."""
    suffix_length = len(_plain_suffix(name)) + (3 if name.lower().endswith(".gz") else 0)
    cut = len(name) - suffix_length
    return f"{name[:cut].encode()[:150].decode(errors='ignore')}-{sha256.hex()[:12]}{name[cut:]}"


def archive_folder(archive: Path, received_at: datetime) -> Path:
    """Where the files go, each under its `archive_name`, that were read whole: archive/YYYY/MM/DD."""
    return archive / f"{received_at:%Y/%m/%d}"


def quarantine_path(folder: Path, name: str, sha256: bytes) -> Path:
    """Where a file goes of which something was refused."""
    return folder / archive_name(name, sha256)


def is_quarantined(folder: Path, destination: Path) -> bool:
    """Whether a file goes to quarantine, where it may be mended: one that lies there already stays."""
    return destination.parent == folder


def move_file(source: SourceFile, destination: Path, *, keep: bool = False) -> bool:
    """Move the file that was read, by rename where the file system allows it; whether its content lies there now.

    It does not if the file was removed or replaced meanwhile: what a writer has put under its name since stays in the
    inbox. Where the same content lies already, that stays and this one goes: to replace it costs some file systems a
    write to the disk. With `keep` another one stays as well. Raises ScorekeeperError: what was read stays read, and is
    not ingested again.
    """
    path, folder = source.path, destination.parent
    try:
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
        taken = destination.exists()
        target = _beside(destination) if taken else destination
        try:
            path.rename(target)
        except FileNotFoundError:
            return taken and _holds(destination, source)
        except OSError:
            return _copy_over(source, destination, keep=keep)
        found = target.lstat()
        if _identity(found) != source.identity:
            _put_back(target, path)
            return taken and _holds(destination, source)
        if found.st_nlink > 1 and path.exists():
            _remove_twin(path, source)
        return not taken or _settle_beside(target, destination, source, keep=keep)
    except OSError as failed:
        raise ScorekeeperError(
            f"{path} was read, but cannot be moved to {folder} ({explain(failed)}); it will not be ingested again"
        ) from None


def finish_move(path: Path, destination: Path, sha256: bytes, *, keep: bool = False) -> bool:
    """Do what is left of a move that was killed half-way; whether the file of that content has left the inbox.

    `keep`: as in move_file. A file that was moved though it was not the one that had been read is put back. Raises
    ScorekeeperError.
    """
    beside = _beside(destination)
    try:
        if (lying := open_source(beside)) is not None:
            if lying.sha256 != sha256:
                _put_back(beside, path)
            elif not _settle_beside(beside, destination, lying, keep=keep):
                return False
        if path.exists() or (lying := open_source(destination)) is None:
            return False
        if lying.sha256 != sha256:
            _put_back(destination, path)
        return lying.sha256 == sha256
    except OSError as failed:
        raise ScorekeeperError(f"{destination} cannot be moved: {explain(failed)}") from None


def _beside(destination: Path) -> Path:
    return destination.with_name(f".{destination.name}.again")


def _settle_beside(beside: Path, destination: Path, source: SourceFile, *, keep: bool) -> bool:
    """Let one of the two files stay, at `destination`; whether that is the content of `source`."""
    held = _holds(destination, source)
    if held or (keep and destination.exists()):
        beside.unlink()
        return held
    beside.rename(destination)
    return True


def _holds(path: Path, source: SourceFile) -> bool:
    """Whether the file at `path` has the content of `source`."""
    lying = open_source(path)
    return lying is not None and lying.sha256 == source.sha256


def _copy_over(source: SourceFile, destination: Path, *, keep: bool) -> bool:
    """To another file system: copied whole, and removed only if it still is what was read; whether it lies there."""
    part = destination.with_name(f".{destination.name}.part")
    shutil.copy2(source.path, part)
    if not _holds(part, source):
        part.unlink()
        return False
    lies = _settle_beside(part, destination, source, keep=keep)
    if _identity(source.path.lstat()) == source.identity:
        source.path.unlink()
    return lies


def _remove_twin(path: Path, source: SourceFile) -> None:
    """A rename leaves both names where both are links to one file, as after a kill within `return_file`."""
    if _identity(path.lstat()) == source.identity:
        path.unlink()


def return_file(quarantined: Path, target: Path) -> None:
    """Move a quarantined file back to `target`, or to a like name where that is taken, and remove its report.

    Raises ScorekeeperError.
    """
    try:
        _report_path(quarantined).unlink(missing_ok=True)
        try:
            _put_back(quarantined, target)
        except FileNotFoundError:
            raise
        except OSError:  # another file system, or a name that is too long with a number before it
            part = target.with_name(f".{quarantined.name[-200:]}.part")
            shutil.copy2(quarantined, part)
            try:
                _put_back(part, target)
            except OSError:
                part.rename(target.with_name(quarantined.name))
            quarantined.unlink()
    except OSError as failed:
        raise ScorekeeperError(f"{quarantined} cannot be moved to {target.parent}: {explain(failed)}") from None


def _report_path(quarantined: Path) -> Path:
    return quarantined.with_name(f"{quarantined.name}.error.json")


def _put_back(moved: Path, path: Path) -> None:
    """Move a file that is to be read (again) to `path`, without replacing what a writer has put there."""
    number = 0
    while True:
        target = path if not number else path.with_name(f"{number}-{path.name}")
        try:
            os.link(moved, target)
        except FileExistsError:
            number += 1
        except OSError:  # no links here, or none to the file of another user
            if os.path.lexists(target):
                number += 1
                continue
            moved.rename(target)
            return
        else:
            moved.unlink()
            return


def write_error_file(quarantined: Path, report: dict[str, Any]) -> None:
    """Write `<name>.error.json` beside a quarantined file: why, line by line."""
    target = _report_path(quarantined)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.part")
        part.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        part.rename(target)
    except OSError as failed:
        raise ScorekeeperError(f"{target} cannot be written: {explain(failed)}") from None


def read_error_file(quarantined: Path) -> dict[str, Any]:
    """The report beside a quarantined file. Raises ScorekeeperError."""
    path = _report_path(quarantined)
    try:
        report = json.loads(path.read_bytes())
    except OSError as failed:
        raise ScorekeeperError(f"{path} cannot be read: {failed.strerror}") from None
    except ValueError:
        report = None
    if not isinstance(report, dict):
        raise ScorekeeperError(f"{path} is no report")
    return report
