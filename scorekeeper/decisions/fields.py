"""Single fields of a decision: each is read, or refused with its name."""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from scorekeeper.decisions.strict_json import DecisionError

T = TypeVar("T")
MOST_NOTES = 50
LONGEST_NAME = 200
# Fields that have a second name.
ALIASES = {"type": "action", "price": "entry_price"}
_NO_TEXT = re.compile("[\0\ud800-\udfff]")


class Note(msgspec.Struct, frozen=True, gc=False):
    """A field that could not be read of a decision that was taken: its name in the document, and what became of it."""

    field: str
    reason: str


def lenient(notes: list[Note], read: Callable[..., T], *given: Any, **bounds: Any) -> T | None:
    """The value that `read` gives for an optional field; None, and a note, if it cannot be read."""
    try:
        return read(*given, **bounds)
    except DecisionError as exc:
        notes.append(Note(exc.field or "", f"{exc.reason}: left out"))
        return None


def cut_notes(notes: list[Note]) -> tuple[Note, ...]:
    """The notes as they are stored: the first MOST_NOTES, cut to LONGEST_NAME characters."""
    kept = tuple(Note(note.field[:LONGEST_NAME], note.reason[:LONGEST_NAME]) for note in notes[:MOST_NOTES])
    return kept if len(notes) <= MOST_NOTES else (*kept, Note("", f"and {len(notes) - MOST_NOTES} fields more"))


def finite(
    name: str,
    value: object,
    *,
    above: float | None = None,
    below: float | None = None,
    low: float | None = None,
    high: float | None = None,
) -> float:
    """A number within bounds: > `above`, < `below`, >= `low`, <= `high`. Raises DecisionError.

    >>> finite("price", 3, above=0)
    3.0
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise DecisionError(name, "not a number")
    try:
        number = float(value)
    except OverflowError:
        raise DecisionError(name, "too large a number") from None
    if not math.isfinite(number):
        raise DecisionError(name, "not a finite number")
    if above is not None and number <= above:
        raise DecisionError(name, f"{number} is not above {above}")
    if below is not None and number >= below:
        raise DecisionError(name, f"{number} is not below {below}")
    if (low is not None and number < low) or (high is not None and number > high):
        raise DecisionError(name, f"{number} is not between {low} and {high}" if high is not None else "negative")
    return number


def number_or_none(document: Mapping[str, Any], name: str, **bounds: float) -> float | None:
    """A number within bounds; None if the document has none. Raises DecisionError."""
    value = document.get(name)
    return None if value is None else finite(name, value, **bounds)


def text_or_none(document: Mapping[str, Any], name: str, longest: int) -> str | None:
    """A text of at most `longest` characters; None if the document has none. Raises DecisionError."""
    value = document.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise DecisionError(name, "not text")
    if len(value) > longest:
        raise DecisionError(name, f"{len(value)} characters; at most {longest} are taken")
    return check_text(name, value)


def one_of_names(document: Mapping[str, Any], name: str) -> tuple[str, Any]:
    """The name as written, and the value, of a field that has two names. Raises DecisionError if they differ."""
    other = ALIASES[name]
    first, second = document.get(name), document.get(other)
    if first is None:
        return (other, second) if other in document else (name, None)
    if second is not None and second != first:
        raise DecisionError(other, f"says something else than {name}")
    return name, first


def check_text(name: str, value: str) -> str:
    """The text, if Postgres can store it. Raises DecisionError."""
    if not value.isprintable() and _NO_TEXT.search(value):
        raise DecisionError(name, "holds a character that is no text (NUL or half of a surrogate pair)")
    return value


def is_zero(value: object) -> bool:
    """Whether a value is the number 0, which some writers use for a missing one."""
    return value == 0 and isinstance(value, int | float) and not isinstance(value, bool)
