"""Times in decisions: ISO 8601 and epochs, by a grammar of our own. Every other form is refused.

Python's own reader accepts any character between date and time, even a digit, and then reads another time.
"""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DATE, _HOUR, _SIXTY, _FRACTION = "[0-9]{4}-[0-9]{2}-[0-9]{2}", "(?:[01][0-9]|2[0-3])", "[0-5][0-9]", "[.,][0-9]{1,9}"
# Some systems write an offset of zero and a Z behind it.
_ZONE = f"(?P<zone>[Zz]|[+-](?:0[0-9]|1[0-4])(?::?{_SIXTY})?|(?P<zero>[+-]00:?00)[Zz])?"
_EXTENDED = re.compile(f"{_DATE}(?:[Tt ]{_HOUR}:{_SIXTY}(?::{_SIXTY}(?:{_FRACTION})?)?{_ZONE})?")
_BASIC = re.compile(f"[0-9]{{8}}[Tt ]{_HOUR}{_SIXTY}(?:{_SIXTY}(?:{_FRACTION})?)?{_ZONE}")
_COMPACT = re.compile(f"[0-9]{{8}}{_HOUR}{_SIXTY}{_SIXTY}(?:[0-9]{{3}})?")
_EPOCH = re.compile(r"-?[0-9]{1,20}(?:\.[0-9]{1,20})?")
SECONDS = 10**11  # from 1973 on milliseconds have twelve digits; seconds have had ten since 2001
NO_TIME = "not a time; write ISO 8601, or epoch seconds or milliseconds"


class Moment(NamedTuple):
    """A time, UTC. `in_zone`: whether it says its zone. `note`: how it was interpreted, if it had to be; else None."""

    at: datetime
    in_zone: bool
    note: str | None = None


def read_moment(value: str | float, timezone: ZoneInfo) -> Moment:
    """The time that a text or number gives. A time without a zone is in `timezone`; nanoseconds are cut.

    An epoch is in seconds, milliseconds, microseconds or nanoseconds. Its size tells which: between the years 2000 and
    2100 their ranges do not overlap. Raises ValueError for what is no time.

    >>> utc = ZoneInfo("UTC")
    >>> [read_moment(one, utc).at.isoformat() for one in ("2025-05-01T20:00+08:00", 1746100800, "20250501120000")]
    ['2025-05-01T12:00:00+00:00', '2025-05-01T12:00:00+00:00', '2025-05-01T12:00:00+00:00']
    """
    if not isinstance(value, str):
        return _read_number(value, timezone)
    said = value.strip()
    if found := _EXTENDED.fullmatch(said) or _BASIC.fullmatch(said):
        if found["zero"]:
            said = said[:-1]
        return _in_utc(datetime.fromisoformat(said.upper()), timezone)
    if _COMPACT.fullmatch(said):
        return _read_compact(said, timezone)
    if _EPOCH.fullmatch(said):
        return Moment(_from_epoch(Decimal(said)), True)
    raise ValueError(NO_TIME)


def as_utc(moment: datetime) -> datetime:
    """A moment in UTC; one without a zone is in UTC already."""
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _read_number(value: float, timezone: ZoneInfo) -> Moment:
    if isinstance(value, int) and _COMPACT.fullmatch(digits := str(value) if 0 < value < 10**17 else ""):
        return _read_compact(digits, timezone)
    if abs(value) < 10**14:  # a double is exact to the nearest microsecond here
        passed = timedelta(seconds=value) if abs(value) < SECONDS else timedelta(milliseconds=value)
        return Moment(EPOCH + passed, True)
    return Moment(_from_epoch(Decimal(value)), True)


def _read_compact(digits: str, timezone: ZoneInfo) -> Moment:
    """YYYYMMDDHHMMSS, with or without milliseconds. No epoch between 2000 and 2100 has as many digits."""
    date, time = digits[:8], digits[8:14]
    return _in_utc(datetime.fromisoformat(f"{date}T{time}.{digits[14:] or '000'}"), timezone)


def _from_epoch(number: Decimal) -> datetime:
    size = abs(number)
    for most, each in ((SECONDS, 10**6), (10**14, 10**3), (10**17, 1)):
        if size < most:
            return EPOCH + timedelta(microseconds=int(number * each))
    return EPOCH + timedelta(microseconds=int(number / 1000))


def _in_utc(moment: datetime, timezone: ZoneInfo) -> Moment:
    if moment.tzinfo is not None:
        return Moment(moment.astimezone(UTC), True)
    first = moment.replace(tzinfo=timezone)
    at = first.astimezone(UTC)
    before, after = first.utcoffset(), first.replace(fold=1).utcoffset()
    if before == after or before is None or after is None:
        return Moment(at, False)
    why = "does not exist: the clocks went forward" if before < after else "comes twice: the first is taken"
    return Moment(at, False, f"{moment.isoformat()} in {timezone.key} {why}; read as {at:%Y-%m-%d %H:%M:%S} UTC")
