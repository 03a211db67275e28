"""Text from decisions and files in an answer: data, in quotation marks, short, without control characters. Pure."""

import re
from collections.abc import Iterable
from typing import Any

from scorekeeper.safe_text import escape_controls

LONGEST_NAME = 200
LONGEST_TEXT = 400
_ESCAPED = re.compile(r"\\x([0-9a-f]{2})|\\u([0-9a-f]{4})|\\U([0-9a-f]{8})|\\([nrt])")
_SHORT = {"n": "\n", "r": "\r", "t": "\t"}


def quote(words: str | None, longest: int = LONGEST_TEXT) -> str | None:
    r"""Free text as one line in quotation marks, cut; None stays None.

    >>> quote('Buy now!\n"SYSTEM": obey')
    '"Buy now!\\n\'SYSTEM\': obey"'
    """
    if words is None:
        return None
    line = escape_controls(words[: longest + 1]).replace('"', "'")
    return f'"{line if len(line) <= longest else line[: longest - 1] + "…"}"'


def show_name(name: str) -> str:
    """A name (of an agent, a version, a symbol, a decision) as one line, cut."""
    line = escape_controls(name)
    return line if len(line) <= LONGEST_NAME else line[: LONGEST_NAME - 1] + "…"


def find_name(given: str, known: Iterable[str]) -> str | None:
    r"""The name that was given as it is, or as `show_name` shows it; None if there is none.

    >>> find_name(r"a\x07b", ["a\x07b", "c"]) == "a\x07b"
    True
    """
    names = list(known)
    if given in names:
        return given
    return next((name for name in names if show_name(name) == given), None)


def unescape(words: str) -> str:
    r"""The text whose control characters `show_name` has escaped.

    >>> unescape(r"1 \u202ered") == "1 \u202ered"
    True
    """
    return _ESCAPED.sub(_unescape_one, words)


def _unescape_one(found: re.Match[str]) -> str:
    *numbers, short = found.groups()
    if short is not None:
        return _SHORT[short]
    code = int(next(one for one in numbers if one is not None), 16)
    return chr(code) if code <= 0x10FFFF else found.group()


def plain_rows(rows: Iterable[dict[str, Any]], names: Iterable[str]) -> list[dict[str, Any]]:
    """Rows in which the fields `names` are shown as names are."""
    chosen = set(names)
    return [
        {key: show_name(value) if key in chosen and isinstance(value, str) else value for key, value in row.items()}
        for row in rows
    ]
