"""Which words ask for a close, and what an exit decision goes by."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorekeeper.decisions.exit_signals import exit_side, name_exit
from scorekeeper.decisions.made_ids import LONGEST_ID
from scorekeeper.store.sql import SQL_FOLDER

LONGS, SHORTS, BOTH = 1, -1, 0
MOMENT = datetime(2025, 5, 1, 0, 30, tzinfo=UTC)
ids = st.text(st.characters(codec="utf-8", categories=("L", "N", "P")), min_size=1, max_size=LONGEST_ID).filter(
    lambda name: len(name.encode()) <= LONGEST_ID
)
times = st.none() | st.timedeltas(timedelta(days=-9_000), timedelta(days=9_000)).map(lambda passed: MOMENT + passed)


@pytest.mark.parametrize(
    ("word", "side"),
    [
        ("CLOSE", BOTH), (" Exit ", BOTH), ("close all", BOTH), ("平仓", BOTH), ("закрыть", BOTH),
        ("**CLOSE**", BOTH), ("Action: exit.", BOTH), ("离场", BOTH), ("`CloseLong`", LONGS),
        ("close-long", LONGS), ("SELL TO CLOSE", LONGS), ("平多", LONGS),
        ("cover", SHORTS), ("Buy__To_Cover", SHORTS), ("平空", SHORTS),
        ("BUY", None), ("HOLD", None), ("REDUCE", None), ("CLOSED", None), ("", None), ("cloſe", None),
    ],
)  # fmt: skip
def test_a_word_asks_for_the_close_of_a_side_or_of_none(word: str, side: int | None) -> None:
    assert exit_side(word) == side


def test_an_exit_goes_by_what_it_was_given_and_its_time() -> None:
    assert name_exit("42", MOMENT, b"\xab\xcd\xef\x01", "BTCUSDT") == ("42-exit-2025-05-01T00:30:00Z", "42")
    assert name_exit("42", None, b"\xab\xcd\xef\x01", "BTCUSDT") == ("42-exit-abcdef01", "42")


@given(ids, times, st.binary(min_size=32, max_size=32))
def test_an_exit_has_an_id_of_its_own_and_keeps_it_when_it_comes_again(
    name: str, time: datetime | None, content: bytes
) -> None:
    made, named = name_exit(name, time, content, "BTCUSDT")
    assert (made != name, named) == (True, name)
    assert len(made.encode()) <= LONGEST_ID
    if time is not None:
        again, told = name_exit(made, time, content, "BTCUSDT")
        assert again == made
        assert told == name or len(name.encode()) > LONGEST_ID - 40


def test_the_migration_reads_the_words_of_that_day() -> None:
    script = (SQL_FOLDER / "migrations/versions/0003_exits.up.sql").read_text(encoding="utf-8")
    words = re.findall(r"\('([A-Z_]+)', (-?[01])\)", script)
    assert len(words) > 40
    assert [(word, exit_side(word)) for word, _ in words] == [(word, int(side)) for word, side in words]
