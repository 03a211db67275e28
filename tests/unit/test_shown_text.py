"""Text of strangers is one inert line wherever it is shown."""

from hypothesis import given
from hypothesis import strategies as st

from scorekeeper.safe_text import escape_controls, escape_links, escape_markdown
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


def test_an_address_is_text_in_which_no_viewer_finds_a_link() -> None:
    assert escape_links("see https://x.example, www.x.example, a@x.example") == (
        "see https[:]//x.example, www[.]x.example, a[@]x.example"
    )
    assert escape_links("12:30 BTC/USDT:USDT v1.2 @ 3") == "12:30 BTC/USDT:USDT v1.2 @ 3"
    assert "https&#91;:&#93;//x" in escape_markdown("https://x")


def test_a_value_is_a_plain_cell() -> None:
    assert [shown(v) for v in (None, 1.5, "<b>", 3)] == ["n/a", "1.5000", "&#60;b&#62;", "3"]
