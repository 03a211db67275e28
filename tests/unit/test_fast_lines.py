"""The text of a line is put together at once, and is byte for byte what the definition gives."""

import json
import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scorekeeper.publish.events import render_lines
from scorekeeper.publish.fast_lines import COLUMNS, render_dataset, render_log

ODD = ("BUY", 'a "b" \\ c', "é\u2028\u202e", "\x7f", "\U0001f600", "%(x)s {y}")
WORDS = st.text(max_size=12) | st.sampled_from(ODD)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**9), 10**9).map(float)
FIRST = datetime(2000, 1, 1, tzinfo=UTC)
ZONES = (UTC, timezone(timedelta(hours=2)))
TIMES = st.builds(
    lambda microseconds, zone: (FIRST + timedelta(microseconds=microseconds)).astimezone(zone),
    st.integers(0, 10**15) | st.integers(0, 10**9).map(lambda seconds: seconds * 10**6), st.sampled_from(ZONES),
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | NUMBERS | WORDS,
    lambda inner: st.lists(inner) | st.dictionaries(WORDS, inner),
    max_leaves=4,
)
EXTRAS = st.dictionaries(WORDS.filter(lambda name: name not in ("signal", "confidence")), JSON, max_size=2)
AGENTS = st.lists(
    st.tuples(WORDS, WORDS, st.none() | NUMBERS | st.integers(0, 100), st.none() | EXTRAS),
    max_size=4, unique_by=lambda said: said[0],
)
MAYBE = st.none() | NUMBERS
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "line_no": st.integers(1, 10**12), "kind": st.sampled_from(["decision", "outcome", "horizon"]),
    "form": st.sampled_from([1, 2]), "log_line": st.none(), "horizon_known": st.booleans(),
    "price_suspect": st.none() | st.booleans(), "trade_id": WORDS, "opened_at": TIMES, "version": WORDS,
    "symbol": WORDS, "bar_interval": st.none() | WORDS, "action": WORDS, "direction": st.sampled_from([-1, 0, 1]),
    "confidence": MAYBE, "price": MAYBE, "reason": st.none() | WORDS | st.text(min_size=480, max_size=520),
    "stop_loss": MAYBE, "take_profit": MAYBE, "trailing_stop_pct": MAYBE, "late": st.none() | st.booleans(),
    "received_at": TIMES, "expires_at": TIMES, "horizon_price": MAYBE, "horizon_return_pct": MAYBE,
    "closed": st.booleans(), "exit_time": TIMES, "exit_price": NUMBERS, "exit_reason": WORDS, "price_source": WORDS,
    "pnl_pct": NUMBERS, "net_pnl_pct": NUMBERS, "mfe_pct": MAYBE, "mae_pct": MAYBE,
    "closes": st.none() | st.lists(WORDS, max_size=2), "agents": st.none() | AGENTS, "price_scale": MAYBE,
}  # fmt: skip


def lines(row: dict[str, Any]) -> list[bytes]:
    values = tuple(row[name] for name in COLUMNS)
    return [line for line in (render_log(values), render_dataset(values)) if line is not None]


@given(st.fixed_dictionaries(FIELDS))
@settings(max_examples=300)
def test_lines_put_together_are_those_of_the_definition(row: dict[str, Any]) -> None:
    assert lines(row) == render_lines(row)
    json.loads(lines(row)[-1])


def plain() -> dict[str, Any]:
    moment = datetime(2025, 5, 1, tzinfo=UTC)
    times = dict.fromkeys(("opened_at", "received_at", "expires_at"), moment)
    words = dict.fromkeys(("trade_id", "version", "symbol", "action"), "x")
    none = dict.fromkeys(COLUMNS)
    return {**none, **times, **words, "line_no": 1, "form": 2, "kind": "decision", "closed": False, "direction": 1}


def test_a_line_of_metrics_is_in_the_log_alone() -> None:
    assert lines(plain() | {"kind": "metrics", "log_line": "METRICS"}) == [b"METRICS\n"]


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("row", [{"price": 1.0, "stop_loss": None}, {"agents": [("A", "BUY", None, None)]}])
def test_a_number_that_json_does_not_have_is_refused(row: dict[str, Any], value: float) -> None:
    bad = {name: value if name == "stop_loss" else said for name, said in row.items()}
    if "agents" in bad:
        bad["agents"] = [("A", "BUY", value, None)]
    with pytest.raises(ValueError, match="JSON"):
        lines(plain() | bad)
