"""Times: what the document lists is read, whatever else is refused, and nothing is shifted."""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scorekeeper.decisions.timestamps import read_moment

ZONE = ZoneInfo("UTC")
AT = datetime(2025, 5, 1, 2, 3, 4, 567000, tzinfo=UTC)
PARTS = re.compile(
    r"(\d{4})-?(\d\d)-?(\d\d)(?:[Tt ]?(\d\d):?(\d\d):?(\d\d)?[.,]?(\d*)(?:([+-]\d\d):?(\d\d)?)?[Zz]?)?", re.ASCII
)


@pytest.mark.parametrize(
    "said",
    ["2025-05-01T02:03:04.567Z", "2025-05-01t02:03:04.567z", "2025-05-01 02:03:04.567", "2025-05-01T02:03:04,567Z",
     "2025-05-01T02:03:04.567000000Z", "2025-05-01T10:03:04.567000000+08:00", "2025-05-01T10:03:04.567+0800",
     "2025-05-01T10:03:04.567+08", "2025-05-01T02:03:04.567+00:00Z", "20250501T020304.567Z", "20250501020304567",
     20250501020304567, "1746064984567", 1746064984567, "1746064984.567", "1746064984567000", 1746064984567000,
     "1746064984567000000", 1746064984567000000, " 2025-05-01T02:03:04.567Z "],
)  # fmt: skip
def test_every_listed_form_gives_the_same_moment(said: Any) -> None:
    assert read_moment(said, ZONE).at == AT


@pytest.mark.parametrize(
    "said",
    ["2025-05-01+08:00", "2025-05-01Z", "2025-05-01102:00:00", "2025-05-01_02:00:00", "2025-05-01T24:00:00Z",
     "2025-05-01T23:59:60Z", "2025-05-01T02:00:00+08:00Z", "2025-05-01T02", "2025-W18-4", "2025-05-01T02:00:00 +0000",
     "2025-05-01T02:00:00+15:00", "2025-13-01T00:00:00Z", "2025-02-30", "01/05/2025", "May 1, 2025", "now", "",
     "2025-05-01T0２:00:00Z", "2025-05-01T02:00:00.1234567890Z", "20251301020000123", "0x10", "1e9", "+1746064984"],
)  # fmt: skip
def test_what_is_not_listed_is_no_time_or_far_away(said: str) -> None:
    """Far away: digits that are no date are an epoch, which then is not between 2000 and 2100."""
    try:
        found = read_moment(said, ZONE).at
    except (ValueError, OverflowError):
        return
    assert not 2000 <= found.year < 2100


FIRST, LAST = datetime.fromisoformat("2000-01-01"), datetime.fromisoformat("2099-12-31")
instants = st.datetimes(FIRST, LAST).map(lambda t: t.replace(tzinfo=UTC))
offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(instants, offsets)
def test_what_is_written_is_read_back(at: datetime, offset: timezone) -> None:
    assert read_moment(at.astimezone(offset).isoformat(), ZONE).at == at
    micros = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert read_moment(micros, ZONE).at == read_moment(str(micros), ZONE).at == at
    assert read_moment(micros * 1000, ZONE).at == at
    whole = at.replace(microsecond=at.microsecond // 1000 * 1000)
    assert read_moment(micros // 1000, ZONE).at == read_moment(str(micros // 1000), ZONE).at == whole
    assert read_moment(micros // 10**6, ZONE).at == at.replace(microsecond=0)
    assert read_moment(f"{whole:%Y%m%d%H%M%S}{whole.microsecond // 1000:03}", ZONE).at == whole


shapes = st.from_regex(r"20[0-9]{2}-?[01][0-9]-?[0-3][0-9][T t_1]?[0-2][0-9]:?[0-6][0-9]:?[0-6][0-9]"
                       r"([.,][0-9]{1,9})?(Z|z|[+-][01][0-9](:?[0-5][0-9])?Z?)?", fullmatch=True)  # fmt: skip


@given(shapes)
def test_whatever_is_accepted_means_what_a_second_reading_finds(said: str) -> None:
    try:
        found = read_moment(said, ZONE).at
    except (ValueError, OverflowError):
        return
    assume(2000 <= found.year < 2100)
    parts = PARTS.fullmatch(said)
    assert parts is not None
    year, month, day, hour, minute, second, fraction, hours, minutes = parts.groups()
    sign = -1 if hours and hours[0] == "-" else 1
    offset = timedelta(hours=int(hours or 0), minutes=sign * int(minutes or 0))
    wanted = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second or 0), tzinfo=UTC) - offset
    assert found == wanted + timedelta(microseconds=int((fraction or "0").ljust(6, "0")[:6]))


@pytest.mark.parametrize(
    ("said", "utc", "why"),
    [("2025-03-30T02:30:00", "2025-03-30T01:30:00", "does not exist"),
     ("2025-10-26T02:30:00", "2025-10-26T00:30:00", "comes twice"),
     ("2025-05-01", "2025-04-30T22:00:00", None), ("20251026023000", "2025-10-26T00:30:00", "comes twice"),
     ("2025-10-26T02:30:00+01:00", "2025-10-26T01:30:00", None)],
)  # fmt: skip
def test_an_hour_that_a_zone_skips_or_repeats_is_decided_and_said(said: str, utc: str, why: str | None) -> None:
    found = read_moment(said, ZoneInfo("Europe/Berlin"))
    assert found.at == datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert (found.note is None) == (why is None)
    assert why is None or why in (found.note or "")
