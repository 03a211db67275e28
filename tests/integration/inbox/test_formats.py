"""What every format of decision files must do: a new one joins FORMATS, and gets an example here."""

import csv
import gzip
import io
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scorekeeper.decisions.strict_json import load_json
from scorekeeper.inbox.file_names import archive_name, format_of, is_decision_file
from scorekeeper.inbox.formats import FORMATS
from scorekeeper.inbox.formats.base import Entry, FileError, Format
from scorekeeper.inbox.places import local_files
from scorekeeper.inbox.places.base import SourceFile

DECISIONS = [{"symbol": "BTC/USDT", "type": "HOLD", "reason": f"no. {number} – ütf"} for number in range(3)]


def json_lines(decisions: list[str]) -> bytes:
    return "".join(f"{one}\n" for one in decisions).encode()


def json_document(decisions: list[str]) -> bytes:
    return f"[{', '.join(decisions)}]".encode()


def csv_rows(decisions: list[str]) -> bytes:
    text = io.StringIO()
    rows = csv.DictWriter(text, ["symbol", "type", "reason"])
    rows.writeheader()
    rows.writerows(map(json.loads, decisions))
    return text.getvalue().encode()


def parquet(decisions: list[str]) -> bytes:
    content = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(map(json.loads, decisions))), content)
    return content.getvalue()


# How a format's files are written, by its first suffix.
WRITERS: dict[str, Callable[[list[str]], bytes]] = {
    ".jsonl": json_lines, ".json": json_document, ".csv": csv_rows, ".parquet": parquet,
}  # fmt: skip


@pytest.fixture(params=FORMATS, ids=lambda form: form.suffixes[0])
def form(request: pytest.FixtureRequest) -> Format:
    chosen: Format = request.param
    return chosen


def written(form: Format, folder: Path, content: bytes, ending: str = "") -> SourceFile:
    path = folder / f"a{form.suffixes[0]}{ending}"
    path.write_bytes(gzip.compress(content) if ending == ".gz" else content)
    source = local_files.open_source(path)
    assert source is not None
    return source


def example(form: Format, count: int = len(DECISIONS)) -> bytes:
    return WRITERS[form.suffixes[0]]([json.dumps(one) for one in DECISIONS[:count]])


def documents(entries: list[Entry]) -> list[object]:
    return [load_json(entry.text) if entry.document is None else entry.document for entry in entries]


def test_a_name_says_the_format_in_the_inbox_and_in_the_archive(form: Format) -> None:
    for suffix in form.suffixes:
        for name in (f"a{suffix}", f"a{suffix.upper()}", f"a{suffix}.gz", f"folder/a{suffix}"):
            assert is_decision_file(name.rpartition("/")[2])
            assert format_of(name) is format_of(archive_name(name, bytes(32))) is form


def test_every_decision_is_an_entry_in_order_compressed_or_not(form: Format, tmp_path: Path) -> None:
    for ending in ("", ".gz"):
        source = written(form, tmp_path, example(form), ending)
        entries = list(form.read(source))
        assert documents(entries) == DECISIONS
        assert [entry.number for entry in entries] == [1, 2, 3]
        assert not any(entry.torn or entry.error for entry in entries)
        assert form.explain(source, 0) is None
        assert not form.holds_one(source)


def test_a_file_of_one_decision_is_known_as_such(form: Format, tmp_path: Path) -> None:
    source = written(form, tmp_path, example(form, 1))
    assert form.holds_one(source)
    assert documents(list(form.read(source))) == DECISIONS[:1]


def test_reading_goes_on_where_it_stopped(form: Format, tmp_path: Path) -> None:
    content = example(form)
    source = written(form, tmp_path, content)
    for done, entry in enumerate(form.read(source), 1):
        assert (entry.end_offset is not None) == form.streams
        if entry.end_offset is not None:
            rest = list(form.read(source, entry.end_offset, done))
            assert documents(rest) == DECISIONS[done:]
            assert [one.number for one in rest] == list(range(done + 1, 4))
            assert entry.end_offset <= len(content)


def test_of_a_growing_file_only_complete_entries_are_read(form: Format, tmp_path: Path) -> None:
    content = example(form)
    for size in range(0, len(content) + 1, 7):
        source = written(form, tmp_path, content[:size])
        entries = list(form.read_growing(source, 0, 0, last=False))
        assert documents(entries) == DECISIONS[: len(entries)]
        assert form.streams or not entries
        if entries:
            assert (entries[-1].end_offset or 0) <= size


def test_a_file_cut_short_is_never_taken_for_a_complete_one(form: Format, tmp_path: Path) -> None:
    content = example(form).rstrip()
    for size in range(1, len(content), 11):
        source = written(form, tmp_path, content[:size])
        try:
            entries = list(form.read(source))
        except FileError:
            continue
        whole = [entry for entry in entries if not entry.torn]
        assert documents(whole) == DECISIONS[: len(whole)]
        assert len(whole) < len(DECISIONS)


def test_what_is_no_file_of_the_format_is_refused_with_a_reason(form: Format, tmp_path: Path) -> None:
    for content in (b"<html>error</html>", b"symbol: BTC/USDT\ntype: HOLD\n", b"{", b"\xff\xfea\0"):
        source = written(form, tmp_path, content)
        with pytest.raises((FileError, ValueError)):
            documents(list(form.read(source)))
    broken = written(form, tmp_path, example(form), ".gz")
    Path(broken.address).write_bytes(Path(broken.address).read_bytes()[:-12])
    again = local_files.open_source(Path(broken.address))
    assert again is not None
    with pytest.raises(FileError, match="gzip"):
        list(form.read(again))


def test_without_its_package_a_parquet_file_is_refused_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parquet_form = next(one for one in FORMATS if ".parquet" in one.suffixes)
    source = written(parquet_form, tmp_path, example(parquet_form))
    monkeypatch.setitem(sys.modules, "pyarrow", None)  # as Python has it where the import fails
    with pytest.raises(FileError, match=r"install scorekeeper\[parquet\]"):
        list(parquet_form.read(source))


def test_values_of_a_parquet_file_become_those_of_json(tmp_path: Path) -> None:
    parquet_form = next(one for one in FORMATS if ".parquet" in one.suffixes)
    at = datetime(2026, 1, 5, 10, 0, 0, 250_000, tzinfo=UTC)
    row = {
        "symbol": "AAPL", "type": "BUY", "price": Decimal("200.25"), "timestamp": at, "version": 3, "note": None,
        "confidence": float("nan"), "agent_analyses": {"A": {"signal": "up", "confidence": 7.5}}, "day": at.date(),
    }  # fmt: skip
    content = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([row]), content)
    (read,) = documents(list(parquet_form.read(written(parquet_form, tmp_path, content.getvalue()))))
    assert read == {
        "symbol": "AAPL", "type": "BUY", "price": 200.25, "timestamp": "2026-01-05T10:00:00.250000+00:00",
        "version": "3", "agent_analyses": {"A": {"signal": "up", "confidence": 7.5}}, "day": "2026-01-05",
    }  # fmt: skip
