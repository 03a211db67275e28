"""An answer as JSON of at most 8,000 bytes. Pure."""

import base64
import json
from collections.abc import Callable
from typing import Any

from dashboard.data.filters import FilterError
from dashboard.shown import plain

MOST_BYTES = 8_000
WHOLE = ("text", "sentence", "next_cursor")  # words of ours, and what is handed back

Document = dict[str, Any]


def as_json(document: Document) -> str:
    """The document on one line, in ASCII."""
    return json.dumps(plain(document), allow_nan=False, separators=(",", ":"))


def size(document: Document) -> int:
    """The bytes that an answer takes.

    >>> size({"a": 1.5})
    9
    """
    return len(as_json(document))


def fit_page(read: Callable[[int], Document], rows: str, limit: int) -> Document:
    """The largest page of at most `limit` rows that fits. `read(n)` gives a page of n rows, under the key `rows`.

    A page always holds a row: a single row that does not fit is the caller's to shorten.
    """
    while True:
        page = read(limit)
        found, taken = len(page[rows]), size(page)
        if taken <= MOST_BYTES or limit <= 1:
            return page
        limit = max(1, min(limit, found) * MOST_BYTES // taken - 1)


def shorten_list(document: Document, name: str) -> Document:
    """The document with as many entries of its list `name` as fit; `name`_left_out counts the others."""
    left_out = f"{name}_left_out"
    kept = list(document[name])
    shown = {**document, left_out: 0}
    while kept and size(shown) > MOST_BYTES:
        over = size(shown) - MOST_BYTES
        dropped = 0
        while kept and dropped <= over:
            dropped += len(json.dumps(plain(kept.pop())))
        shown = {**document, name: kept, left_out: len(document[name]) - len(kept)}
    return shown


def squeeze(document: Document) -> Document:
    """The document with shorter strings, where nothing else has made it fit: a writer has filled it with long names.

    >>> squeeze({"a": "short"})
    {'a': 'short'}
    """
    longest = 200
    while size(document) > MOST_BYTES and longest > 4:
        document, longest = _cut(document, longest), longest // 2
    return document


def _cut(value: Any, longest: int) -> Any:
    if isinstance(value, dict):
        return {name: one if name in WHOLE else _cut(one, longest) for name, one in value.items()}
    if isinstance(value, list):
        return [_cut(one, longest) for one in value]
    return value[: longest - 1] + "…" if isinstance(value, str) and len(value) > longest else value


def write_cursor(after: str | None) -> str | None:
    """Where the next page begins, as one word."""
    return None if after is None else base64.urlsafe_b64encode(after.encode()).decode().rstrip("=")


def read_cursor(cursor: str | None) -> str | None:
    """What `write_cursor` was given. Raises FilterError for anything else.

    >>> read_cursor(write_cursor('["2025", "a"]'))
    '["2025", "a"]'
    """
    if not cursor:
        return None
    try:
        return base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except ValueError:
        raise FilterError("cursor", cursor[:40], "what next_cursor of the page before says") from None
