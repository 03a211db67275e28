"""The records of another system's file, as those of a dataset: decisions with the exits that it gives their trades."""

from collections.abc import Iterator
from typing import Any

import msgspec

from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox.adapters import recognise
from scorekeeper.inbox.adapters.base import Lost, Part
from scorekeeper.inbox.formats.base import Entry, open_text
from scorekeeper.inbox.formats.foreign import read_foreign_text
from scorekeeper.inbox.formats.json_lines import LONGEST_LINE, JsonLines
from scorekeeper.inbox.places.base import ChangedError
from scorekeeper.inbox.places.local_files import LocalFile
from scorekeeper.operations.convert import join_exits, record_exit
from scorekeeper.operations.foreign_files import DATABASES, DOCUMENTS, read_documents


def read_records(source: LocalFile) -> Iterator[Entry]:
    """The lines of a dataset; or of a file of another system, which is recognised by what it holds, its records.

    What is no decision has an error. Raises ScorekeeperError.
    """
    name = source.name.lower()
    if name.endswith((".zip", *DATABASES)) or _holds_foreign(source, name.removesuffix(".gz").endswith(DOCUMENTS)):
        yield from _read_foreign(read_documents(source.path))
    else:
        yield from JsonLines().read(source)


def _holds_foreign(source: LocalFile, is_document: bool) -> bool:
    """Whether the file's first line, or the whole of it, is of another system."""
    try:
        with open_text(source) as text:
            if not is_document:
                return read_foreign_text(text.readline(LONGEST_LINE), 1, None) is not None
        return any(_known(document) for _, document in read_documents(source.path))
    except (ScorekeeperError, ChangedError, OSError, ValueError, EOFError):  # the reader of lines names what is wrong
        return False


def _known(document: Any) -> bool:
    first = document[0] if isinstance(document, list) and document else document
    return not (isinstance(first, dict) and "symbol" in first) and recognise(first) is not None


def _read_foreign(documents: Iterator[tuple[int, Any]]) -> Iterator[Entry]:
    parts: list[Part] = []
    for _, document in documents:
        inner = document if isinstance(document, list) and recognise(document) is None else [document]
        for one in inner:
            adapter = recognise(one)
            if adapter is not None:  # an archive holds settings too
                parts += adapter.read(one)
    for number, part in enumerate(join_exits(parts), 1):
        if isinstance(part, Lost):
            yield Entry(number, None, b"{}", error=f"{part.what}: {part.why}")
        else:
            record = part.decision if part.exit is None else record_exit(part.decision, part.exit)
            yield Entry(number, None, msgspec.json.encode(record))
