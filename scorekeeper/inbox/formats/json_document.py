"""One JSON document: a decision, or an array of them."""

import gzip
import zlib
from collections.abc import Iterator

from scorekeeper.decisions.strict_json import MOST_ELEMENTS, DecisionError, IncompleteJsonError, load_json, split_array
from scorekeeper.inbox.formats.base import Entry, FileError, open_text
from scorekeeper.inbox.formats.diagnose import HEAD_BYTES, explain_file
from scorekeeper.inbox.formats.foreign import read_foreign, read_foreign_text
from scorekeeper.inbox.places.base import SourceFile

LARGEST_DOCUMENT = 32 << 20


class JsonDocument:
    """One JSON object, or an array with one in each element; see Format. It is read as a whole."""

    suffixes = (".json",)
    streams = False
    place_word = ""

    def read(self, file: SourceFile, offset: int = 0, done: int = 0) -> Iterator[Entry]:
        """See Format.read. Nothing is read of a document that does not parse to its end."""
        yield from _read_entries(file)

    def read_growing(self, file: SourceFile, offset: int, done: int, *, last: bool) -> Iterator[Entry]:
        """See Format.read_growing. A document is whole or not there: while it grows, it has no entry."""
        return iter(())

    def explain(self, file: SourceFile, offset: int) -> str | None:
        """See Format.explain. What is no JSON document is refused with its cause as it is read."""
        return None

    def holds_one(self, file: SourceFile) -> bool:
        """See Format.holds_one."""
        return sum(entry.skipped is None for entry in _read_entries(file)) == 1


def _read_entries(file: SourceFile) -> list[Entry]:
    """The object of a document, or the elements of its array; of another system's document what its adapter finds.

    Raises FileError, ChangedError.
    """
    content = None if file.is_compressed else file.content
    try:
        if content is None:
            with open_text(file) as text:
                content = text.read(LARGEST_DOCUMENT + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as broken:
        raise FileError(f"broken gzip: {broken}") from None
    if len(content) > LARGEST_DOCUMENT:
        raise FileError(f"larger than {LARGEST_DOCUMENT >> 20} MiB: write JSONL (one decision a line), which streams")
    if not content.strip():
        raise FileError("the file is empty")
    elements, parsed = None, None
    try:
        elements = split_array(content)
        if elements is None:
            parsed = load_json(content)
    except IncompleteJsonError as exc:
        raise FileError(explain_file(content[:HEAD_BYTES], lines=False) or str(exc), 1) from None
    except DecisionError:
        pass  # it parses: its fault is named with the decision's field
    if elements is None:
        return read_foreign(parsed, 1, None) or [Entry(1, None, content, parsed)]
    if len(elements) > MOST_ELEMENTS:
        raise FileError(f"more than {MOST_ELEMENTS:,} elements: write JSONL (one decision a line), which streams")
    entries: list[Entry] = []
    for element in elements:
        number = len(entries) + 1
        entries += read_foreign_text(element, number, None) or [Entry(number, None, element)]
    alike = entries and entries[0].error is not None and len({entry.error for entry in entries}) == 1
    return entries[:1] if alike else entries  # a list of trades that are not for the inbox is refused once
