"""The prices of a decision: its entry, its stop, its target, and its trailing stop."""

from collections.abc import Mapping
from typing import Any

from scorekeeper.decisions.fields import Note, finite, is_zero, lenient, number_or_none, one_of_names
from scorekeeper.decisions.prices import LARGEST_PRICE, SMALLEST_PRICE, is_price
from scorekeeper.decisions.strict_json import DecisionError


def read_price(document: Mapping[str, Any], notes: list[Note], *, needed: bool) -> float | None:
    """The price that a decision was made at; `needed`: a trade opens. Raises DecisionError."""
    name, value = one_of_names(document, "price")
    if needed:
        if value is None:
            raise DecisionError(name, "missing: a trade needs the price that it was decided at")
        return _price_or_none(name, value)
    # The predecessor writes 0 if a decision that opens no trade has no price.
    return None if is_zero(value) else lenient(notes, _price_or_none, name, value)


def read_levels(
    document: Mapping[str, Any], price: float | None, direction: int, action: str, notes: list[Note]
) -> tuple[float | None, float | None, float | None]:
    """Stop price, target price and trailing stop in percent; each may be None. Raises DecisionError.

    If a trade opens, each must be readable: without it the trade would be another. Else what cannot be read is left
    out, with a note.
    """
    if not direction or price is None:
        stop, target, trailing = (
            None if is_zero(value := document.get(name)) else value
            for name in ("stop_loss", "take_profit", "trailing_stop_pct")
        )
        return (
            lenient(notes, _price_or_none, "stop_loss", stop),
            lenient(notes, _price_or_none, "take_profit", target),
            None if trailing is None else lenient(notes, finite, "trailing_stop_pct", trailing, above=0, below=100),
        )
    stop_loss = _price_or_none("stop_loss", document.get("stop_loss"))
    take_profit = _price_or_none("take_profit", document.get("take_profit"))
    trailing_stop_pct = number_or_none(document, "trailing_stop_pct", above=0, below=100)
    if stop_loss is not None and direction * (price - stop_loss) <= 0:
        raise DecisionError("stop_loss", f"{stop_loss} is on the wrong side of the price {price} of a {action}")
    if take_profit is not None and direction * (take_profit - price) <= 0:
        raise DecisionError("take_profit", f"{take_profit} is on the wrong side of the price {price} of a {action}")
    if trailing_stop_pct is not None:
        _check_trailing(price, direction, trailing_stop_pct)
    return stop_loss, take_profit, trailing_stop_pct


def _price_or_none(name: str, value: object) -> float | None:
    if value is None:
        return None
    price = finite(name, value, above=0)
    if not is_price(price):
        raise DecisionError(name, f"{price} is not between {SMALLEST_PRICE} and {LARGEST_PRICE}")
    return price


def _check_trailing(price: float, direction: int, trailing_stop_pct: float) -> None:
    level = price * (1 - direction * trailing_stop_pct / 100)
    if direction * (price - level) <= 0:  # a percentage too small to move the price
        raise DecisionError(
            "trailing_stop_pct", f"{trailing_stop_pct} percent from the price {price} is {level}, which is no stop"
        )
