"""A published file on a disk: lines are appended to it."""

import hashlib
import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import IO

from scorekeeper.errors import ScorekeeperError, explain
from scorekeeper.private_files import keep_mode, make_file, make_folder
from scorekeeper.publish.set_aside import AHEAD, EDITED, count_shared, find_foreign, keep_aside, read_blocks
from scorekeeper.publish.target import AheadError, Mark

TAIL_BYTES = 4_096


class FileTarget:
    """See Target. The hash of a mark is that of the last TAIL_BYTES."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def set_foreign_aside(self) -> Path | None:
        """See Target."""
        path = self._path
        if not path.exists() or not path.stat().st_size:
            return None
        names = (path.with_name(f"{path.name}.before-scorekeeper-{number}") for number in count(1))
        aside = next(name for name in names if not name.exists())
        try:
            path.rename(aside)
        except OSError as exc:
            why = f"was not published by this database, and cannot be set aside: {explain(exc)}"
            raise ScorekeeperError(f"{path} {why}") from None
        return aside

    def append(self, mark: Mark, lines: bytes, *, last: bool) -> Mark:
        """See Target. The bytes are on the disk when it returns."""
        path = self._path
        try:
            make_folder(path.parent)
            if not mark.size:
                make_file(path)  # keeps lines that a FastRecorder wrote before the first publication
            with path.open("r+b") as file:
                _check_tail(file, path, mark)
                # After the watermark there may be lines of a FastRecorder, or of a run that died before its commit.
                # They are the same bytes, so they stay: a reader tailing the file never sees it shrink. A torn line is
                # cut.
                file.seek(mark.size)
                found = file.read(len(lines))
                same = count_shared(lines, found)
                looks = last or same < len(found)
                if b"\n" in found[same:] or (looks and any(b"\n" in block for block in read_blocks(file))):
                    raise AheadError
                file.seek(mark.size + same)
                file.write(lines[same:])
                if looks:
                    file.truncate()
                file.flush()
                os.fsync(file.fileno())
                return _mark(file, mark.size + len(lines))
        except FileNotFoundError:
            raise ScorekeeperError(f"{path} was removed: repair it with: scorekeeper publish --rebuild") from None
        except OSError as exc:
            raise ScorekeeperError(f"{path} cannot be written: {explain(exc)}") from None

    def rewrite(self, mark: Mark, lines: Iterator[bytes]) -> tuple[Mark, Path | None]:
        """See Target. Written beside its name and renamed."""
        path = self._path
        fresh, aside = path.with_name(f".{path.name}.part"), None
        try:
            make_folder(path.parent)
            with fresh.open("w+b") as file:
                keep_mode(file.fileno(), path)
                for line in lines:
                    file.write(line)
                file.flush()
                os.fsync(file.fileno())
                new = _mark(file, file.seek(0, os.SEEK_END))
                if path.exists() and (same := find_foreign(path, file)) is not None:
                    aside = keep_aside(path, AHEAD if same >= mark.size else EDITED)
            fresh.replace(path)
        except OSError as exc:
            raise ScorekeeperError(f"{path} cannot be written: {explain(exc)}") from None
        return new, aside


def _check_tail(file: IO[bytes], path: Path, mark: Mark) -> None:
    file.seek(max(0, mark.size - TAIL_BYTES))
    found = file.read(min(mark.size, TAIL_BYTES))
    if mark.size and (len(found) < min(mark.size, TAIL_BYTES) or hashlib.sha256(found).digest() != mark.sha256):
        raise ScorekeeperError(
            f"{path} was changed or cut since it was published: repair it with: scorekeeper publish --rebuild"
        )


def _mark(file: IO[bytes], size: int) -> Mark:
    file.seek(max(0, size - TAIL_BYTES))
    return Mark(size, hashlib.sha256(file.read(min(size, TAIL_BYTES))).digest())
