"""The state of a page: all of it is in its address, and an address is read and written in one way."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any, Self
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from scorekeeper.decisions.timestamps import read_moment
from scorekeeper.metrics.breakdown import Breakdown

LONGEST_TEXT = 512  # characters: no id, name or version is longer
LONGEST_CURSOR = 1_200
# What links between pages keep.
SHARED = ("version", "symbol", "since", "until", "fees", "suspect", "late", "as_of", "tz")
CHOICES: Mapping[str, tuple[str, ...]] = {
    "fees": ("gross", "net"),
    "suspect": ("no", "yes", "only"),
    "late": ("yes", "no", "only"),
    "tz": ("utc", "local"),
    "outcome": ("win", "loss", "even"),
    "side": ("long", "short", "any", "none"),
    "exit": ("expired", "stop_loss", "take_profit", "trailing_stop", "manual", "signal", "imported"),
    "stance": ("supported", "opposed", "abstained"),
    "call": ("scored", "made", "abstained", "judged", "right", "wrong", "flat"),
    "without": ("interval", "confidence"),
    "order": ("desc", "asc"),
    "by": tuple(Breakdown),
    "format": ("html", "csv", "json"),
}
_NUMBERS: Mapping[str, tuple[float, float]] = {
    "confidence": (0, 90), "confidence_from": (0, 100), "confidence_to": (0, 100), "hour": (0, 23), "weekday": (1, 7),
}  # fmt: skip
_WHOLE = ("confidence", "hour", "weekday")
_MOMENTS = ("since", "until", "as_of")


class FilterError(ValueError):
    """A filter that cannot be read: its name, what was given, and what is expected instead."""

    def __init__(self, name: str, value: str, expected: str) -> None:
        super().__init__(f"{name}: expected {expected}")
        self.name = name
        self.value = value
        self.expected = expected


@dataclass(frozen=True)
class Filters:
    """What an address selects; a field that is not given has its default and is left out of the address.

    Shared by all pages: `version`, `symbol` (None: all), `since` and `until` (half-open; on a trade's exit, on a
    decision's expiry, and on the expiry wherever an agent is named: that is what agents are scored by), `fees` (gross
    or net), `suspect` (no: left out, as metrics does; yes: included; only), `late` (yes: included, as metrics does; no;
    only), `as_of` (a whole minute, rounded down; None: now), `tz`.

    Of lists: `outcome`, `side` (any: what opened a trade; none: what did not), `exit`, `interval`, `confidence` (lower
    end of the ten points that the decision's own confidence lies in), `confidence_from` and `confidence_to` (half-open,
    100 included; of the agent where one is named, else the decision's), `hour` and `weekday` (1: Monday; of opening,
    UTC), `agent` with its `stance` on a trade, `call` (of the agent, or without one of the system's own action; scored:
    its horizon is known, made: it has a direction, judged: right or wrong, flat: the price stood still), `action`,
    `without` (interval or confidence: those that have none), `sort`, `order`, `after` (where a page begins).

    Of single pages: `by`, `a`, `b`, `id`, `name`, `format`.
    """

    version: str | None = None
    symbol: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    fees: str = "gross"
    suspect: str = "no"
    late: str = "yes"
    as_of: datetime | None = None
    tz: str = "utc"
    outcome: str | None = None
    side: str | None = None
    exit: str | None = None
    interval: str | None = None
    confidence: int | None = None
    confidence_from: float | None = None
    confidence_to: float | None = None
    hour: int | None = None
    weekday: int | None = None
    agent: str | None = None
    stance: str | None = None
    call: str | None = None
    action: str | None = None
    without: str | None = None
    by: str | None = None
    a: str | None = None
    b: str | None = None
    id: str | None = None
    name: str | None = None
    sort: str | None = None
    order: str | None = None
    after: str | None = None
    format: str = "html"

    @classmethod
    def read(cls, given: Iterable[tuple[str, str]] | Mapping[str, str]) -> Self:
        """The filters of a query string, as pairs (Starlette: `request.query_params.multi_items()`).

        An empty value is one that was not given: a form sends all its fields. Raises FilterError for a name that is
        none, one that is given twice, and a value that cannot be read.
        """
        known = {field.name for field in fields(cls)}
        found: dict[str, Any] = {}
        for name, value in given.items() if isinstance(given, Mapping) else given:
            if name not in known:
                raise FilterError(name, value, f"one of {', '.join(sorted(known))}")
            if name in found:
                raise FilterError(name, value, "to be given once")
            if value != "":
                found[name] = _read(name, value)
        filters = cls(**found)
        filters._check()
        return filters

    def _check(self) -> None:
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise FilterError("since", _write(self.since), "a time before until")
        if self.stance is not None and self.agent is None:
            raise FilterError("stance", self.stance, "an agent beside it (agent=…)")
        low, high = self.confidence_from, self.confidence_to
        if low is not None and high is not None and low >= high:
            raise FilterError("confidence_from", f"{low:g}", "less than confidence_to")

    @property
    def after_fees(self) -> bool:
        """Whether P&L is after fees."""
        return self.fees == "net"

    def changed(self, **changes: Any) -> Self:
        """The same with other values; None puts a field back to its default."""
        defaults = {field.name: field.default for field in fields(self)}
        values: dict[str, Any] = {name: defaults[name] if new is None else new for name, new in changes.items()}
        return replace(self, **values)

    def shared(self) -> Self:
        """Only what links between pages keep."""
        return type(self)(**{name: getattr(self, name) for name in SHARED})

    def given(self) -> dict[str, str]:
        """What differs from the default, in the order of the fields, as an address writes it."""
        return {
            field.name: _write(value) for field in fields(self) if (value := getattr(self, field.name)) != field.default
        }

    def query(self, **changes: Any) -> str:
        """The canonical query string with these changes, without its question mark: "" for nothing but defaults."""
        return urlencode(self.changed(**changes).given())

    def link(self, path: str, **changes: Any) -> str:
        """A relative address of another page with the shared filters and these changes: `trades?version=v2`."""
        query = self.shared().query(**changes)
        return f"{path}?{query}" if query else path


def _read(name: str, value: str) -> Any:
    if name in _MOMENTS:
        return _read_moment(name, value)
    if name in _NUMBERS:
        return _read_number(name, value)
    if name in CHOICES:
        if value not in CHOICES[name]:
            raise FilterError(name, value, f"one of {', '.join(CHOICES[name])}")
        return value
    longest = LONGEST_CURSOR if name == "after" else LONGEST_TEXT
    if len(value) > longest:
        raise FilterError(name, value[:40] + "…", f"at most {longest} characters")
    # Postgres takes neither: they are in no name that it holds.
    if "\0" in value or any("\ud800" <= one <= "\udfff" for one in value):
        raise FilterError(name, value.encode("unicode_escape").decode(), "text without NUL and half characters")
    return value


def _read_moment(name: str, value: str) -> datetime:
    try:
        # A + that an address leaves as it is arrives as a space.
        at = read_moment(value.replace(" ", "+") if value[-6:-5] == " " else value, ZoneInfo("UTC")).at
    except (ValueError, OverflowError):
        raise FilterError(name, value, "an ISO 8601 time, such as 2025-05-01T12:00Z") from None
    if not 1900 <= at.year <= 2999:
        raise FilterError(name, value, "a year between 1900 and 2999")
    return at.replace(second=0, microsecond=0) if name == "as_of" else at


def _read_number(name: str, value: str) -> float:
    low, high = _NUMBERS[name]
    try:
        number = float(value)
    except ValueError:
        number = low - 1
    whole = name in _WHOLE
    if not low <= number <= high or (whole and number != int(number)) or (name == "confidence" and number % 10):
        kind = "a whole multiple of 10" if name == "confidence" else "a whole number" if whole else "a number"
        raise FilterError(name, value, f"{kind} from {low:g} to {high:g}")
    return int(number) if whole else number


def _write(value: Any) -> str:
    if isinstance(value, datetime):
        at = value.astimezone(UTC).replace(tzinfo=None)
        return at.isoformat(timespec="auto" if at.second or at.microsecond else "minutes") + "Z"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
