"""JSON as strictly as Scorekeeper needs it: no duplicate keys, no NUL, no lone surrogate, no NaN, no depth bomb."""

import json
from typing import Any

MOST_DIGITS = 400
MOST_DEPTH = 100


class DecisionError(ValueError):
    """A decision that cannot be taken: `field` (None: the whole of it) and `reason`, fit to be shown."""

    def __init__(self, field: str | None, reason: str) -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field = field
        self.reason = reason


class IncompleteJsonError(DecisionError):
    """The text does not parse; it may be that its end has not been written yet."""


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise DecisionError(key[:100], "given twice: which one is meant?")
            seen.add(key)
    return found


def _constant(word: str) -> Any:
    raise DecisionError(None, f"{word} is no JSON number")


def _integer(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise DecisionError(None, f"a number of {len(digits)} digits")
    return int(digits)


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_constant, parse_int=_integer)


def load_json(text: bytes) -> object:
    """The value that `text` (UTF-8, with or without a BOM) holds.

    Raises DecisionError, IncompleteJsonError where the text does not parse.
    """
    if text[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DecisionError(None, "the text is UTF-16; write UTF-8")
    try:
        words = text.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        raise IncompleteJsonError(None, f"the text is not UTF-8 (byte {wrong.start})") from None
    try:
        value: object = _DECODER.decode(words)
    except DecisionError:
        raise
    except json.JSONDecodeError as wrong:
        raise IncompleteJsonError(None, f"not JSON: {wrong.msg} at line {wrong.lineno}, column {wrong.colno}") from None
    except RecursionError:
        raise DecisionError(None, "nested too deeply") from None
    # Only an escape can bring either of them in: decoding UTF-8 has refused raw surrogates, JSON raw NULs.
    if "\\u" in words or "\\U" in words:
        _check_strings(value)
    return value


def _check_strings(value: object, depth: int = 0) -> None:
    if depth > MOST_DEPTH:
        raise DecisionError(None, "nested too deeply")
    if isinstance(value, str):
        if "\0" in value:
            raise DecisionError(None, "holds the character NUL (\\u0000)")
        if any("\ud800" <= c <= "\udfff" for c in value):
            raise DecisionError(None, "holds half of a surrogate pair")
    elif isinstance(value, dict):
        for key, inner in value.items():
            _check_strings(key, depth + 1)
            _check_strings(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _check_strings(inner, depth + 1)
