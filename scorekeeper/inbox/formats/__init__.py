"""Formats of decision files: how a file of each kind holds decisions. base.py says what a format is."""

from scorekeeper.inbox.formats.base import Format
from scorekeeper.inbox.formats.csv_rows import CsvRows
from scorekeeper.inbox.formats.json_document import JsonDocument
from scorekeeper.inbox.formats.json_lines import JsonLines
from scorekeeper.inbox.formats.parquet import Parquet

# The formats that are read. A file's suffix says which is its own.
FORMATS: tuple[Format, ...] = (JsonLines(), JsonDocument(), CsvRows(), Parquet())
BY_SUFFIX: dict[str, Format] = {suffix: form for form in FORMATS for suffix in form.suffixes}
