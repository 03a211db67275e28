"""What every adapter must do: a new one joins ADAPTERS, and gets examples in tests/foreign.py."""

import gzip
import json
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorekeeper.decisions.decision import DecisionContext
from scorekeeper.decisions.parse import parse_decision
from scorekeeper.inbox.adapters import ADAPTERS, BY_NAME
from scorekeeper.inbox.adapters.base import Closing, Found, Lost
from scorekeeper.inbox.formats.base import Entry, FileError
from scorekeeper.inbox.places import local_files
from tests.foreign import AGENTRADER_END, AGENTRADER_OPEN, EXAMPLES, Example

NOW = datetime(2026, 6, 1, tzinfo=UTC)
CONTEXT = DecisionContext(NOW, "v1", 60, ZoneInfo("UTC"), NOW)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@pytest.fixture(params=EXAMPLES.values(), ids=list(EXAMPLES))
def example(request: pytest.FixtureRequest) -> Example:
    chosen: Example = request.param
    return chosen


def entries_of(folder: Path, name: str, content: bytes) -> list[Entry]:
    path = folder / name
    path.write_bytes(content)
    source = local_files.open_source(path)
    assert source is not None
    return list(source.format.read(source))


def said(decision: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(decision.get(name) for name in ("symbol", "type", "price", "timestamp"))


def test_every_adapter_has_examples_and_is_found_by_its_name() -> None:
    assert {example.adapter for example in EXAMPLES.values()} == set(BY_NAME) == {one.name for one in ADAPTERS}


def test_a_document_is_recognised_by_its_own_adapter_alone(example: Example) -> None:
    assert [one.name for one in ADAPTERS if one.recognises(example.document)] == [example.adapter]


def test_what_an_adapter_finds_is_what_the_document_says(example: Example) -> None:
    parts = list(BY_NAME[example.adapter].read(example.document))
    found = [part for part in parts if isinstance(part, Found)]
    assert [said(part.decision) for part in found] == example.decisions
    assert sum(isinstance(part, Lost) for part in parts) == example.lost
    ended = sum(isinstance(part, Closing) for part in parts) + sum(part.exit is not None for part in found)
    assert ended == example.exits
    for part in found:
        if part.decision["type"] not in ("OVERWEIGHT",) or "price" in part.decision:
            parse_decision(part.decision, context=CONTEXT)


def test_in_the_inbox_a_file_is_read_by_what_it_holds(example: Example, tmp_path: Path) -> None:
    text = json.dumps(example.document).encode()
    if example.exits:
        line = entries_of(tmp_path, "a.jsonl", text + b"\n")
        assert [bool(entry.error and "scorekeeper import" in entry.error) for entry in line] == [True]
        (one,) = entries_of(tmp_path, "a.json", text)
        assert one.error == line[0].error
        return
    files = {"a.json": text, "b.json": b"[" + text + b"]", "c.jsonl": text + b"\n", "d.jsonl.gz": text, "e.jsonl": text}
    for name, content in files.items():
        read = entries_of(tmp_path, name, gzip.compress(content) if name.endswith(".gz") else content)
        if example.is_of_days:
            assert all("convert --from" in (one.error or "") for one in read if one.skipped is None)
            continue
        assert [said(json.loads(one.text)) for one in read if one.skipped is None] == example.decisions
        assert sum(one.skipped is not None for one in read) == example.lost
        if "jsonl" in name:  # a line is read on from its end, or as a whole
            assert [one.end_offset for one in read] == [None] * (len(read) - 1) + [len(content)]


def test_a_plain_decision_is_of_no_other_system() -> None:
    plain = {"symbol": "BTC/USDT", "type": "BUY", "price": 1, "timestamp": "2025-05-01", "agent_analyses": {"A": "BUY"}}
    assert not any(adapter.recognises(plain) for adapter in ADAPTERS)


def test_no_document_that_resembles_one_breaks_an_adapter() -> None:
    @given(st.sampled_from(list(EXAMPLES.values())), st.data())
    def law(example: Example, data: st.DataObject) -> None:
        document = deepcopy(example.document)
        for _ in range(data.draw(st.integers(1, 3))):
            place: Any = document
            while True:
                keys = list(place) if isinstance(place, dict) else list(range(len(place)))
                if not keys:
                    break
                key = data.draw(st.sampled_from(keys))
                if not isinstance(place[key], dict | list) or not data.draw(st.booleans()):
                    place[key] = data.draw(ANY_JSON)
                    break
                place = place[key]
        for adapter in ADAPTERS:
            if adapter.recognises(document):
                assert all(isinstance(part, Found | Closing | Lost) for part in adapter.read(document))

    law()


def test_a_failed_entry_is_no_trade_and_says_why() -> None:
    parts = [part for part in BY_NAME["nofx"].read(EXAMPLES["nofx cycle"].document) if isinstance(part, Found)]
    failed = parts[1].decision
    assert (failed["intended"], failed["error"]) == ("open_long", "insufficient margin")
    assert parse_decision(failed, context=CONTEXT).direction == 0
    opened = parse_decision(parts[0].decision, context=CONTEXT)
    assert (opened.direction, opened.confidence, opened.stop_loss, opened.position_size) == (-1, 85, 104000, 0.0158)


def test_the_agents_of_other_systems_are_agents() -> None:
    def agents(name: str, place: int = 0) -> dict[str, tuple[int, float | None]]:
        found = list(BY_NAME[EXAMPLES[name].adapter].read(EXAMPLES[name].document))[place]
        assert isinstance(found, Found)
        return {
            one.agent: (one.direction, one.confidence)
            for one in parse_decision(found.decision, context=CONTEXT).signals
        }

    assert agents("TradingAgents") == {
        "ResearchManager": (1, None), "Trader": (1, None), "PortfolioManager": (1, None), "MarketAnalyst": (0, None),
    }  # fmt: skip
    assert agents("TradingAgents", 1) == {
        "ResearchManager": (-1, None), "Trader": (0, None), "PortfolioManager": (0, None),
    }  # fmt: skip
    assert agents("ai-hedge-fund") == {"warren_buffett_agent": (-1, 80), "technical_analyst_agent": (1, 22)}
    assert agents("ai-hedge-fund ledger") == {"solo": (1, 100)}


def test_excursions_of_a_short_are_seen_from_its_side() -> None:
    long, short = (part for part in BY_NAME["freqtrade"].read(EXAMPLES["freqtrade backtest"].document))
    assert isinstance(long, Found)
    assert isinstance(short, Found)
    assert long.exit is not None
    assert short.exit is not None
    assert short.exit.mfe_pct == pytest.approx(10)
    assert short.exit.mae_pct == pytest.approx(-5)
    assert long.exit.mfe_pct == pytest.approx(100 * (0.095 / 0.0943 - 1))
    assert long.decision["version"] == "MyStrategy"


def test_lines_with_exits_are_refused_once_each_and_the_others_read(tmp_path: Path) -> None:
    lines = [AGENTRADER_OPEN, AGENTRADER_END, AGENTRADER_OPEN | {"trade_id": "b"}]
    content = "".join(f"{json.dumps(one)}\n" for one in lines).encode()
    read = entries_of(tmp_path, "trade_log.jsonl", content)
    assert [(one.number, one.error is None) for one in read] == [(1, True), (2, False), (3, True)]


def test_a_torn_line_of_another_system_waits_for_its_end(tmp_path: Path) -> None:
    text = json.dumps(EXAMPLES["nofx cycle"].document).encode()
    try:
        read = entries_of(tmp_path, "a.jsonl", text[:-5])
    except FileError:
        return
    assert [one.torn for one in read] == [True]
