"""Single fields of a decision: read, or refused with their name."""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from scorekeeper.decisions.strict_json import DecisionError

T = TypeVar("T")
MOST_NOTES = 50
LONGEST_NAME = 200
_NO_TEXT = re.compile("[\0\ud800-\udfff]")


class Note(msgspec.Struct, frozen=True, gc=False):
    """What could not be read of a decision that was taken: the field as the document names it, and its end."""

    field: str
    reason: str


def lenient(notes: list[Note], read: Callable[..., T], *given: Any, **bounds: Any) -> T | None:
    """What `read` makes of a field that a decision can do without; None, and a note, where it cannot be read."""
    try:
        return read(*given, **bounds)
    except DecisionError as unread:
        notes.append(Note(unread.field or "", f"{unread.reason}: left out"))
        return None


def cut_notes(notes: list[Note]) -> tuple[Note, ...]:
    """The notes as they are kept: the first MOST_NOTES, fit to be shown and for a database."""
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
    """A number within bounds. Raises DecisionError."""
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
    """A number within bounds, None where the document has none. Raises DecisionError."""
    value = document.get(name)
    return None if value is None else finite(name, value, **bounds)


def text_or_none(document: Mapping[str, Any], name: str, longest: int) -> str | None:
    """A text of at most `longest` characters, None where the document has none. Raises DecisionError."""
    value = document.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise DecisionError(name, "not text")
    if len(value) > longest:
        raise DecisionError(name, f"{len(value)} characters; at most {longest} are taken")
    return check_text(name, value)


def check_text(name: str, value: str) -> str:
    """The text, if a database takes it. Raises DecisionError."""
    if not value.isprintable() and _NO_TEXT.search(value):
        raise DecisionError(name, "holds a character that is no text (NUL or half of a surrogate pair)")
    return value


def is_zero(value: object) -> bool:
    """Whether a number is none: some write 0 where they mean that there is none."""
    return value == 0 and isinstance(value, int | float) and not isinstance(value, bool)
