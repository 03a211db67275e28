"""What a decision is: names, aliases, ranges, identity."""

import hashlib
import json
import random
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorekeeper.decisions.decision import DecisionContext
from scorekeeper.decisions.parse import parse_decision
from scorekeeper.decisions.strict_json import DecisionError
from scorekeeper.decisions.symbols import unify_symbol
from scorekeeper.decisions.words import DIRECTIONS, meaning_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CONTEXT = DecisionContext(NOW, "v0.2.0", 60, ZoneInfo("UTC"), None)
GOOD: dict[str, Any] = {
    "symbol": "BTC/USDT", "interval": "1h", "price": 45000.0, "type": "BUY", "confidence": 85,
    "timestamp": "2025-05-01T12:00:00Z", "reason": "Strong bullish signals across multiple indicators",
    "agent_analyses": {"TechnicalAnalystAgent": {"signal": "BUY", "confidence": 90}},
}  # fmt: skip


def parse(document: object, **changes: Any) -> Any:
    return parse_decision(document, context=msgspec.structs.replace(CONTEXT, **changes))


def test_the_documented_decision_is_read_as_documented() -> None:
    decision = parse(GOOD)
    assert (decision.symbol, decision.action, decision.direction, decision.price) == ("BTC/USDT", "BUY", 1, 45000.0)
    assert decision.opened_at == datetime(2025, 5, 1, 12, tzinfo=UTC)
    assert decision.expires_at - decision.opened_at == timedelta(minutes=60)
    canonical = json.dumps(GOOD, sort_keys=True, separators=(",", ":")).encode()
    assert decision.trade_id == f"BTCUSDT-2025-05-01T12:00:00Z-{hashlib.sha256(canonical).hexdigest()[:8]}"


@given(st.randoms(use_true_random=False), st.sampled_from([None, 2]))
def test_the_same_content_is_the_same_decision_whatever_the_formatting(
    chance: random.Random, indent: int | None
) -> None:
    items = list(GOOD.items())
    chance.shuffle(items)
    assert parse(json.dumps(dict(items), indent=indent).encode()).trade_id == parse(GOOD).trade_id


def test_without_a_timestamp_the_id_has_no_time_and_the_file_gives_it() -> None:
    document = {k: v for k, v in GOOD.items() if k != "timestamp"}
    with pytest.raises(DecisionError, match="timestamp: missing"):
        parse(document)
    first = parse(document, fallback_opened_at=NOW - timedelta(hours=1))
    again = parse(document, fallback_opened_at=NOW)
    assert first.trade_id == again.trade_id
    assert first.trade_id.count("-") == 1
    assert first.opened_at == NOW - timedelta(hours=1)


@pytest.mark.parametrize(
    ("given", "utc"),
    [
        ("2025-05-01T12:00:00", "2025-05-01T10:00:00+00:00"),
        ("2025-05-01T12:00:00+05:30", "2025-05-01T06:30:00+00:00"),
        (1746100800, "2025-05-01T12:00:00+00:00"),
        (1746100800123, "2025-05-01T12:00:00.123000+00:00"),
        (1746100800.5, "2025-05-01T12:00:00.500000+00:00"),
    ],
)
def test_times_are_read_in_every_documented_form(given: object, utc: str) -> None:
    decision = parse({**GOOD, "timestamp": given}, timezone=ZoneInfo("Europe/Berlin"))
    assert decision.opened_at == datetime.fromisoformat(utc)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("price", 0), ("price", -1), ("price", "45k"), ("price", None), ("price", True), ("price", 10**400),
        ("symbol", None), ("symbol", ""), ("symbol", "BTC USDT"), ("symbol", 5), ("type", None), ("type", "a\nb"),
        ("type", "**"), ("type", "x" * 201),
        ("timestamp", "0001-01-01"), ("timestamp", "9999-12-31"), ("timestamp", "infinity"), ("timestamp", True),
        ("timestamp", "2026-01-01T00:06:00Z"), ("timestamp", 1e300), ("max_hold_minutes", 0),
        ("max_hold_minutes", 1e9), ("stop_loss", 45000.0), ("stop_loss", 50000), ("take_profit", 44000),
        ("take_profit", "x"), ("trailing_stop_pct", 0), ("trailing_stop_pct", -1), ("trailing_stop_pct", 100),
        ("trailing_stop_pct", "1%"), ("trailing_stop_pct", True), ("trailing_stop_pct", 1e-18),
        ("version", 3), ("trade_id", ""), ("trade_id", "x" * 513), ("trade_id", "a\nb"),
    ],
)  # fmt: skip
def test_a_field_out_of_range_is_named(field: str, value: object) -> None:
    with pytest.raises(DecisionError) as refused:
        parse({**GOOD, field: value})
    assert refused.value.field == field


OPTIONAL = [
    ("confidence", -5), ("confidence", 101), ("confidence", "high"), ("confidence", True), ("position_size", -1),
    ("reason", ["a"]), ("interval", 1), ("agent_analyses", [1]), ("agent_analyses", "none"),
    ("agent_contributions", {"B": {"signal": "SELL"}}),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), OPTIONAL)
def test_an_optional_field_that_cannot_be_read_costs_itself_alone_and_is_named(field: str, value: object) -> None:
    decision = parse({**GOOD, field: value})
    assert (decision.direction, decision.price, decision.stop_loss) == (1, 45000.0, None)
    assert [note.field for note in decision.notes] == [field]
    assert "left out" in decision.notes[0].reason


@pytest.mark.parametrize(("field", "value"), OPTIONAL[:7])
def test_null_says_nothing_and_is_not_noted(field: str, value: object) -> None:
    assert parse({**GOOD, field: None}).notes == ()


@pytest.mark.parametrize(
    ("said", "field", "left"),
    [
        ({"A": {"signal": "BUY", "confidence": 101}}, "A.confidence", [("A", "BUY", 1, None)]),
        ({"A": {"signal": "BUY", "confidence": "85%"}}, "A.confidence", [("A", "BUY", 1, None)]),
        ({"A": ["BUY"], "B": "SELL"}, "A", [("B", "SELL", -1, None)]),
        ({"": {"signal": "BUY"}, "B": "SELL"}, "", [("B", "SELL", -1, None)]),
        ({"A": {"bias": "up"}}, "A", [("A", "NEUTRAL", 0, None)]),
        ({"A": {"signal": "x" * 900}}, "A.signal", [("A", "x" * 200 + "…", 0, None)]),
    ],
)
def test_one_agent_that_cannot_be_read_costs_no_other_one_and_is_named(
    said: object, field: str, left: list[tuple[Any, ...]]
) -> None:
    decision = parse({**GOOD, "agent_analyses": said})
    assert [(s.agent, s.signal, s.direction, s.confidence) for s in decision.signals] == left
    assert [note.field for note in decision.notes] == [f"agent_analyses.{field}"]


def test_more_agents_than_are_taken_are_refused() -> None:
    with pytest.raises(DecisionError, match="at most"):
        parse({**GOOD, "agent_analyses": {f"A{i}": {"signal": "BUY"} for i in range(10_000)}})


@pytest.mark.parametrize(
    ("said", "signal", "direction", "understood"),
    [(None, "NEUTRAL", 0, True), ({"signal": None}, "NEUTRAL", 0, True), ({}, "NEUTRAL", 0, True),
     ({"action": "BUY"}, "BUY", 1, True), ({"recommendation": "Underweight"}, "Underweight", -1, True),
     ({"signal": "HOLD", "action": "BUY"}, "HOLD", 0, True), ("买入", "买入", 1, True), ("moon", "moon", 0, False),
     ({"signal": 1}, "1", 0, False), (-1, "-1", 0, False), ({"signal": "CLOSE"}, "CLOSE", 0, True)],
)  # fmt: skip
def test_an_agents_word_is_read_wherever_it_stands(said: object, signal: str, direction: int, understood: bool) -> None:
    decision = parse({**GOOD, "agent_analyses": {"A": said}})
    (one,) = decision.signals
    assert (one.signal, one.direction, one.understood, decision.notes) == (signal, direction, understood, ())


@pytest.mark.parametrize("field", ["stop_loss", "take_profit", "trailing_stop_pct", "price"])
def test_zero_on_what_opens_no_trade_means_none_and_on_a_trade_is_refused(field: str) -> None:
    held = parse({**GOOD, "type": "HOLD", field: 0})
    assert (getattr(held, field), held.notes) == (None, ())
    assert [note.field for note in parse({**GOOD, "type": "HOLD", field: "x"}).notes] == [field]
    with pytest.raises(DecisionError, match=field):
        parse({**GOOD, field: 0})


@pytest.mark.parametrize(
    ("word", "direction"),
    [("LONG", 1), ("short", -1), ("open_long", 1), ("STRONG_BUY", 1), ("Overweight", 1), ("ENTER_LONG", 1),
     ("做空", -1), ("**Sell**", -1), ("CLOSE_LONG", 0), ("HOLD", 0), ("MOON", 0)],
)  # fmt: skip
def test_the_systems_word_opens_a_trade_as_an_agents_is_read(word: str, direction: int) -> None:
    decision = parse({**GOOD, "type": word, "agent_analyses": {"A": word}})
    assert decision.direction == decision.signals[0].direction == direction
    assert decision.understood == decision.signals[0].understood == (word != "MOON")
    if direction:
        with pytest.raises(DecisionError, match="needs the price"):
            parse({**GOOD, "type": word, "price": None})


def test_notes_are_bounded_however_much_cannot_be_read() -> None:
    agents = {f"{i}" * 60: {"signal": "BUY", "confidence": "no"} for i in range(100, 300)}
    notes = parse({**GOOD, "agent_analyses": agents}).notes
    assert (len(notes), notes[-1].reason) == (51, "and 150 fields more")


def test_other_names_mean_the_same_and_must_not_contradict() -> None:
    renamed = {k: v for k, v in GOOD.items() if k not in ("type", "price", "agent_analyses")}
    renamed |= {"action": "BUY", "entry_price": 45000.0, "agent_contributions": GOOD["agent_analyses"]}
    decision = parse(renamed)
    assert (decision.action, decision.price, len(decision.signals)) == ("BUY", 45000.0, 1)
    with pytest.raises(DecisionError, match="says something else"):
        parse({**GOOD, "entry_price": 1.0})


def test_other_actions_open_no_trade_and_need_no_price() -> None:
    decision = parse({"symbol": "BTCUSDT", "type": "CONFLICTED", "timestamp": 1746100800, "price": 0})
    assert (decision.action, decision.direction, decision.price) == ("CONFLICTED", 0, None)


def test_a_trailing_stop_is_taken_with_any_action_and_changes_the_identity() -> None:
    trailing = parse({**GOOD, "trailing_stop_pct": 1.5})
    assert (trailing.trailing_stop_pct, trailing.extra) == (1.5, None)
    assert trailing.trade_id != parse(GOOD).trade_id
    held = {"symbol": "BTCUSDT", "type": "HOLD", "timestamp": 1746100800, "trailing_stop_pct": 99}
    assert parse(held).trailing_stop_pct == 99
    assert parse({**held, "trailing_stop_pct": 100}).notes[0].field == "trailing_stop_pct"


@pytest.mark.parametrize(("action", "price", "pct"), [("BUY", 1.0, 5e-324), ("SELL", 1.0, 1e-15)])
def test_a_trailing_stop_too_small_to_move_the_price_is_refused(action: str, price: float, pct: float) -> None:
    with pytest.raises(DecisionError, match=r"trailing_stop_pct: .* is no stop"):
        parse({**GOOD, "type": action, "price": price, "trailing_stop_pct": pct})


def test_unknown_fields_are_kept_as_they_came() -> None:
    assert parse({**GOOD, "mood": {"a": [1]}}).extra == {"mood": {"a": [1]}}


@pytest.mark.parametrize(
    ("word", "direction"),
    [("BUY", 1), ("strong_buy", 1), ("Strong Buy", 1), ("LONG", 1), ("bullish", 1), ("SELL", -1), ("STRONG-SELL", -1),
     ("short", -1), ("BEARISH", -1), ("HOLD", 0), ("NEUTRAL", 0), ("", 0), ("no idea", 0), ("ſELL", 0)],
)  # fmt: skip
def test_signals_are_read_by_direction(word: str, direction: int) -> None:
    meaning = meaning_of(word)
    assert (DIRECTIONS[meaning] if meaning else 0) == direction


@pytest.mark.parametrize(
    ("raw", "unified"),
    [("BTCUSDT", "BTC/USDT"), ("btc-usdt", "BTC/USDT"), ("BTC_USDT", "BTC/USDT"), ("BTC/USDT", "BTC/USDT"),
     ("BTC/USDT:USDT", "BTC/USDT:USDT"), ("ETHBTC", "ETH/BTC"), ("BTCFDUSD", "BTC/FDUSD"), ("UNIT/BTC", "UNIT/BTC")],
)  # fmt: skip
def test_symbols_are_unified(raw: str, unified: str) -> None:
    assert unify_symbol(raw) == unified
    assert unify_symbol(unified) == unified


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.dictionaries(
        st.sampled_from([*GOOD, "stop_loss", "trailing_stop_pct", "trade_id", "max_hold_minutes"]), json_values
    )
)
def test_no_document_raises_anything_but_a_decision_error(changes: dict[str, object]) -> None:
    try:
        parse({**GOOD, **changes})
    except DecisionError:
        return


@pytest.mark.parametrize(
    ("document", "says"),
    [({"ticker": "BTC/USDT", "type": "BUY"}, "symbol: missing; ticker is not read as it"),
     ({"symbol": "BTC/USDT", "signal": "BUY"}, "signal is not read as it: name it type"),
     ({"decisions": [GOOD]}, "within 'decisions', write each by itself"),
     ({**GOOD, "timestamp": 202505011200}, "it was read as 1976-06-01 19:23 UTC")],
)  # fmt: skip
def test_a_refusal_names_what_stands_in_place_of_what_is_needed(document: dict[str, object], says: str) -> None:
    with pytest.raises(DecisionError, match=re.escape(says)):
        parse(document)
