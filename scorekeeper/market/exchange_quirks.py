"""Exchanges that answer otherwise than the requested start and limit say, and ccxt's own deviations."""

from typing import Any, Literal

import msgspec

# These exchanges answer with their last so many candles, whatever the start; gate refuses an older start.
KEPT_CANDLES = {
    "kraken": 720, "gemini": 1440, "hyperliquid": 5000, "gate": 10_000, "gateeu": 10_000,
    # ccxt sends these no start: the response is the last page.
    "bithumb": 200, "deepcoin": 300, "nado": 500, "p2b": 500, "bitrue": 1000, "bittrade": 1000, "htx": 1000,
    "phemex": 1000,
}  # fmt: skip
# ccxt asks these exchanges for so many candles only, whatever the limit.
REACH_CANDLES = {"bullish": 100, "mexc": 500}
# These exchanges answer with the rest of the UTC day of the start.
DAILY = {"bitbank"}
# For these exchanges ccxt fills empty minutes with candles of its own, with volume 0.
FILLED = {"bitopro"}
_FAULTS = ("error", "errors")


def candles_in(body: str) -> Literal["some", "none"] | None:
    """Whether the body of a response holds a list of candles, an empty list, or no list.

    ccxt reads nearly every body without a list (null, an empty object) as an empty list of candles.
    """
    try:
        return _lists_in(msgspec.json.decode(body))
    except (msgspec.DecodeError, RecursionError):
        return None


def _lists_in(value: Any) -> Literal["some", "none"] | None:
    if isinstance(value, list):
        if not value:
            return "none"
        return "some" if any(isinstance(one, list | dict) for one in value) else None
    if isinstance(value, dict):
        found = {_lists_in(inner) for name, inner in value.items() if name not in _FAULTS}
        return "some" if "some" in found else "none" if "none" in found else None
    return None
