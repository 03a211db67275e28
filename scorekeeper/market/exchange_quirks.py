"""What some exchanges do otherwise than a start and a limit would have them, and ccxt with them."""

from typing import Any, Literal

import msgspec

# CandlePage with their last so many candles, whatever start is asked for; gate refuses older ones.
KEPT_CANDLES = {
    "kraken": 720, "gemini": 1440, "hyperliquid": 5000, "gate": 10_000, "gateeu": 10_000,
    # ccxt hands these no start at all: what comes is the last page.
    "bithumb": 200, "deepcoin": 300, "nado": 500, "p2b": 500, "bitrue": 1000, "bittrade": 1000, "htx": 1000,
    "phemex": 1000,
}  # fmt: skip
# Of a page that is asked for, ccxt asks these for so many minutes only.
REACH_MINUTES = {"bullish": 100, "mexc": 500}
# CandlePage with what is left of the UTC day of the start.
DAILY = {"bitbank"}
# ccxt fills their empty minutes with candles of its own, of volume 0.
FILLED = {"bitopro"}
_FAULTS = ("error", "errors")


def candles_in(body: str) -> Literal["some", "none"] | None:
    """Whether an answer's body holds a list of candles, an empty one, or none at all.

    ccxt reads nearly every body without such a list (null, an empty object) as if the exchange had said: no candles.
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
