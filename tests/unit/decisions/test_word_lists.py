"""Words of systems and agents: read by direction, whole, and by one list."""

import re
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorekeeper.decisions import words
from scorekeeper.decisions.reading_rules import STANDARD, make_reading, read_rules
from scorekeeper.decisions.word_warnings import SYSTEM, tell_small, tell_unread, tell_words
from scorekeeper.decisions.words import KNOWN, Meaning, clean_word, meaning_of, plain_word

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "decision-files.md"
LISTS: dict[Meaning, str] = {
    "up": words.UP, "down": words.DOWN, "neutral": words.NEUTRAL, "exit": words.EXITS,
    "exit_long": words.EXITS_OF_LONGS, "exit_short": words.EXITS_OF_SHORTS,
}  # fmt: skip
EVERY = [(word, meaning) for meaning, listed in LISTS.items() for word in listed.split()]


def test_no_word_stands_in_two_lists() -> None:
    assert len({clean_word(word) for word, _ in EVERY}) == len(EVERY) == len(KNOWN)


def test_the_document_lists_every_word_and_no_other() -> None:
    document = DOCUMENT.read_text(encoding="utf-8")
    told = {
        meaning: set(re.findall(r"`([^`]+)`", row))
        for meaning, row in re.findall(rf"^\| ({'|'.join(LISTS)}) \|(.+)\|$", document, re.MULTILINE)
    }
    assert told == {meaning: set(listed.split()) for meaning, listed in LISTS.items()}


DRESSES = (
    str.lower, str.title, lambda w: f"**{w}**", lambda w: f"_{w}_", lambda w: f"`{w}`", lambda w: f" {w}.\n",
    lambda w: f"__{w}__!", lambda w: w.replace("_", " "), lambda w: w.replace("_", "-"), lambda w: w.replace("_", ""),
    lambda w: f'"{w}"', lambda w: f"🟢 {w}", lambda w: f"Rating: **{w}**", lambda w: f"最终交易建议：**{w}**",
    lambda w: f"FINAL TRANSACTION PROPOSAL: **{w}**", lambda w: f"## Final Verdict: {w}", lambda w: f"⬆️ {w}:",
    lambda w: f"操作建议：{w}",
)  # fmt: skip


@given(st.sampled_from(EVERY), st.sampled_from(DRESSES))
def test_a_word_means_the_same_in_every_dress(one: tuple[str, Meaning], dress: object) -> None:
    word, meaning = one
    assert meaning_of(dress(word)) == meaning  # type: ignore[operator]


@pytest.mark.parametrize(
    "said",
    ["not buy", "don't buy", "BUY or SELL", "BUY/HOLD/SELL", "BUY?", "~~BUY~~", "❌ BUY", "-BUY", "ſELL", "BUYING",
     "no buy", "Rating: not Buy", "buy sell", "1", "???", "HOLD_LONG", "TRIM", "買わない"],
)  # fmt: skip
def test_nothing_is_guessed_from_a_part_of_what_is_said(said: str) -> None:
    assert meaning_of(said) is None


@given(st.text(max_size=300))
def test_any_text_is_read_or_is_in_no_list(said: str) -> None:
    assert meaning_of(said) in (None, *get_args(Meaning))
    assert clean_word(clean_word(said)) == clean_word(said) or not said.isascii() or len(said) > words.LONGEST_WORD


@pytest.mark.parametrize(
    ("written", "kept"),
    [("buy", "BUY"), ("**Sell**", "SELL"), ("Hold.", "HOLD"), ("open_long", "OPEN_LONG"), ("Strong Buy", "STRONG_BUY"),
     ("CONFLICTED", "CONFLICTED"), ("strong-buy", "STRONG-BUY"), ("买入", "买入")],
)  # fmt: skip
def test_the_systems_word_is_kept_and_buy_sell_and_hold_are_always_written_so(written: str, kept: str) -> None:
    assert plain_word(written) == kept


def test_words_of_the_settings_win_over_the_lists_and_rules_survive_their_text() -> None:
    reading = make_reading({"To the Moon": "up", "REDUCE": "exit"}, {"A": "fraction"})
    assert (meaning_of("to-the-moon!", reading.known), meaning_of("Reduce", reading.known)) == ("up", "exit")
    assert meaning_of("BUY", reading.known) == "up"
    assert read_rules(reading.rules) == reading != STANDARD
    assert make_reading({}, {}).id == STANDARD.id != reading.id


@pytest.mark.parametrize("scale", ["percent", "fraction"])
def test_a_confidence_is_read_on_its_own_scale(scale: str) -> None:
    reading = make_reading({}, {"default": "percent", "system": scale, "A": scale})  # type: ignore[dict-item]
    given_, wanted = (0.29, 29.0) if scale == "fraction" else (29, 29.0)
    assert reading.confidence("c", given_, "A") == reading.confidence("c", given_) == wanted
    assert reading.confidence("c", 29, "B") == 29.0
    assert reading.confidence("c", 29, "system") == 29.0  # an agent of that name is an agent


def test_what_was_not_understood_is_told_with_its_count_and_cut_and_inert() -> None:
    hostile = {SYSTEM: {"X" * 1_000_000: 3}, "A\u202e<b>": {"a\nb": 2}}
    lines = tell_words({"X" * 1_000_000: 3}, hostile, opened=0)
    assert lines[0].startswith("no trade opened: 3 decisions of words that open no trade, in no list: XXX")
    assert all(line.isprintable() and len(line) < 300 for line in lines)
    assert tell_words({"HOLD": 2}, {}, opened=1) == tell_unread({}) == []
    assert tell_words({"HOLD": 2}, {}, opened=0) == [
        "no trade opened: 2 decisions of words that open no trade: HOLD (2)"
    ]
    assert tell_small([SYSTEM, "A"]).endswith("the decisions themselves, A")
    assert tell_small([]) == ""
