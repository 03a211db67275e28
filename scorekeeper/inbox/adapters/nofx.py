"""nofx: a decision log a cycle, `decision_logs/TRADER/decision_TIME_cycleN.json`.

What the model said is `decision_json`, an array in a string. What was done is `decisions`: the only prices. Both are
joined by symbol and action. Read: NoFxAiOS/nofx, logger/decision_logger.go, and its decision_logs at commit
e07796b7c00d89f680cf3c5891694c75507fefd9 and cf6f2a55d0f5190098d1207febf71e89c2333b56.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from scorekeeper.inbox.adapters.base import (
    NOT_DONE,
    NOT_ENTERED,
    Found,
    Lost,
    Part,
    given,
    load_text,
    number_above_zero,
    text_of,
)

_OPENS, _CLOSES = {"open_long", "open_short"}, {"close_long", "close_short"}
_IDLE = {"hold", "wait"}
_BY_EXCHANGE = {"auto_close_long", "auto_close_short"}
_CANDIDATE = re.compile(r"^### [0-9]+\. (?P<symbol>\S+).*?current_price = (?P<price>[0-9.]+)", re.MULTILINE | re.DOTALL)
_PARTLY = {
    "partial_close": "a trade closes as a whole",
    "update_stop_loss": "a trade keeps the stop that it opened with",
    "update_take_profit": "a trade keeps the target that it opened with",
}


class Nofx:
    """See Adapter."""

    name = "nofx"
    system = "nofx"
    dated_by_file = False

    def recognises(self, document: object) -> bool:
        """See Adapter."""
        return isinstance(document, dict) and "decision_json" in document and "decisions" in document

    def read(self, document: Any) -> Iterator[Part]:
        """See Adapter."""
        said, done = load_text(document["decision_json"]), document["decisions"]
        done = [one for one in done if isinstance(one, dict)] if isinstance(done, list) else []
        if not isinstance(said, list):
            said = []
            if not done:
                why = text_of(document.get("error_message")) or "the model gave none"
                yield Lost("a cycle without a decision", why)
        waiting: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for one in done:
            waiting[_key(one)].append(one)
        prices = _prices_shown(document.get("input_prompt"))
        for one in said:
            if isinstance(one, dict):
                kept = waiting[_key(one)]
                yield _read_one(document, one, kept.pop(0) if kept else None, prices)
        for rest in waiting.values():  # done without being said
            for one in rest:
                yield _read_one(document, one, one, prices)


def _read_one(
    document: dict[str, Any], said: dict[str, Any], done: dict[str, Any] | None, prices: dict[str, str]
) -> Part:
    symbol, action = said.get("symbol"), said.get("action")
    if not isinstance(symbol, str) or not isinstance(action, str):
        return Lost("a decision without symbol or action", "what it is about is not said")
    word = action.strip().lower()
    if symbol.upper() in ("ALL", ""):
        return Lost(f"{word} of {symbol or 'no symbol'}", "it names no symbol")
    if why := _PARTLY.get(word):
        return Lost(word, why)
    if word in _BY_EXCHANGE:
        return Lost(word, "the exchange closed by its stop or target, which the candles tell")
    failed = word not in _IDLE and (done is None or done.get("success") is not True)
    price = None if failed or done is None else number_above_zero(done.get("price"))
    shown = number_above_zero(prices.get(symbol))
    kind = action
    if failed and word in _OPENS | _CLOSES:
        kind = NOT_ENTERED if word in _OPENS else NOT_DONE
    quantity = None if done is None else number_above_zero(done.get("quantity"))
    return Found(
        given(
            {
                "symbol": symbol,
                "type": kind,
                "price": price or shown,
                "timestamp": (done or {}).get("timestamp") or document.get("timestamp"),
                "confidence": said.get("confidence"),
                "reason": text_of(said.get("reasoning")),
                "stop_loss": number_above_zero(said.get("stop_loss")),
                "take_profit": number_above_zero(said.get("take_profit")),
                "position_size": quantity,
                "leverage": said.get("leverage") or None,
                "position_size_usd": said.get("position_size_usd") or None,
                "risk_usd": said.get("risk_usd") or None,
                "cycle_number": document.get("cycle_number"),
                "intended": action if kind != action else None,
                "error": text_of((done or {}).get("error")),
            }
        )
    )


def _key(one: dict[str, Any]) -> str:
    return f"{one.get('symbol')} {one.get('action')}"


def _prices_shown(prompt: object) -> dict[str, str]:
    """The prices that the prompt showed the model, by symbol."""
    if not isinstance(prompt, str):
        return {}
    parts = re.split(r"(?m)^(?=### )", prompt)
    return {found["symbol"]: found["price"].rstrip(".") for part in parts if (found := _CANDIDATE.match(part))}
