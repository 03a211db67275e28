"""An answer is small, holds strangers' text as data, and its pages hold each row once."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mcp_server.fitting import MOST_BYTES, as_json, fit_page, read_cursor, shorten_list, size, squeeze, write_cursor
from mcp_server.glossary import write_glossary
from mcp_server.quoted import LONGEST_NAME, LONGEST_TEXT, find_name, quote, show_name, unescape
from scorekeeper.metrics import names

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=600)


@given(texts)
def test_quoted_text_is_one_short_line_in_quotation_marks(words: str) -> None:
    shown = quote(words)
    assert shown is not None
    assert shown.isprintable()
    assert (shown[0], shown[-1], shown.count('"')) == ('"', '"', 2)
    assert len(shown) <= LONGEST_TEXT + 2


@given(texts)
def test_a_name_is_found_again_as_it_is_shown(name: str) -> None:
    shown = show_name(name)
    assert shown.isprintable()
    assert len(shown) <= LONGEST_NAME
    assert find_name(shown, [name]) == name
    if len(shown) < LONGEST_NAME and "\\" not in name:
        assert unescape(shown) == name


@given(st.lists(st.text(max_size=3_000), max_size=40), st.integers(1, 50))
def test_pages_fit_and_hold_every_row_once(rows: list[str], limit: int) -> None:
    def page_from(start: int) -> dict[str, Any]:
        return fit_page(
            lambda n: {"rows": rows[start : start + n], "next": start + n if start + n < len(rows) else None},
            "rows", limit,
        )  # fmt: skip

    seen, start = [], 0
    while True:
        page = page_from(start)
        assert len(page["rows"]) <= limit
        assert size(page) <= MOST_BYTES or len(page["rows"]) == 1
        seen += page["rows"]
        if page["next"] is None:
            break
        start = page["next"]
    assert seen == rows


@given(st.lists(texts, max_size=60))
def test_a_list_is_shortened_until_it_fits_and_says_by_how_much(rows: list[str]) -> None:
    shown = shorten_list({"rows": rows, "more": 1.0}, "rows")
    assert size(shown) <= MOST_BYTES
    assert shown["rows"] == rows[: len(shown["rows"])]
    assert shown["rows_left_out"] == len(rows) - len(shown["rows"])
    assert as_json(shown).isascii()


@given(st.lists(st.text("\U0001f600é\x07", min_size=1, max_size=300), min_size=6, max_size=12))
def test_names_of_any_length_fit_an_answer_and_words_of_ours_stay(names_: list[str]) -> None:
    document = {"text": "ours " * 40, "rows": [{"name": show_name(one), "said": quote(one)} for one in names_]}
    shown = squeeze(document)
    assert size(shown) <= MOST_BYTES
    assert shown["text"] == document["text"]
    assert len(shown["rows"]) == len(names_)
    assert size(document) > MOST_BYTES or shown == document


@given(texts)
def test_a_cursor_is_one_word_and_says_what_it_was_made_of(after: str) -> None:
    cursor = write_cursor(after)
    assert cursor is not None
    assert cursor.isascii()
    assert not set(cursor) & set("\" \n\\{}")
    assert (read_cursor(cursor) or "") == after


def test_what_is_not_finite_is_null() -> None:
    assert json.loads(as_json({"a": float("nan"), "b": [float("inf")]})) == {"a": None, "b": [None]}


def test_the_glossary_explains_every_figure() -> None:
    words = write_glossary()
    assert all(f"- {one.name}: " in words for one in (*names.SYSTEM, *names.AGENT))
