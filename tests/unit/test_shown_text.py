"""Text of strangers is one inert line wherever it is shown."""

from hypothesis import given
from hypothesis import strategies as st

from scorekeeper.domain.text import escape_controls, escape_markdown
from tasks.artifacts import shown


@given(st.text())
def test_controls_never_make_a_second_line(words: str) -> None:
    line = escape_controls(words)
    assert line.isprintable()
    assert len(line.splitlines()) <= 1


@given(st.text())
def test_nothing_in_markdown_is_left_to_interpret(words: str) -> None:
    cell = escape_markdown(words)
    assert not set(cell) & set("<>|`*_[]()!~\n\r")
    assert cell[:1] not in ("=", "+", "-", "@") or cell[1:].replace(".", "").isdigit()


def test_a_value_is_a_plain_cell() -> None:
    assert [shown(v) for v in (None, 1.5, "<b>", 3)] == ["n/a", "1.5000", "&#60;b&#62;", "3"]
