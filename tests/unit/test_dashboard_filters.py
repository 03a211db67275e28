"""Filters: an address is read strictly, an error names the filter, and what is written is read again."""

import csv
import io
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.data.filters import CHOICES, FilterError, Filters
from dashboard.data.lists import _read_cursor
from dashboard.data.rows import Page, Rows, Sums, as_csv
from dashboard.story import EXITS

words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=60)
whole_minutes = st.integers(0, 2**25).map(lambda minutes: datetime.fromtimestamp(60 * minutes, UTC))
some = st.builds(
    Filters,
    version=st.none() | words, symbol=st.none() | words, as_of=st.none() | whole_minutes,
    fees=st.sampled_from(CHOICES["fees"]), suspect=st.sampled_from(CHOICES["suspect"]),
    outcome=st.none() | st.sampled_from(CHOICES["outcome"]), confidence=st.none() | st.sampled_from(range(0, 100, 10)),
    confidence_from=st.none() | st.floats(0, 50), hour=st.none() | st.integers(0, 23), agent=st.none() | words,
    id=st.none() | words, after=st.none() | words,
)  # fmt: skip


SCHEMA = Path(__file__).parents[1] / "integration/store/schema.txt"


def test_every_exit_reason_of_a_trade_can_be_chosen_and_is_told_in_words() -> None:
    found = re.search(r"trade_exit_reason_known: CHECK (.*)", SCHEMA.read_text(encoding="utf-8"))
    assert found
    reasons = set(re.findall(r"'(\w+)'", found[1]))
    assert "trailing_stop" in reasons
    assert set(CHOICES["exit"]) == set(EXITS) == reasons


@given(some)
def test_what_an_address_says_is_read_as_it_was_written(filters: Filters) -> None:
    query = filters.query()
    read = Filters.read(parse_qsl(query, keep_blank_values=True))
    assert read == filters
    assert read.query() == query


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({"since": "yesterday"}, "since"), ({"until": "9999-12-31"}, "until"), ({"as_of": "1e400"}, "as_of"),
        ({"since": "2025-05-02", "until": "2025-05-01"}, "since"), ({"fees": "both"}, "fees"),
        ({"hour": "24"}, "hour"), ({"weekday": "0"}, "weekday"), ({"confidence": "85"}, "confidence"),
        ({"confidence_from": "nan"}, "confidence_from"), ({"confidence_to": "inf"}, "confidence_to"),
        ({"confidence_from": "50", "confidence_to": "50"}, "confidence_from"), ({"sincee": "2025"}, "sincee"),
        ({"version": "v\0"}, "version"), ({"agent": "\ud800"}, "agent"), ({"id": "x" * 600}, "id"),
        ({"stance": "supported"}, "stance"), ({"format": "xml"}, "format"), ({"by": "agent"}, "by"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_by_its_name(query: dict[str, str], name: str) -> None:
    with pytest.raises(FilterError) as refused:
        Filters.read(query)
    assert refused.value.name == name
    str(refused.value).encode()


def test_an_empty_field_of_a_form_is_none_and_a_name_given_twice_is_refused() -> None:
    assert Filters.read([("version", ""), ("since", ""), ("hour", "")]) == Filters()
    with pytest.raises(FilterError, match="version"):
        Filters.read([("version", "a"), ("version", "b")])


def test_links_keep_what_is_shared_and_changes_put_back_defaults() -> None:
    filters = Filters(version="v2", fees="net", outcome="win", after="x")
    assert filters.link("trades", agent="A & B") == "trades?version=v2&fees=net&agent=A+%26+B"
    assert filters.link("open", version=None, fees=None) == "open"
    assert filters.query(outcome=None, after=None) == "version=v2&fees=net"


def test_a_moment_is_utc_and_as_of_a_whole_minute() -> None:
    filters = Filters.read({"since": "2025-05-01T02:00+02:00", "as_of": "2025-05-01T12:00:59.9Z"})
    assert filters.since == datetime(2025, 5, 1, tzinfo=UTC)
    assert filters.as_of == datetime(2025, 5, 1, 12, 0, tzinfo=UTC)
    assert Filters.read({"since": "2025-05-01T02:00 02:00"}).since == filters.since  # a + that was not escaped


@pytest.mark.parametrize(
    "after",
    [
        "", "[]", "x", "[1]", '["2025-05-01", "id"]', '[{}, "id"]', "[1, 2]", "[" * 900, '[1e999, "id"]',
        '["2025-05-01T00:00+00:00", "\\u0000"]', '["2025-05-01T00:00+00:00", "\\ud800"]', '[null, "id"]',
    ],
)  # fmt: skip
def test_a_cursor_that_no_page_wrote_is_refused(after: str) -> None:
    with pytest.raises(FilterError, match="after"):
        _read_cursor(after, datetime)


def test_cells_that_begin_a_formula_are_disarmed() -> None:
    hostile = ["=1+1", "+1", "-1", "@SUM(A1)", "  =1", "\t=1", "\rx", "plain", 'a,"b"\nc', "−1"]
    rows: list[Page[Any]] = [Page([], one, 1, False, Sums(1, 0, -0.5)) for one in hostile]
    lines = "".join(as_csv(iter(rows)))
    table = list(csv.reader(io.StringIO(lines, newline="")))
    assert table[0] == ["rows", "after", "count", "is_more", "sums"]
    shown = [row[1] for row in table[1:]]
    assert shown == ["'=1+1", "'+1", "'-1", "'@SUM(A1)", "'  =1", "'\t=1", "'\rx", "plain", 'a,"b"\nc', "−1"]
    assert list(as_csv(Rows(Sums, iter([])))) == ["winners,losers,sum_pct\r\n"]
