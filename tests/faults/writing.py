"""Decision files as the state machine's writers write them: whole, torn, growing, with what comes again or is wrong."""

import gzip
import hashlib
import json
from dataclasses import replace
from datetime import datetime
from typing import Any

from hypothesis import strategies as st

from tests.faults.fuzz import HOSTILE
from tests.faults.model import Entry, File
from tests.universes import Shape, Universe, add_decision, shapes

EXPECTED: dict[str, dict[str, Any]] = json.loads((HOSTILE / "expected.json").read_text())
HOLDS: list[float | None] = [None, 1, 0.5, 7, 61.5, 180, 1_500]
REFUSED = (
    Entry(b'{"type": "HOLD", "timestamp": "2025-05-05T10:00:00Z"}', refused=("symbol", "missing")),
    Entry(b'{"symbol": "BTCUSDT", "type": "BUY", "price": "45k"}', refused=("price", "not a number")),
)
BROKEN = Entry(b"{broken}")  # no JSON, so that an array that holds it is none either

Plan = tuple[str, Shape, int]
plans = st.lists(
    st.tuples(
        st.sampled_from(["new"] * 8 + ["again"] * 3 + ["conflict", "refused", "broken"]),
        shapes(HOLDS),
        st.integers(0, 99),
    ),
    min_size=1,
    max_size=5,
)


class Writer:
    """Knows the market that is decided in, and what has been decided."""

    def __init__(self, universe: Universe) -> None:
        self._universe = universe
        self._entries: list[Entry] = []

    def compose(self, name: str, planned: list[Plan], minutes: int, at: datetime, *, torn: bool, ended: bool) -> File:
        """A file of what is planned, decided up to `minutes` after the market's beginning; `at`: its time.

        `torn`: the last entry (of several in an array: the end) is half written; `ended`: lines end in a line end.
        """
        entries = [self._entry(plan, minutes) for plan in planned]
        if ".jsonl" in name:
            return self._append(File(name, b"", {}, None, at), entries, torn=torn, ended=ended)
        content = b"[" + b",\n".join(e.text for e in entries) + b"]" if len(entries) > 1 else entries[0].text
        if torn or BROKEN in entries:  # it may be that it is still being written
            return File(name, _pack(name, content[: len(content) // 2] if torn else content), {}, BROKEN, at)
        return File(name, _pack(name, content), dict(enumerate(entries, 1)), None, at)

    def grow(self, file: File, planned: list[Plan], minutes: int, at: datetime, *, torn: bool, ended: bool) -> File:
        """A file of lines with more of them, after the rest of the torn one."""
        entries = [self._entry(plan, minutes) for plan in planned]
        return self._append(replace(file, modified_at=at), entries, torn=torn, ended=ended)

    def _append(self, file: File, entries: list[Entry], *, torn: bool, ended: bool) -> File:
        before = gzip.decompress(file.content) if file.name.endswith(".gz") and file.content else file.content
        more = b"" if before.endswith(b"\n") or not before else b"\n"
        lines = list(file.entries.values())
        if file.tail is not None:
            more = file.tail.text[len(file.tail.text) // 2 :] + b"\n"
            lines.append(file.tail)
        tail = entries.pop() if torn else None
        lines += entries
        more += b"\n".join(entry.text for entry in entries)
        if tail is not None:
            more += (b"\n" if entries else b"") + tail.text[: len(tail.text) // 2]
        elif ended:
            more += b"\n"
        content = file.content + _pack(file.name, more)
        return replace(file, content=content, entries=dict(enumerate(lines, 1)), tail=tail)

    def _entry(self, plan: Plan, minutes: int) -> Entry:
        kind, shape, number = plan
        if kind == "refused":
            return REFUSED[number % len(REFUSED)]
        if kind == "broken":
            return BROKEN
        known = self._entries[number % len(self._entries)] if self._entries else None
        if known is not None and kind == "again":
            document = json.loads(known.text)
            return replace(known, text=json.dumps(dict(reversed(document.items())), separators=(" ,", ":  ")).encode())
        if known is not None and kind == "conflict" and "trade_id" in (document := json.loads(known.text)):
            return decided(document | {"reason": f"another view, {number}"})
        add_decision(self._universe, shape, len(self._universe.decisions), minutes)
        document = dict(self._universe.decisions[-1])
        if number % 4 == 0:
            del document["trade_id"]  # it is named after its content
        self._entries.append(entry := decided(document))
        return entry


def hostile(name: str, at: datetime) -> File:
    """A file of the corpus."""
    wrong, content = EXPECTED[name], (HOSTILE / name).read_bytes()
    entries = {wrong["line"]: Entry(b"", refused=(wrong["field"], wrong["says"]))}
    if name.endswith(".jsonl"):
        lines = enumerate(content.splitlines(), 1)
        entries |= {number: decided(json.loads(line)) for number, line in lines if number not in entries}
    return File(name, content, dict(sorted(entries.items())), None, at)


def decided(document: dict[str, Any]) -> Entry:
    """A decision as written, and with what it says by saying nothing."""
    text = json.dumps(document).encode()
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    symbol = document["symbol"].replace("-", "").replace("/", "")
    moment = datetime.fromisoformat(document["timestamp"]).replace(tzinfo=None).isoformat()
    named = f"{symbol}-{moment}Z-{hashlib.sha256(canonical).hexdigest()[:8]}"
    return Entry(text, {"trade_id": named, "version": "v0.2.0"} | document)


def _pack(name: str, content: bytes) -> bytes:
    return gzip.compress(content, mtime=0) if name.endswith(".gz") else content
