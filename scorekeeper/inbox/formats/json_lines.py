"""JSON Lines: one decision a line."""

import gzip
import zlib
from collections.abc import Iterator

from scorekeeper.decisions.strict_json import LONGEST_TEXT, DecisionError, load_json
from scorekeeper.inbox.formats.base import Entry, FileError, open_text
from scorekeeper.inbox.formats.diagnose import HEAD_BYTES, explain_file
from scorekeeper.inbox.formats.foreign import is_plain, read_foreign_text
from scorekeeper.inbox.places.base import SourceFile

LONGEST_LINE = LONGEST_TEXT
MOST_BLANK_LINES = 1_000_000
_BROKEN_GZIP = (EOFError, zlib.error, gzip.BadGzipFile)


class JsonLines:
    """One decision a line; see Format."""

    suffixes = (".jsonl", ".ndjson", ".jsonlines")
    streams = True
    place_word = "line "

    def read(self, file: SourceFile, offset: int = 0, done: int = 0) -> Iterator[Entry]:
        """See Format.read. Blank lines are left out."""
        number, end, blank = done, offset, 0
        try:
            with open_text(file) as text:
                if offset:
                    text.seek(offset - 1)
                    number -= text.read(1) != b"\n"  # the last line read had no end yet: what follows is the rest of it
                while line := text.readline(LONGEST_LINE):
                    number += 1
                    end += len(line)
                    whole = line.endswith(b"\n")
                    if not whole and len(line) == LONGEST_LINE:
                        while (more := text.readline(LONGEST_LINE)) and not more.endswith(b"\n"):
                            end += len(more)
                        end += len(more)
                        yield Entry(number, end, line[:400], error=f"longer than {LONGEST_LINE >> 20} MiB")
                    elif whole and is_plain(line):
                        yield Entry(number, end, line.rstrip(b"\r\n"))
                    elif line.strip():
                        yield from _read_line(line, number, end)
                    elif (blank := blank + 1) > MOST_BLANK_LINES:  # compressed, a gigabyte of them is a megabyte
                        raise FileError(f"more than {MOST_BLANK_LINES:,} blank lines", number)
        except _BROKEN_GZIP as broken:
            raise FileError(f"broken gzip: {broken}", number + 1) from None

    def read_growing(self, file: SourceFile, offset: int, done: int, *, last: bool) -> Iterator[Entry]:
        """See Format.read_growing."""
        number, end = done, offset
        with open_text(file) as text:
            text.seek(offset)
            while end < file.size and (line := text.readline(min(LONGEST_LINE, file.size - end))):
                length = len(line)
                error = None
                if not line.endswith(b"\n") and len(line) == LONGEST_LINE:
                    error = f"longer than {LONGEST_LINE >> 20} MiB"
                    shown, line = line[:400], line[-1:]
                    while end + length < file.size and not line.endswith(b"\n"):
                        if not (line := text.readline(min(LONGEST_LINE, file.size - end - length))):
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
                    yield from _read_line(line, number, end)

    def explain(self, file: SourceFile, offset: int) -> str | None:
        """See Format.explain."""
        try:
            with open_text(file) as text:
                text.seek(offset)
                head = text.read(HEAD_BYTES)
                first = read_foreign_text(head.partition(b"\n")[0], 1, None)
                return (first[0].error if first else None) or explain_file(head, lines=True)
        except _BROKEN_GZIP:
            return None

    def holds_one(self, file: SourceFile) -> bool:
        """See Format.holds_one."""
        lines = self.read(file)
        return next(lines, None) is not None and next(lines, None) is None


def _read_line(line: bytes, number: int, end: int) -> list[Entry]:
    """The entry of a line; of another system's line what its adapter finds."""
    content = line.rstrip(b"\r\n")
    if (foreign := read_foreign_text(content, number, end)) is not None:
        return foreign
    torn = not line.endswith(b"\n") and bool(content.strip()) and not _parses(content)
    return [Entry(number, end, content, torn=torn)]


def _parses(text: bytes) -> bool:
    try:
        load_json(text)
    except DecisionError:
        return False
    return True
