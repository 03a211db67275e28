"""CSV as people and programs write it, and CSV that is meant to do harm: a bad row costs itself and no other."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorekeeper.inbox.formats import csv_rows
from scorekeeper.inbox.formats.base import Entry, FileError
from scorekeeper.inbox.places import local_files

HEADER = "symbol,type,price,timestamp,reason"
GOOD = "BTC/USDT,BUY,45000.5,2025-05-01T12:00:00Z,up"
AS_READ = {"symbol": "BTC/USDT", "type": "BUY", "price": 45000.5, "timestamp": "2025-05-01T12:00:00Z", "reason": "up"}
CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")).map(str.strip)


def entries_of(folder: Path, content: str | bytes) -> list[Entry]:
    path = folder / "a.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    source = local_files.open_source(path)
    assert source is not None
    whole = list(source.format.read(source))
    grown = [one for one in source.format.read_growing(source, 0, 0, last=True) if one.text]
    assert [(one.number, one.end_offset, one.text) for one in whole] == [
        (one.number, one.end_offset, one.text) for one in grown
    ]
    for one in whole:  # reading goes on behind any row
        rest = list(source.format.read(source, one.end_offset or 0, one.number)) if not one.torn else []
        assert one.torn or [next_one.text for next_one in rest] == [
            later.text for later in whole if later.number > one.number
        ]
    return whole


def documents(entries: list[Entry]) -> list[Any]:
    return [json.loads(entry.text) for entry in entries if entry.error is None]


@pytest.mark.parametrize(
    "content",
    [
        f"{HEADER}\n{GOOD}\n", f"{HEADER}\r\n{GOOD}\r\n", f"\ufeff{HEADER}\n{GOOD}\n",
        f"{HEADER}\n{GOOD}\n".replace(",", ";"), f"{HEADER}\n{GOOD}\n".replace(",", "\t"),
        f"{HEADER}\n{GOOD}\n".replace(",", "|"), f"sep=;\n{HEADER}\n{GOOD}\n".replace(",", ";"),
        f"\ufeffsep=;\r\n{HEADER}\r\n{GOOD}\r\n".replace(",", ";"),
        f" Symbol , TYPE ,Price,Timestamp,Reason\n{GOOD}\n",
        '"symbol","type","price","timestamp","reason"\n"BTC/USDT","BUY","45000.5","2025-05-01T12:00:00Z","up"\n',
        f",{HEADER}\n0,{GOOD}\n", f"{HEADER}\n\n ,, ,,\n{GOOD}\n\n", f"{HEADER}\n{GOOD},,\n",
    ],
    ids=["plain", "crlf", "bom", "semicolon", "tab", "bar", "sep line", "excel", "case", "quoted", "index", "blank",
         "empty cells behind"],
)  # fmt: skip
def test_however_a_program_writes_csv_the_same_decision_is_read(content: str, tmp_path: Path) -> None:
    assert documents(entries_of(tmp_path, content)) == [AS_READ]


def test_columns_of_agents_become_agents_and_empty_cells_are_left_out(tmp_path: Path) -> None:
    head = "symbol,type,agent.Tech.signal,agent.Tech.confidence,agent.News.Bot.signal,agent.Mood,rsi,version"
    (one,) = entries_of(tmp_path, f"{head}\nAAPL,HOLD,bullish,80,,1,55.5,2\n")
    assert json.loads(one.text) == {
        "symbol": "AAPL", "type": "HOLD", "rsi": 55.5, "version": "2",
        "agent_analyses": {"Tech": {"signal": "bullish", "confidence": 80}, "Mood": {"signal": "1"}},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ("BTC/USDT,BUY", "2 cells"), (f"{GOOD},more", "quote a cell"), ('"BTC/USDT,BUY,1,x,y', "quote that has no end"),
        ('"BTC"x,BUY,1,a,b', "not CSV"), (b"BTC/USDT,BUY,1,x,caf\xe9", "not UTF-8"),
        ("BTC/USDT,BUY,1,x," + "y" * 200_000, "field larger"), (b"BTC/USDT,BUY,1,x,\xff\xfe", "not UTF-8"),
    ],
)  # fmt: skip
def test_a_bad_row_costs_itself_and_no_other(bad: str | bytes, says: str, tmp_path: Path) -> None:
    row = bad if isinstance(bad, bytes) else bad.encode()
    good = f"{GOOD}\n".encode()
    entries = entries_of(tmp_path, f"{HEADER}\n".encode() + good + row + b"\n" + good * 300)
    assert documents(entries) == [AS_READ] * 301
    (refused,) = [entry for entry in entries if entry.error]
    assert refused.number == 2
    assert says in (refused.error or "")


def test_a_last_row_without_line_end_waits_and_needs_all_its_cells(tmp_path: Path) -> None:
    """Spreadsheets leave that line end out. Whether a file is settled is for the reader to ask."""
    *taken, last = entries_of(tmp_path, f"{HEADER}\n{GOOD}\n{GOOD[: GOOD.rindex(',')]}")
    assert documents(taken) == [AS_READ]
    assert (last.torn, "cells" in (last.error or "")) == (True, True)
    *taken, last = entries_of(tmp_path, f"{HEADER}\n{GOOD}\n{GOOD}")
    assert documents([*taken, last]) == [AS_READ, AS_READ]
    assert (last.torn, last.error) == (True, None)


def test_formulas_stay_text_and_no_number_is_guessed(tmp_path: Path) -> None:
    cells = ["=1+1", "+45000", "45,000", "1_000", "0x10", "45000 USD", "NaN", "inf", "1e999", "٤٥", "9" * 40]
    rows = "".join(f'BTC/USDT,BUY,"{cell}",2025-05-01,"{cell}"\n' for cell in cells)
    read = documents(entries_of(tmp_path, f"{HEADER}\n{rows}"))
    assert [one["price"] for one in read] == cells
    assert [one["reason"] for one in read] == cells


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("ticker,type\nAAPL,BUY\n", "name ticker so"), ("symbol,price\nAAPL,1\n", "named type"),
        ("symbol,type,symbol\nA,BUY,B\n", "twice"), ("symbol,type,TYPE\nA,BUY,B\n", "twice"),
        ("\nsymbol,type\nA,BUY\n", "first row is empty"), ('{"symbol": "A"}\n', "JSON"),
        ("<html>\n", "HTML"), (f"{HEADER}\n".encode("utf-16"), "UTF-16"), ("sep=x\nsymbol,type\n", "separator"),
        ("symbol\rtype\rA\rBUY\r\n", "header"), (b"symbol,type,caf\xe9\n", "UTF-8"),
    ],
)  # fmt: skip
def test_a_file_without_the_columns_is_refused_as_a_whole(content: str | bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    source = local_files.open_source(path)
    assert source is not None
    with pytest.raises(FileError, match=says):
        list(source.format.read(source))
    (one,) = source.format.read_growing(source, 0, 0, last=True)
    assert says in (one.error or "")
    assert one.end_offset == source.size


@given(st.lists(st.fixed_dictionaries({"reason": CELLS, "note": CELLS}), min_size=1, max_size=8), st.data())
def test_what_a_csv_writer_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, str]], data: st.DataObject
) -> None:
    text = io.StringIO()
    mark = data.draw(st.sampled_from(csv_rows.SEPARATORS))
    names = ["symbol", "type", "reason", "note"]
    writer = csv.DictWriter(text, names, delimiter=mark)
    if data.draw(st.booleans()):
        writer = csv.DictWriter(text, names, delimiter=mark, quoting=csv.QUOTE_ALL)
    writer.writeheader()
    decisions = [{"symbol": "AAPL", "type": "HOLD", **row} for row in rows]
    writer.writerows(decisions)
    read = documents(entries_of(tmp_path_factory.mktemp("csv"), text.getvalue()))
    said = [{name: value for name, value in one.items() if value} for one in decisions]
    assert [{name: str(value) for name, value in one.items() if name != "note"} for one in read] == [
        {name: value for name, value in one.items() if name != "note"} for one in said
    ]


NAMES = [
    "symbol", "type", "price", "agent_analyses", "agent.A.signal", "agent.A", "agent.A.confidence", "agent.agent", "x",
    "", "agent.", "agents.B.x", "closes", "Agent.A.B.signal", "Symbol ", "timestamp",
]  # fmt: skip
CELL = st.sampled_from(["", " ", "BUY", "1", "-0.5", "1e400", "{", '{"A": "BUY"}', '["a"]', "x", "=1", "\u202e"])


@given(st.lists(st.sampled_from(NAMES), max_size=6), st.lists(st.lists(CELL | CELLS, max_size=7), max_size=4))
def test_whatever_the_columns_are_a_file_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], rows: list[list[str]]
) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([["symbol", "type", *names], *rows])
    try:
        entries = entries_of(tmp_path_factory.mktemp("csv"), text.getvalue())
    except FileError:
        return
    assert all(isinstance(one, dict) for one in documents(entries))


@given(st.binary(max_size=400))
def test_whatever_bytes_there_are_every_line_is_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    whole = f"{HEADER}\n".encode() + content
    entries = entries_of(tmp_path_factory.mktemp("csv"), whole)
    assert [entry.number for entry in entries] == sorted({entry.number for entry in entries})
    assert all((entry.end_offset or 0) <= len(whole) for entry in entries)


@pytest.mark.parametrize("column", ["agent..signal", "agent. .signal", "agents..A"])
def test_a_column_of_an_agent_without_a_name_is_refused(column: str, tmp_path: Path) -> None:
    with pytest.raises(FileError, match="names no agent"):
        entries_of(tmp_path, f"{HEADER},{column}\n{GOOD},BUY\n")
