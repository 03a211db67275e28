"""Files that hold something else than they should: the cause is told once, and never of a good file."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorekeeper.inbox.formats.base import FileError
from scorekeeper.inbox.formats.diagnose import explain_file, explain_line
from scorekeeper.inbox.places import local_files

GOOD: dict[str, Any] = {
    "symbol": "BTC/USDT", "type": "BUY", "price": 1, "reason": "it's a {buy}, 'so': True,}",
    "agent_analyses": {"A": {}},
}  # fmt: skip
LINE, PRETTY = json.dumps(GOOD), json.dumps(GOOD, indent=2)
LINES: dict[str, tuple[str | bytes, str]] = {
    "objects over many lines": (f"{PRETTY}\n{PRETTY}\n", "pretty-printed"),
    "the first of them": (PRETTY[:60], "pretty-printed"),
    "an array over many lines": (f"[\n{LINE},\n{LINE}\n]\n", "array over many lines"),
    "a code fence": (f"```json\n{PRETTY}\n```\n", "code fence"),
    "words before a code fence": (f"Here it is:\n\n```json\n{PRETTY}\n```\n", "code fence"),
    "Python": (f"{GOOD!r}\n{GOOD!r}\n", "json.dumps"),
    "a comma too many": (LINE[:-1] + ",}\n", "comma"),
    "a comma too many, and commas between": (f"{LINE[:-1]},}},\n{LINE[:-1]},}}\n", "comma stands before"),
    "commas between": (f"{LINE},\n{LINE},\n", "commas between"),
    "no line ends": (LINE + LINE, "one object a line"),
    "YAML": ("---\nsymbol: BTC/USDT\ntype: BUY\n", "YAML"),
    "a YAML list": ("- symbol: BTC/USDT\n  type: BUY\n", "YAML"),
    "CSV": ("symbol,type,price\nBTC/USDT,BUY,1\n", "CSV"),
    "HTML": ("<!DOCTYPE html><html><body>502 Bad Gateway", "HTML"),
    "JavaScript": ('{symbol: "BTC/USDT", type: "BUY"}\n', "double quotes"),
    "UTF-16": (LINE.encode("utf-16"), "UTF-16"),
    "UTF-16 without a mark": (LINE.encode("utf-16-le"), "UTF-16"),
}


def as_bytes(content: str | bytes) -> bytes:
    return content if isinstance(content, bytes) else content.encode()


@pytest.mark.parametrize("name", LINES)
def test_a_file_of_another_kind_is_told_what_it_is(name: str) -> None:
    content, says = LINES[name]
    assert says in (explain_file(as_bytes(content), lines=True) or "")


@pytest.mark.parametrize("line", PRETTY.splitlines())
def test_a_line_of_a_printed_object_among_good_lines_is_told_what_it_is(line: str) -> None:
    assert "pretty-printed" in (explain_line(line.encode()) or "")


@pytest.mark.parametrize(
    "content",
    [f"{LINE}\n{LINE}\n", f"{LINE}\n{{bad\n", f"{{bad\n{LINE}\n", f"{LINE}\n{PRETTY}\n", LINE[:40], "", "buy",
     "{}\n{}\n"],
)  # fmt: skip
def test_of_a_file_of_lines_nothing_is_told(content: str) -> None:
    assert explain_file(content.encode(), lines=True) is None


@pytest.mark.parametrize(
    ("content", "says"),
    [(f"{LINE}\n{LINE}\n", ".jsonl"), (f"```\n{PRETTY}\n```", "fence"), (repr(GOOD), "json.dumps"),
     (PRETTY[:-2] + ",}", "comma"), ("symbol: BTC\ntype: BUY", "YAML")],
)  # fmt: skip
def test_a_document_of_another_kind_is_told_what_it_is(content: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(content)
    source = local_files.open_source(path)
    assert source is not None
    with pytest.raises(FileError, match=says):
        list(source.format.read(source))


@given(st.binary(max_size=300), st.booleans())
def test_whatever_bytes_there_are_they_are_explained_or_not(content: bytes, lines: bool) -> None:
    for told in (explain_file(content, lines=lines), explain_line(content)):
        assert told is None or told.isprintable()


@given(st.dictionaries(st.text(), st.text()), st.integers(1, 4))
def test_no_good_file_is_of_another_kind(document: dict[str, str], times: int) -> None:
    assert explain_file((json.dumps(document) + "\n").encode() * times, lines=True) is None
