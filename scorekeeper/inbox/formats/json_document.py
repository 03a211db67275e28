"""One JSON document: a decision, or an array of them."""

import gzip
import zlib
from typing import cast

from scorekeeper.decisions.strict_json import MOST_ELEMENTS, DecisionError, IncompleteJsonError, load_json, split_array
from scorekeeper.inbox.formats.base import FileError
from scorekeeper.inbox.formats.diagnose import HEAD_BYTES, explain_file
from scorekeeper.inbox.places.local_files import LocalFile, _open_text

LARGEST_DOCUMENT = 32 << 20


def read_documents(source: LocalFile) -> list[tuple[int, bytes, object]]:
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
