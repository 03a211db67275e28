"""Strict JSON: no duplicate keys, no NUL, no lone surrogates, no NaN, no extreme depth.

msgspec decodes. It keeps the last of duplicate keys, and accepts NUL and numbers of any length, so a cheap check looks
for signs of these. A text that shows one, or that msgspec refuses, is decoded once more, slowly, to name the field.
"""

import json
import math
import re
from datetime import datetime
from decimal import Decimal
from numbers import Real
from typing import Any

import msgspec

MOST_DIGITS = 400
MOST_DEPTH = 100
LONGEST_TEXT = 8 << 20
LONGEST_FIELD = 200
# More than fit in 32 MiB as decisions. A text with more than MOST_COMMAS is split one by one, not all at once.
MOST_ELEMENTS = 500_000
MOST_COMMAS = 2_000_000
_BOM = b"\xef\xbb\xbf"
# The count of keys does not find a key that has a space before its colon.
_PARTED_KEY = re.compile(rb'"\s+:')
_DIGIT = re.compile(rb"[0-9]")
_EXPONENT = re.compile(rb"e[-0-9]")
_SORTED = msgspec.json.Encoder(order="sorted")
_STRING_OR_BRACKET = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},]', re.DOTALL)
_LONG_NUMBER = re.compile(rb"[0-9]{%d}" % (MOST_DIGITS + 1))


class DecisionError(ValueError):
    """A decision that is refused: `field` (None: the whole decision) and `reason`."""

    def __init__(self, field: str | None, reason: str) -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field = field
        self.reason = reason


class IncompleteJsonError(DecisionError):
    """The text does not parse. Perhaps its end has not been written yet."""


def load_json(text: bytes) -> object:
    """The value of a JSON text: UTF-8, with or without a byte order mark.

    Raises DecisionError; IncompleteJsonError if the text does not parse.

    >>> load_json(b'{"a": 1}')
    {'a': 1}
    >>> load_json(b'{"a": 1, "a": 2}')
    Traceback (most recent call last):
        ...
    scorekeeper.decisions.strict_json.DecisionError: a: given twice: which one is meant?
    """
    if len(text) > LONGEST_TEXT:
        raise DecisionError(None, f"larger than {LONGEST_TEXT >> 20} MiB")
    if text[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DecisionError(None, "the text is UTF-16; write UTF-8")
    body = text.removeprefix(_BOM)
    try:
        value: object = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        _name_fault(body)
        raise DecisionError(None, f"not JSON: {exc}") from None
    # Each key comes with one '":', and strings may hold more of them: if the counts are equal, no key is given twice.
    if (
        _count_keys(value, 0) != body.count(b'":')
        or b"\\u0000" in body
        or _PARTED_KEY.search(body)
        # A number that is too long has a digit at one of these few places.
        or (_DIGIT.search(body[MOST_DIGITS :: MOST_DIGITS + 1]) and _LONG_NUMBER.search(body))
    ):
        _name_fault(body)
    return value


def canonical_json(document: object) -> bytes:
    """Parsed JSON with sorted keys, without spaces, in ASCII: the same bytes as json.dumps writes.

    msgspec writes the same bytes much faster, except for numbers with an exponent and characters beyond ASCII.
    Raises DecisionError for what is no JSON.

    >>> canonical_json({"b": 1, "a": "é"})
    b'{"a":"\\\\u00e9","b":1}'
    """
    try:
        text = _SORTED.encode(document)
    except (TypeError, ValueError, RecursionError) as exc:
        raise DecisionError(None, f"no JSON: {str(exc)[:200]}") from None
    if text.isascii() and b"\x7f" not in text and b"0.0000" not in text and not _EXPONENT.search(text):
        return text
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def to_json(document: object) -> object:
    """Python objects as parsed JSON, by the same rules as a file. Times become text, decimals become numbers.

    Raises DecisionError.
    """
    try:
        text = json.dumps(document, default=_plain)
    except (TypeError, ValueError, RecursionError) as exc:
        raise DecisionError(None, f"no JSON: {str(exc)[:200]}") from None
    if len(text) > LONGEST_TEXT:
        raise DecisionError(None, f"larger than {LONGEST_TEXT >> 20} MiB")
    return load_json(text.encode())


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal | Real):
        return float(value)
    raise TypeError(f"holds a {type(value).__name__}")


def split_array(text: bytes) -> list[bytes] | None:
    """The elements of an array, each as a text for `load_json`; None if `text` is no array.

    Of an array with more than MOST_ELEMENTS there are some, and more than MOST_ELEMENTS of them.
    Raises DecisionError; IncompleteJsonError if the array itself does not parse.

    >>> split_array(b'[{"a": 1}, 2]')
    [b'{"a": 1}', b'2']
    """
    body = text.removeprefix(_BOM).strip()
    if not body.startswith(b"["):
        return None
    if body.count(b",") > MOST_COMMAS:
        return _split_slowly(body)
    try:
        return [bytes(element) for element in msgspec.json.decode(body, type=list[msgspec.Raw])]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _split_slowly(body)  # one element that msgspec refuses must not cost the others


def _split_slowly(body: bytes) -> list[bytes]:
    elements: list[bytes] = []
    decoder = json.JSONDecoder(parse_int=_integer)
    try:
        words = body.decode()
        end = _after_space(words, 1)
        while words[end : end + 1] != "]":
            if len(elements) > MOST_ELEMENTS:
                return elements
            _, stop = decoder.raw_decode(words, end)
            elements.append(words[end:stop].encode("utf-8", "surrogatepass"))
            end = _after_space(words, stop)
            if words[end : end + 1] == ",":
                end = _after_space(words, end + 1)
                if words[end : end + 1] == "]":
                    raise json.JSONDecodeError("Illegal trailing comma", words, end)
            elif words[end : end + 1] != "]":
                raise json.JSONDecodeError("Expecting ',' delimiter", words, end)
        if end + 1 != len(words):
            raise json.JSONDecodeError("Extra data", words, end + 1)
    except RecursionError:
        return _split_at_brackets(body)
    except (UnicodeDecodeError, json.JSONDecodeError):
        _name_fault(body)
        raise IncompleteJsonError(None, "not JSON") from None
    return elements


def _split_at_brackets(body: bytes) -> list[bytes]:
    """As `_split_slowly`, for an element that is too deep to be parsed: what is in it is not checked."""
    elements: list[bytes] = []
    depth = start = 0
    for found in _STRING_OR_BRACKET.finditer(body):
        what, at = found[0], found.start()
        depth += (what in (b"[", b"{")) - (what in (b"]", b"}"))
        if not start:
            start = 1
        elif depth == 0 or (depth == 1 and what == b","):
            elements.append(body[start:at].strip())
            start = at + 1
        if depth == 0 and start == len(body):
            return elements
        if depth == 0 or len(elements) > MOST_ELEMENTS:
            break
    raise IncompleteJsonError(None, "not JSON")


def _after_space(words: str, at: int) -> int:
    while words[at : at + 1] in (" ", "\t", "\r", "\n"):
        at += 1
    return at


def _count_keys(value: object, depth: int) -> int:
    if depth > MOST_DEPTH:
        raise DecisionError(None, "nested too deeply")
    count, inner = 0, value
    if type(value) is dict:
        count, inner = len(value), value.values()
    elif type(value) is not list:
        return 0
    for one in inner:  # type: ignore[attr-defined]  # the values of either
        if type(one) is dict or type(one) is list:
            count += _count_keys(one, depth + 1)
    return count


def _name_fault(body: bytes) -> None:
    """Raise the DecisionError that says what is wrong and where; return if nothing is."""
    try:
        value = _EXPLAINER.decode(body.decode())
    except UnicodeDecodeError as exc:
        raise IncompleteJsonError(None, f"the text is not UTF-8 (byte {exc.start})") from None
    except json.JSONDecodeError as exc:
        raise IncompleteJsonError(None, f"not JSON: {exc.msg} at line {exc.lineno}, column {exc.colno}") from None
    except RecursionError:
        raise DecisionError(None, "nested too deeply") from None
    _check_values(value, "", 0)


class _Twice(dict[str, Any]):
    """An object in which `key` is given twice."""

    def __init__(self, found: dict[str, Any], key: str) -> None:
        super().__init__(found)
        self.key = key


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                return _Twice(found, key)
            seen.add(key)
    return found


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= MOST_DIGITS else math.inf


_EXPLAINER = json.JSONDecoder(object_pairs_hook=_pairs, parse_int=_integer)


def _check_values(value: object, field: str, depth: int) -> None:
    where = field or None
    if depth > MOST_DEPTH:
        raise DecisionError(where, "nested too deeply")
    if isinstance(value, str):
        if "\0" in value:
            raise DecisionError(where, "holds the character NUL (\\u0000)")
        if any("\ud800" <= c <= "\udfff" for c in value):
            raise DecisionError(where, "holds half of a surrogate pair")
    elif isinstance(value, float) and not math.isfinite(value):
        raise DecisionError(where, "not a finite number, or one of too many digits")
    elif isinstance(value, _Twice):
        raise DecisionError(_below(field, value.key), "given twice: which one is meant?")
    elif isinstance(value, dict):
        for key, inner in value.items():
            name = _below(field, key)
            _check_values(key, name, depth + 1)
            _check_values(inner, name, depth + 1)
    elif isinstance(value, list):
        for position, inner in enumerate(value, 1):
            _check_values(inner, f"{field}[{position}]"[:LONGEST_FIELD], depth + 1)


def _below(field: str, key: str) -> str:
    """The name of the field `key` within `field`, cut: a long key would be copied for each field below it."""
    return f"{field}.{key[:LONGEST_FIELD]}"[:LONGEST_FIELD] if field else key[:LONGEST_FIELD]
