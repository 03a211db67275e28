"""Trailing stops by hand, against the walk that `verify` uses and against the reference of the universes."""

from dataclasses import fields

import pytest

from scorekeeper.verify.candle_walk import Candle, TradeTerms, walk_trade
from tests import reference
from tests.trailing_cases import CASES, ENTRY, HOLD_MINUTES, Case
from tests.universes import START

LATER = START + 2 * HOLD_MINUTES * reference.MINUTE


def said(exit_: object) -> tuple[object, ...]:
    names = ("exit_time", "exit_price", "exit_reason", "ambiguous_exit", "mfe_pct", "mae_pct")
    return tuple(getattr(exit_, name) for name in names)


def wanted(case: Case) -> tuple[object, ...]:
    minutes, *rest = case.ends
    start = case.opened_at if case.ends[2] == "expired" else START
    return (start + minutes * reference.MINUTE, *rest)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_trailing_stop_walked_candle_by_candle(case: Case) -> None:
    decision = case.ref_decision()
    terms = TradeTerms(
        entry_price=ENTRY,
        **{field.name: getattr(decision, field.name) for field in fields(TradeTerms) if hasattr(decision, field.name)},
    )
    candles = [Candle(c.minute_at, c.open, c.high, c.low, c.close, c.end) for c in case.ref_candles()]
    assert said(walk_trade(terms, candles, LATER, LATER)) == wanted(case)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_trailing_stop_by_the_reference(case: Case) -> None:
    assert said(reference.settle_trade(case.ref_decision(), case.ref_candles(), LATER, LATER)) == wanted(case)
