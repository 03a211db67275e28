"""JSON Lines: one decision a line."""

import gzip
import zlib
from collections.abc import Iterator

from scorekeeper.decisions.strict_json import LONGEST_TEXT, DecisionError, load_json
from scorekeeper.inbox.formats.base import Entry, FileError
from scorekeeper.inbox.formats.diagnose import HEAD_BYTES, explain_file
from scorekeeper.inbox.places.local_files import LocalFile, _open_text

LONGEST_LINE = LONGEST_TEXT
MOST_BLANK_LINES = 1_000_000


def read_lines(source: LocalFile, offset: int, lines_done: int) -> Iterator[Entry]:
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
                    yield Entry(number, end, line[:400], error=f"longer than {LONGEST_LINE >> 20} MiB")
                elif line.strip():
                    text = line.rstrip(b"\r\n")
                    yield Entry(number, end, text, torn=not whole and not _parses(text))
                elif (blank := blank + 1) > MOST_BLANK_LINES:  # compressed, a gigabyte of them is a megabyte
                    raise FileError(f"more than {MOST_BLANK_LINES:,} blank lines", number)
    except (EOFError, zlib.error, gzip.BadGzipFile) as broken:
        raise FileError(f"broken gzip: {broken}", number + 1) from None


def read_new_lines(source: LocalFile, offset: int, lines_done: int, *, last: bool) -> Iterator[Entry]:
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
                yield Entry(number, end, shown, error=error)
            else:
                text = line.rstrip(b"\r\n")
                yield Entry(number, end, text, torn=not whole and bool(text.strip()) and not _parses(text))


def _parses(text: bytes) -> bool:
    try:
        load_json(text)
    except DecisionError:
        return False
    return True


def explain_lines(source: LocalFile, offset: int) -> str | None:
    """Why a file of lines holds no decisions from `offset` on; None where it does, or where nobody can say."""
    try:
        with _open_text(source) as file:
            file.seek(offset)
            return explain_file(file.read(HEAD_BYTES), lines=True)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        return None


def is_single_line(source: LocalFile) -> bool:
    """Whether the file holds one line only."""
    lines = read_lines(source, 0, 0)
    return next(lines, None) is not None and next(lines, None) is None
