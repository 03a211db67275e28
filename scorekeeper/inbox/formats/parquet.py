"""Parquet: columns with the names of the fields, and one decision a row. It needs pyarrow, the extra `parquet`."""

import gzip
import zlib
from collections.abc import Iterator

import msgspec

from scorekeeper.decisions.strict_json import MOST_ELEMENTS
from scorekeeper.inbox.formats.base import Entry, FileError, open_text
from scorekeeper.inbox.formats.tables import HeaderError, as_plain, read_columns, read_row
from scorekeeper.inbox.places.base import SourceFile

LARGEST_FILE = 128 << 20
LARGEST_CONTENT = 1 << 30
BATCH_ROWS = 5_000
NO_PYARROW = "Parquet needs the package pyarrow: install scorekeeper[parquet], then put the file back"


class Parquet:
    """One decision a row; see Format. It is read as a whole."""

    suffixes = (".parquet",)
    streams = False
    place_word = "row "

    def read(self, file: SourceFile, offset: int = 0, done: int = 0) -> Iterator[Entry]:
        """See Format.read."""
        yield from _read_rows(_read_bytes(file))

    def read_growing(self, file: SourceFile, offset: int, done: int, *, last: bool) -> Iterator[Entry]:
        """See Format.read_growing. A Parquet file has its list of contents at its end: it is whole or not there."""
        return iter(())

    def explain(self, file: SourceFile, offset: int) -> str | None:
        """See Format.explain. What is no Parquet is refused with its cause as it is read."""
        return None

    def holds_one(self, file: SourceFile) -> bool:
        """See Format.holds_one."""
        rows = self.read(file)
        return next(rows, None) is not None and next(rows, None) is None


def _read_bytes(file: SourceFile) -> bytes:
    try:
        with open_text(file) as text:
            content = text.read(LARGEST_FILE + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as broken:
        raise FileError(f"broken gzip: {broken}") from None
    if len(content) > LARGEST_FILE:
        raise FileError(f"larger than {LARGEST_FILE >> 20} MiB: write several files")
    return content


def _read_rows(content: bytes) -> Iterator[Entry]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise FileError(NO_PYARROW) from None
    number = 0
    try:
        table = parquet.ParquetFile(pyarrow.BufferReader(content))
        held = table.metadata
        sizes = [held.row_group(group).total_byte_size for group in range(held.num_row_groups)]
        if held.num_rows > MOST_ELEMENTS or sum(sizes) > LARGEST_CONTENT:
            raise FileError(f"more than {MOST_ELEMENTS:,} rows, or a gigabyte of them: write several files")
        names = table.schema_arrow.names
        columns = read_columns(names)
        for batch in table.iter_batches(BATCH_ROWS):
            for row in batch.to_pylist():
                number += 1
                document = read_row(columns, [as_plain(row[name]) for name in names])
                yield Entry(number, None, msgspec.json.encode(document))
    except HeaderError as exc:
        raise FileError(str(exc)) from None
    except (pyarrow.ArrowException, OSError, ValueError, OverflowError) as exc:
        reason = " ".join(str(exc).split())[:200]
        raise FileError(f"no Parquet that can be read: {reason}", number + 1 if number else None) from None
