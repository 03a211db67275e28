"""CSV: a header with the names of the fields, and one decision a row."""

import csv
import gzip
import re
import zlib
from collections import deque
from collections.abc import Iterator
from typing import IO, NamedTuple

import msgspec

from scorekeeper.inbox.formats.base import Entry, FileError, open_text
from scorekeeper.inbox.formats.diagnose import explain_file
from scorekeeper.inbox.formats.tables import Column, HeaderError, holds_decisions, read_columns, read_row
from scorekeeper.inbox.places.base import SourceFile

SEPARATORS = (",", ";", "\t", "|")
LONGEST_ROW = 1 << 20
MOST_LINES = 200  # of one row, whose quoted cells may hold line ends
MOST_BLANK_ROWS = 1_000_000
IS_JSON = "the file holds JSON: name it .jsonl (a decision a line) or .json (one, or an array)"
_BROKEN_GZIP = (EOFError, zlib.error, gzip.BadGzipFile)
_NAMED = re.compile(rb'"?sep=(.)"?\s*', re.IGNORECASE)
_BOM = b"\xef\xbb\xbf"
_EXCERPT = 400


class CsvRows:
    """One decision a row; see Format. Row 1 is the first below the header.

    The separator is the one that makes `symbol` a column of the header, or the one that a line `sep=;` before it names.
    A row of a quoted cell without an end costs that row alone. A last row without a line end may be half written: it
    counts once the file is settled and the row has all its cells, since spreadsheets leave that line end out.
    """

    suffixes = (".csv", ".tsv")
    streams = True
    place_word = "row "

    def read(self, file: SourceFile, offset: int = 0, done: int = 0) -> Iterator[Entry]:
        """See Format.read. Blank rows are left out."""
        number, blank = done, 0
        try:
            with open_text(file) as text:
                if (header := _read_header(text, whole=True)) is None:
                    return
                if offset > header.end:
                    text.seek(offset - 1)
                    number -= text.read(1) != b"\n"  # what follows is the rest of the last row
                else:
                    text.seek(offset := header.end)
                for entry in _read_rows(text, header, offset, number, None):
                    number = entry.number
                    if entry.text:
                        yield entry
                    elif (blank := blank + 1) > MOST_BLANK_ROWS:
                        raise FileError(f"more than {MOST_BLANK_ROWS:,} blank rows", number)
        except _BROKEN_GZIP as broken:
            raise FileError(f"broken gzip: {broken}", number + 1) from None

    def read_growing(self, file: SourceFile, offset: int, done: int, *, last: bool) -> Iterator[Entry]:
        """See Format.read_growing. If the header is none, its entry has an error and holds the whole file."""
        with open_text(file) as text:
            try:
                header = _read_header(text, whole=False)
            except FileError as exc:
                if file.size > offset:
                    yield Entry(done or 1, file.size, b"" if offset else b"header", error=exc.reason)
                return
            if header is None or header.end > file.size:
                return
            text.seek(start := max(offset, header.end))
            for entry in _read_rows(text, header, start, done, file.size):
                if entry.torn and not last:
                    return
                yield entry

    def explain(self, file: SourceFile, offset: int) -> str | None:
        """See Format.explain. A file of another kind has no header, and is refused with its cause as it is read."""
        return None

    def holds_one(self, file: SourceFile) -> bool:
        """See Format.holds_one."""
        rows = self.read(file)
        return next(rows, None) is not None and next(rows, None) is None


class _Header(NamedTuple):
    """The columns, what separates cells, and where the first row begins in the decompressed file."""

    columns: list[Column | None]
    separator: str
    end: int


class _TooLongError(Exception):
    """A row that is longer than any row should be."""


class _Lines:
    """The lines of a file, as csv.reader takes them. `taken`: those of the row at hand."""

    def __init__(self, text: IO[bytes], most: int | None) -> None:
        self._text, self._left, self._again = text, most, deque[bytes]()
        self.taken: list[bytes] = []
        self._length = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if len(self.taken) >= MOST_LINES or self._length > LONGEST_ROW:
            raise _TooLongError
        line = self._again.popleft() if self._again else self._read_line()
        if not line:
            raise StopIteration
        self.taken.append(line)
        self._length += len(line)
        return line.decode()

    def begin_row(self) -> None:
        """Forget the lines of the row before."""
        self.taken, self._length = [], 0

    def give_back(self) -> None:
        """Keep the first line of the row only: the others begin rows of their own."""
        self._again.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]

    def _read_line(self) -> bytes:
        most = LONGEST_ROW + 1 if self._left is None else min(LONGEST_ROW + 1, self._left)
        line = self._text.readline(most) if most else b""
        if self._left is not None:
            self._left -= len(line)
        return line


def _read_header(text: IO[bytes], *, whole: bool) -> _Header | None:
    """The header; None if there is none yet, or nothing below it. `whole`: the file is complete. Raises FileError."""
    line, end, named = text.readline(LONGEST_ROW), 0, None
    if found := _NAMED.fullmatch(line.removeprefix(_BOM)):
        named, end = found[1].decode("latin-1"), len(line)
        if named not in SEPARATORS:
            raise FileError(f"the separator {named!r} is none of {' '.join(map(repr, SEPARATORS))}", 1)
        line = text.readline(LONGEST_ROW)
    head = line.removeprefix(_BOM)
    if not line or not (whole or line.endswith(b"\n")):
        return None
    if not head.strip():
        raise FileError("the first row is empty: write the names of the fields there", 1)
    try:
        names, separator = _split_header(head.decode(), named)
        columns = read_columns(names)
    except UnicodeDecodeError as exc:
        why = explain_file(head, lines=True) or f"the text is not UTF-8 (byte {exc.start} of the header): write UTF-8"
        raise FileError(why, 1) from None
    except csv.Error as exc:
        raise FileError(f"the header cannot be read: {exc}", 1) from None
    except HeaderError as exc:
        foreign = IS_JSON if head.lstrip().startswith((b"{", b"[")) else explain_file(head, lines=True)
        raise FileError(foreign or str(exc), 1) from None
    return _Header(columns, separator, end + len(line)) if line.endswith(b"\n") else None


def _split_header(head: str, named: str | None) -> tuple[list[str], str]:
    read = {mark: next(csv.reader([head], delimiter=mark)) for mark in ((named,) if named else SEPARATORS)}
    fitting = (mark for mark, names in read.items() if holds_decisions(names))
    mark = next(fitting, None) or max(read, key=lambda mark: len(read[mark]))
    return read[mark], mark


def _read_rows(text: IO[bytes], header: _Header, offset: int, done: int, size: int | None) -> Iterator[Entry]:
    """The rows from `offset` up to `size` (None: the end of the file). A blank one has no text."""
    lines = _Lines(text, None if size is None else size - offset)
    rows = csv.reader(lines, delimiter=header.separator, strict=True)
    number, end = done, offset
    while True:
        lines.begin_row()
        cells: list[str] = []
        error: str | None = None
        cut = False
        try:
            cells = next(rows)
        except StopIteration:
            return
        except UnicodeDecodeError as exc:
            error = f"the text is not UTF-8 (byte {exc.start} of the line): write UTF-8"
        except _TooLongError:
            error = f"longer than {MOST_LINES} lines or {LONGEST_ROW >> 20} MiB: perhaps a quote that has no end"
        except csv.Error as exc:
            cut = "unexpected end" in str(exc)
            error = "a cell begins with a quote that has no end" if cut else f"not CSV: {exc}"
        if error:
            lines.give_back()
        line = b"".join(lines.taken)
        number, end = number + 1, end + len(line)
        cut = cut or not line.endswith(b"\n")
        if error is None and any(map(str.strip, cells)):
            error = _check_width(cells, header)
        if error is not None:
            yield Entry(number, end, line[:_EXCERPT] or b"?", torn=cut, error=error)
        else:
            document = read_row(header.columns, cells)
            yield Entry(number, end, msgspec.json.encode(document) if document else b"", torn=cut)


def _check_width(cells: list[str], header: _Header) -> str | None:
    """Why a row does not fit the header; None if it does. Empty cells behind the last column do not count."""
    wanted = len(header.columns)
    if len(cells) == wanted or (len(cells) > wanted and not any(map(str.strip, cells[wanted:]))):
        return None
    mark = {"\t": "a tab"}.get(header.separator, header.separator)
    quote = f": quote a cell that holds {mark}" if len(cells) > wanted else ""
    return f"{len(cells)} cells, where the header names {wanted}{quote}"
