"""What a decision is, and how one is read from a document."""

import hashlib
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from scorekeeper.domain.exits import LONGEST_ID, exit_side, name_exit
from scorekeeper.domain.json_reading import DecisionError, canonical_json, load_json
from scorekeeper.domain.prices import LARGEST_PRICE, SMALLEST_PRICE, is_price
from scorekeeper.domain.symbols import unify_symbol
from scorekeeper.domain.walk import trailing_level

__all__ = ["AgentSignal", "Decision", "DecisionContext", "DecisionError", "direction_of", "parse_decision"]

MOST_FIELDS = 500
MOST_AGENTS = 200
MOST_CLOSES = 200
MOST_REASON = 1 << 20
MOST_HOLD_MINUTES = 5_256_000  # ten years
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
AHEAD = timedelta(minutes=5)
_UP = {"BUY", "STRONG_BUY", "LONG", "BULLISH"}
_DOWN = {"SELL", "STRONG_SELL", "SHORT", "BEARISH"}
_WORD = re.compile(r"[A-Za-z0-9_-]{1,32}")
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
_ALIASES = {"type": "action", "price": "entry_price", "agent_analyses": "agent_contributions"}
_KNOWN = {
    "symbol", "type", "action", "price", "entry_price", "timestamp", "interval", "confidence", "reason", "version",
    "trade_id", "stop_loss", "take_profit", "trailing_stop_pct", "max_hold_minutes", "position_size", "agent_analyses",
    "agent_contributions",
}  # fmt: skip
_KNOWN_OF_EXITS = _KNOWN | {"closes"}  # of another decision it is a field that nobody knows, and kept
_SAID = {"signal", "confidence"}


class AgentSignal(msgspec.Struct, frozen=True, gc=False):
    """What one agent said: its word, how it is read (+1, 0, -1), confidence 0..100 or None."""

    agent: str
    ordinal: int
    signal: str
    direction: int
    confidence: float | None
    extra: dict[str, Any] | None


class Decision(msgspec.Struct, frozen=True, gc=False):
    """A decision as taken: times UTC, prices in quote currency, confidence 0..100, direction +1 BUY, -1 SELL or 0.

    `trailing_stop_pct`: percent that the stop stays behind the best price of the trade, between 0 and 100.
    `exit_side`: None where it asks for no close; else of the open trades of its symbol and version it closes the longs
    (+1), the shorts (-1) or both (0). `closes`: ids of the trades that it closes instead of those. `given_id`: the
    `trade_id` that an exit decision came with: if that is a trade's, it closes that one alone.
    """

    trade_id: str
    content_sha256: bytes
    symbol: str
    raw_symbol: str
    bar_interval: str | None
    action: str
    direction: int
    price: float | None
    confidence: float | None
    opened_at: datetime
    expires_at: datetime
    version: str
    reason: str | None
    stop_loss: float | None
    take_profit: float | None
    trailing_stop_pct: float | None
    position_size: float | None
    extra: dict[str, Any] | None
    signals: tuple[AgentSignal, ...]
    exit_side: int | None = None
    closes: tuple[str, ...] | None = None
    given_id: str | None = None


class DecisionContext(msgspec.Struct, frozen=True):
    """What a decision does not say itself: when it came, and the defaults as they stood then.

    `positions`: a BUY closes the open shorts first, a SELL the open longs (SIGNALS=positions).
    """

    received_at: datetime
    default_version: str
    default_hold_minutes: float
    timezone: ZoneInfo
    fallback_opened_at: datetime | None
    positions: bool = False


@lru_cache(maxsize=1_000)
def direction_of(signal: str) -> int:
    """+1, -1 or 0: how an agent's word is read."""
    if not (said := signal.strip()).isascii():  # ſ is no S, though its capital is
        return 0
    word = re.sub(r"[\s-]+", "_", said.upper())
    return (word in _UP) - (word in _DOWN)


def parse_decision(document: object, *, context: DecisionContext) -> Decision:
    """The decision that a document (a JSON object, parsed or as bytes) holds.

    Raises DecisionError with the field as the document names it.
    """
    if isinstance(document, bytes):
        document = load_json(document)
    if not isinstance(document, dict):
        raise DecisionError(None, "a decision is a JSON object")
    if len(document) > MOST_FIELDS:
        raise DecisionError(None, f"{len(document)} fields; at most {MOST_FIELDS} are taken")
    action = _action(document)
    direction = {"BUY": 1, "SELL": -1}.get(action, 0)
    side = None if direction else exit_side(action)
    raw_symbol = _text(document, "symbol", 100)
    if raw_symbol is None:
        raise DecisionError("symbol", "missing")
    try:
        symbol = unify_symbol(raw_symbol)
    except ValueError as wrong:
        raise DecisionError("symbol", str(wrong)) from None
    price = _price(document, needed=direction != 0)
    opened_at, has_time = _opened_at(document, context)
    content = hashlib.sha256(canonical_json(document)).digest()
    stop_loss = _price_or_none("stop_loss", document.get("stop_loss"))
    take_profit = _price_or_none("take_profit", document.get("take_profit"))
    trailing_stop_pct = _number(document, "trailing_stop_pct", above=0, below=100)
    if direction and price is not None:
        if stop_loss is not None and direction * (price - stop_loss) <= 0:
            raise DecisionError("stop_loss", f"{stop_loss} is on the wrong side of the price {price} of a {action}")
        if take_profit is not None and direction * (take_profit - price) <= 0:
            raise DecisionError("take_profit", f"{take_profit} is on the wrong side of the price {price} of a {action}")
        if trailing_stop_pct is not None:
            _check_trailing(price, direction, trailing_stop_pct)
    closes = None if side is None else _closes(document)
    trade_id, given_id = _trade_id(document, symbol, opened_at if has_time else None, content), None
    if side is not None and closes is None and document.get("trade_id") is not None:
        trade_id, given_id = name_exit(trade_id, opened_at if has_time else None, content, _plain(symbol))
    known = _KNOWN if side is None else _KNOWN_OF_EXITS
    return Decision(
        trade_id=trade_id,
        content_sha256=content,
        symbol=symbol,
        raw_symbol=raw_symbol,
        bar_interval=_text(document, "interval", 50),
        action=action,
        direction=direction,
        price=price,
        confidence=_number(document, "confidence", low=0, high=100),
        opened_at=opened_at,
        expires_at=_expires_at(document, opened_at, context),
        version=_text(document, "version", 200) or context.default_version,
        reason=_text(document, "reason", MOST_REASON),
        stop_loss=stop_loss,
        take_profit=take_profit,
        trailing_stop_pct=trailing_stop_pct,
        position_size=_number(document, "position_size", low=0),
        extra=None if document.keys() <= known else {k: v for k, v in document.items() if k not in known},
        signals=_signals(document),
        exit_side=-direction if direction and context.positions else side,
        closes=closes,
        given_id=given_id,
    )


def _one_of(document: Mapping[str, Any], name: str) -> tuple[str, Any]:
    """(name as written, value) of a field that goes by two names."""
    other = _ALIASES[name]
    first, second = document.get(name), document.get(other)
    if first is None:
        return (other, second) if other in document else (name, None)
    if second is not None and second != first:
        raise DecisionError(other, f"says something else than {name}")
    return name, first


def _action(document: Mapping[str, Any]) -> str:
    name, value = _one_of(document, "type")
    if value is None:
        raise DecisionError("type", "missing; write BUY, SELL or HOLD")
    if not isinstance(value, str) or not (_WORD.fullmatch(value.strip()) or exit_side(value) is not None):
        raise DecisionError(name, "not a word such as BUY, SELL or HOLD")
    return value.strip().upper()


def _price(document: Mapping[str, Any], *, needed: bool) -> float | None:
    name, value = _one_of(document, "price")
    # The predecessor writes 0 where a decision that opens no trade knows no price.
    if value is None or (not needed and value == 0 and not isinstance(value, bool)):
        if needed:
            raise DecisionError(name, "missing: a trade needs the price that it was decided at")
        return None
    return _price_or_none(name, value)


def _price_or_none(name: str, value: object) -> float | None:
    if value is None:
        return None
    price = _finite(name, value, above=0)
    if not is_price(price):
        raise DecisionError(name, f"{price} is not between {SMALLEST_PRICE} and {LARGEST_PRICE}")
    return price


def _check_trailing(price: float, direction: int, trailing_stop_pct: float) -> None:
    level = trailing_level(direction, price, trailing_stop_pct)
    if direction * (price - level) <= 0:  # a percentage too small to move the price
        raise DecisionError(
            "trailing_stop_pct", f"{trailing_stop_pct} percent from the price {price} is {level}, which is no stop"
        )


def _finite(
    name: str,
    value: object,
    *,
    above: float | None = None,
    below: float | None = None,
    low: float | None = None,
    high: float | None = None,
) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise DecisionError(name, "not a number")
    try:
        number = float(value)
    except OverflowError:
        raise DecisionError(name, "too large a number") from None
    if not math.isfinite(number):
        raise DecisionError(name, "not a finite number")
    if above is not None and number <= above:
        raise DecisionError(name, f"{number} is not above {above}")
    if below is not None and number >= below:
        raise DecisionError(name, f"{number} is not below {below}")
    if (low is not None and number < low) or (high is not None and number > high):
        raise DecisionError(name, f"{number} is not between {low} and {high}" if high is not None else "negative")
    return number


def _number(
    document: Mapping[str, Any],
    name: str,
    *,
    above: float | None = None,
    below: float | None = None,
    low: float | None = None,
    high: float | None = None,
) -> float | None:
    value = document.get(name)
    return None if value is None else _finite(name, value, above=above, below=below, low=low, high=high)


def _text(document: Mapping[str, Any], name: str, longest: int) -> str | None:
    value = document.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise DecisionError(name, "not text")
    if len(value) > longest:
        raise DecisionError(name, f"{len(value)} characters; at most {longest} are taken")
    return _clean(name, value)


def _clean(name: str, value: str) -> str:
    if not value.isprintable() and _NO_TEXT.search(value):
        raise DecisionError(name, "holds a character that is no text (NUL or half of a surrogate pair)")
    return value


def _opened_at(document: Mapping[str, Any], context: DecisionContext) -> tuple[datetime, bool]:
    value = document.get("timestamp")
    if value is None:
        if context.fallback_opened_at is None:
            raise DecisionError("timestamp", "missing; only a file of one decision may do without")
        if not EARLIEST <= context.fallback_opened_at <= context.received_at + AHEAD:
            raise DecisionError(
                "timestamp", f"missing, and the file's own time {context.fallback_opened_at} is no help"
            )
        return context.fallback_opened_at, False
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value.strip())
            moment = moment.replace(tzinfo=context.timezone) if moment.tzinfo is None else moment
        else:
            number = _finite("timestamp", value)
            # From 1973 on milliseconds have twelve digits; seconds have had ten since 2001.
            seconds, scale = (number / 1000, 1000) if abs(number) >= 1e11 else (number, 1)
            moment = datetime(1970, 1, 1, tzinfo=UTC) + (
                timedelta(milliseconds=number) if scale == 1000 else timedelta(seconds=seconds)
            )
        moment = moment.astimezone(UTC)
    except DecisionError:
        raise
    except (ValueError, OverflowError):
        raise DecisionError("timestamp", "not a time; write ISO 8601, or epoch seconds or milliseconds") from None
    if not EARLIEST <= moment < LATEST:
        raise DecisionError("timestamp", "not between the years 2000 and 2100")
    if moment > context.received_at + AHEAD:
        raise DecisionError("timestamp", "more than 5 minutes in the future (is DECISION_TIMEZONE right?)")
    return moment, True


def _expires_at(document: Mapping[str, Any], opened_at: datetime, context: DecisionContext) -> datetime:
    minutes = _number(document, "max_hold_minutes", above=0)
    hold = context.default_hold_minutes if minutes is None else minutes
    if hold > MOST_HOLD_MINUTES:
        raise DecisionError("max_hold_minutes", f"more than {MOST_HOLD_MINUTES}")
    expires_at = opened_at + timedelta(minutes=hold)
    if expires_at <= opened_at:
        raise DecisionError("max_hold_minutes", "less than a microsecond")
    return expires_at


def _trade_id(document: Mapping[str, Any], symbol: str, opened_at: datetime | None, content: bytes) -> str:
    given = document.get("trade_id")
    if given is None:
        time = "" if opened_at is None else f"-{opened_at.replace(tzinfo=None).isoformat()}Z"
        return f"{_plain(symbol)}{time}-{content.hex()[:8]}"
    return _id("trade_id", given)


def _plain(symbol: str) -> str:
    return symbol.replace("/", "").replace(":", "")


def _id(name: str, given: object) -> str:
    if not isinstance(given, str) or not given or len(_clean(name, given).encode()) > LONGEST_ID:
        raise DecisionError(name, f"not text of 1 to {LONGEST_ID} bytes")
    if not given.isprintable() or not given.strip():
        raise DecisionError(name, "holds a character that cannot be printed")
    return given


def _closes(document: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The trades that an exit decision names; which it closes would be a guess where the field cannot be read."""
    named = document.get("closes")
    if named is None:
        return None
    listed = named if isinstance(named, list) else [named]
    if not listed or len(listed) > MOST_CLOSES:
        raise DecisionError("closes", f"not a trade_id, nor a list of 1 to {MOST_CLOSES} of them")
    return tuple(dict.fromkeys(_id("closes", one) for one in listed))


def _signals(document: Mapping[str, Any]) -> tuple[AgentSignal, ...]:
    name, value = _one_of(document, "agent_analyses")
    if value is None:
        return ()
    if not isinstance(value, dict):
        raise DecisionError(name, "not an object of agents")
    if len(value) > MOST_AGENTS:
        raise DecisionError(name, f"{len(value)} agents; at most {MOST_AGENTS} are taken")
    return tuple(_signal(name, ordinal, agent, said) for ordinal, (agent, said) in enumerate(value.items()))


def _signal(name: str, ordinal: int, agent: str, said: object) -> AgentSignal:
    where = f"{name}.{agent[:100]}"
    if not agent.strip() or len(agent) > 200:
        raise DecisionError(where, "an agent's name has 1 to 200 characters")
    _clean(where, agent)
    if isinstance(said, str):
        said = {"signal": said}
    if not isinstance(said, dict):
        raise DecisionError(where, "not an object with signal and confidence")
    word = said.get("signal")
    if word is None:
        word = "NEUTRAL"
    if not isinstance(word, str) or len(word) > 200:
        raise DecisionError(f"{where}.signal", "not a word")
    confidence = said.get("confidence")
    return AgentSignal(
        agent=agent,
        ordinal=ordinal,
        signal=_clean(f"{where}.signal", word),
        direction=direction_of(word),
        confidence=None if confidence is None else _finite(f"{where}.confidence", confidence, low=0, high=100),
        extra=None if said.keys() <= _SAID else {k: v for k, v in said.items() if k not in _SAID},
    )
