"""What an adapter is: it reads the files that another system writes anyway, as decisions.

A new adapter is a module beside this one with a class that has the members of `Adapter`, and a line in `ADAPTERS` of
__init__.py. tests/integration/inbox/test_adapters.py runs the same suite over all of them.

What an adapter gives for a document never changes once it is released: `verify` reads archived files again, and a
decision that comes again is known by its content. So it reads the document alone: no setting, no clock, no prices. What
the document does not say (a price, a zone) stays out of the decision; `scorekeeper convert` asks for it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Protocol

import msgspec

from scorekeeper.decisions.strict_json import DecisionError, load_json

# The word of a decision that its system did not carry out: it opens no trade and closes none.
NOT_ENTERED, NOT_DONE = "NO_ENTRY", "NO_ACTION"


class Exit(NamedTuple):
    """How a trade ended, as its system says: price, time as written, and excursions in percent of the entry price."""

    price: object
    time: object
    mfe_pct: float | None = None
    mae_pct: float | None = None


class Found(NamedTuple):
    """A decision in a document. `exit`: the one that its system gives the trade."""

    decision: dict[str, Any]
    exit: Exit | None = None


class Closing(NamedTuple):
    """The exit of a trade that an earlier document of the same file opened, by its `trade_id`."""

    trade_id: str
    exit: Exit


class Lost(NamedTuple):
    """What a document says and no decision can: `what` it is, and why it is left out."""

    what: str
    why: str


Part = Found | Closing | Lost


class Adapter(Protocol):
    """How the files of another system are read."""

    @property
    def name(self) -> str:
        """What `convert --from` calls it."""

    @property
    def system(self) -> str:
        """The system, as it writes its own name."""

    @property
    def dated_by_file(self) -> bool:
        """Whether its files may say no time at all, and hold what was decided when they were written."""

    def recognises(self, document: object) -> bool:
        """Whether a parsed document is one of this system's."""

    def read(self, document: Any) -> Iterator[Part]:
        """What a document holds, in its order, for a document that it recognises."""


def load_text(text: object) -> object:
    """The value of JSON that stands in a string, with or without a code fence around it; None if it does not parse."""
    if not isinstance(text, str):
        return text
    said = text.strip().removeprefix("```json").removeprefix("```").removesuffix("```").strip()
    try:
        return load_json(said.encode()) if said else None
    except (DecisionError, UnicodeEncodeError):
        return None


def number_above_zero(value: object) -> float | int | None:
    """A number above 0; None for anything else, such as the 0 that stands for no price."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if 0 < value < float("inf") else None


def text_of(value: object) -> str | None:
    """A reason as text: as it is, or as JSON; None if there is none."""
    if value is None or value == "":
        return None
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def given(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}
