"""How a decision is read from a document."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from scorekeeper.decisions.agents import read_agents
from scorekeeper.decisions.costs import NO_COSTS, read_costs
from scorekeeper.decisions.decision import Decision, DecisionContext
from scorekeeper.decisions.exit_signals import name_exit
from scorekeeper.decisions.fields import (
    Note,
    check_text,
    cut_notes,
    finite,
    lenient,
    number_or_none,
    one_of_names,
    text_or_none,
)
from scorekeeper.decisions.hold import read_expiry
from scorekeeper.decisions.levels import read_levels, read_price
from scorekeeper.decisions.made_ids import LONGEST_ID, make_id
from scorekeeper.decisions.strict_json import DecisionError, canonical_json, load_json
from scorekeeper.decisions.symbols import plain_symbol, unify_symbol
from scorekeeper.decisions.timestamps import NO_TIME, read_moment
from scorekeeper.decisions.words import DIRECTIONS, EXIT_SIDES, clean_word, meaning_of, plain_word

MOST_FIELDS = 500
MOST_CLOSES = 200
MOST_REASON = 1 << 20
LONGEST_ACTION = 200
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
AHEAD = timedelta(minutes=5)
# What other systems call these fields. A refusal names them; they are not read, since they may mean something else.
_LIKE_SYMBOL = ("ticker", "pair", "instrument", "market", "coin", "asset", "company_of_interest")
_LIKE_TYPE = ("signal", "decision", "recommendation", "side", "direction")
_KNOWN = {
    "symbol", "type", "action", "price", "entry_price", "timestamp", "interval", "confidence", "reason", "version",
    "trade_id", "stop_loss", "take_profit", "trailing_stop_pct", "max_hold_minutes", "position_size", "agent_analyses",
    "agent_contributions",
}  # fmt: skip
_KNOWN_OF_EXITS = _KNOWN | {"closes"}  # in any other decision it is an unknown field, and kept
# The fields that a decision may have.
FIELDS = frozenset(_KNOWN_OF_EXITS)


def parse_decision(document: object, *, context: DecisionContext) -> Decision:
    """The decision of a document: a JSON object, parsed or as bytes.

    A field that the decision can do without is left out if it cannot be read, and a note says so. Raises DecisionError
    with the name that the document gives the field.

    >>> from datetime import UTC, datetime
    >>> from zoneinfo import ZoneInfo
    >>> context = DecisionContext(datetime(2026, 1, 2, tzinfo=UTC), "v1", 60, ZoneInfo("UTC"), None)
    >>> text = b'{"symbol": "btcusdt", "type": "Strong Buy", "price": 100, "timestamp": "2026-01-01T00:00:00Z"}'
    >>> decision = parse_decision(text, context=context)
    >>> decision.symbol, decision.action, decision.direction, decision.expires_at.isoformat()
    ('BTC/USDT', 'STRONG_BUY', 1, '2026-01-01T01:00:00+00:00')
    """
    if isinstance(document, bytes):
        document = load_json(document)
    if isinstance(document, list):
        raise DecisionError(None, "an array: a line holds one decision; an array goes into a file named .json")
    if not isinstance(document, dict):
        raise DecisionError(None, "a decision is a JSON object")
    if len(document) > MOST_FIELDS:
        raise DecisionError(None, f"{len(document)} fields; at most {MOST_FIELDS} are taken")
    notes: list[Note] = []
    reading = context.reading
    word = _action(document)
    action, meaning = plain_word(word), meaning_of(word, reading.known)
    direction, side = (DIRECTIONS[meaning], EXIT_SIDES.get(meaning)) if meaning else (0, None)
    raw_symbol, symbol = _symbol(document)
    price = read_price(document, notes, needed=direction != 0)
    opened_at, has_time = _opened_at(document, context, notes)
    content = hashlib.sha256(canonical_json(document)).digest()
    stop_loss, take_profit, trailing_stop_pct = read_levels(document, price, direction, action, notes)
    closes = None if side is None else _closes(document)
    moment = opened_at if has_time else None
    trade_id, given_id = _trade_id(document, raw_symbol, moment, content), None
    if side is not None and closes is None and document.get("trade_id") is not None:
        trade_id, given_id = name_exit(trade_id, moment, content, plain_symbol(raw_symbol))
    size = lenient(notes, number_or_none, document, "position_size", low=0) if "position_size" in document else None
    costs = read_costs(document, price, size, context.costs, notes) if direction else NO_COSTS
    known = _KNOWN if side is None else _KNOWN_OF_EXITS
    confidence = document.get("confidence")
    return Decision(
        trade_id=trade_id,
        content_sha256=content,
        symbol=symbol,
        raw_symbol=raw_symbol,
        bar_interval=lenient(notes, text_or_none, document, "interval", 50),
        action=action,
        direction=direction,
        price=price,
        confidence=None if confidence is None else lenient(notes, reading.confidence, "confidence", confidence),
        opened_at=opened_at,
        expires_at=read_expiry(document, opened_at, context),
        version=text_or_none(document, "version", 200) or context.default_version,
        reason=lenient(notes, text_or_none, document, "reason", MOST_REASON) if "reason" in document else None,
        stop_loss=stop_loss,
        take_profit=take_profit,
        trailing_stop_pct=trailing_stop_pct,
        position_size=size,
        extra=None if document.keys() <= known else {k: v for k, v in document.items() if k not in known},
        signals=read_agents(document, reading, notes),
        understood=meaning is not None,
        notes=cut_notes(notes) if notes else (),
        reading=reading,
        exit_side=-direction if direction and context.positions else side,
        closes=closes,
        given_id=given_id,
        costs=costs,
    )


def possible_ids(document: object, *, context: DecisionContext) -> tuple[str, ...]:
    """The ids that the decision of a document may have, for every reading of its words. Raises DecisionError.

    The first is its own. The second is the one that it has if it is an exit (see name_exit).
    """
    if isinstance(document, bytes):
        document = load_json(document)
    if not isinstance(document, dict):
        raise DecisionError(None, "a decision is a JSON object")
    raw_symbol, _ = _symbol(document)
    opened_at, has_time = _opened_at(document, context, [])
    moment = opened_at if has_time else None
    content = hashlib.sha256(canonical_json(document)).digest()
    own = _trade_id(document, raw_symbol, moment, content)
    if document.get("trade_id") is None or document.get("closes") is not None:
        return (own,)
    as_exit, _ = name_exit(own, moment, content, plain_symbol(raw_symbol))
    return (own,) if as_exit == own else (own, as_exit)


def _instead(document: Mapping[str, Any], alike: tuple[str, ...], name: str) -> str:
    """What a document holds in place of a field that is needed, and what to do; empty if that cannot be told."""
    if other := next((one for one in alike if isinstance(document.get(one), str)), None):
        return f"; {other} is not read as it: name it {name}"
    if name in document or "symbol" in document:
        return ""
    lists = (key for key, one in document.items() if isinstance(one, list) and one and isinstance(one[0], dict))
    inner = next(lists, "")
    return f"; if the decisions are those within {inner[:40]!r}, write each by itself" if inner else ""


def _symbol(document: Mapping[str, Any]) -> tuple[str, str]:
    """The symbol as written, and unified."""
    raw_symbol = text_or_none(document, "symbol", 100)
    if raw_symbol is None:
        raise DecisionError("symbol", f"missing{_instead(document, _LIKE_SYMBOL, 'symbol')}")
    try:
        return raw_symbol, unify_symbol(raw_symbol)
    except ValueError as exc:
        raise DecisionError("symbol", str(exc)) from None


def _action(document: Mapping[str, Any]) -> str:
    name, value = one_of_names(document, "type")
    if value is None:
        raise DecisionError("type", f"missing; write BUY, SELL or HOLD{_instead(document, _LIKE_TYPE, 'type')}")
    if not isinstance(value, str) or not clean_word(said := value.strip()):
        raise DecisionError(name, "not a word such as BUY, SELL or HOLD")
    if len(said) > LONGEST_ACTION or not said.isprintable():
        raise DecisionError(name, f"not one word such as BUY, SELL or HOLD ({len(said)} characters)")
    return said


def _opened_at(document: Mapping[str, Any], context: DecisionContext, notes: list[Note]) -> tuple[datetime, bool]:
    value = document.get("timestamp")
    if value is None:
        if context.fallback_opened_at is None:
            raise DecisionError("timestamp", "missing; only a file of one decision may do without")
        if not EARLIEST <= context.fallback_opened_at <= context.received_at + AHEAD:
            raise DecisionError(
                "timestamp", f"missing, and the file's own time {context.fallback_opened_at} is no help"
            )
        return context.fallback_opened_at, False
    if not isinstance(value, str):
        finite("timestamp", value)
    try:
        moment = read_moment(value, context.timezone)
    except (ValueError, OverflowError) as exc:
        reason = str(exc) if "not a time" in str(exc) else f"{NO_TIME} ({exc})"
        raise DecisionError("timestamp", reason[:LONGEST_ACTION]) from None
    if not EARLIEST <= moment.at < LATEST:
        read = f"{moment.at.replace(tzinfo=None).isoformat(' ', 'minutes')} UTC"
        raise DecisionError("timestamp", f"not between the years 2000 and 2100: it was read as {read}")
    if moment.at > context.received_at + AHEAD:
        raise DecisionError("timestamp", "more than 5 minutes in the future (is DECISION_TIMEZONE right?)")
    if moment.note is not None:
        notes.append(Note("timestamp", moment.note))
    return moment.at, True


def _trade_id(document: Mapping[str, Any], raw_symbol: str, opened_at: datetime | None, content: bytes) -> str:
    given = document.get("trade_id")
    if given is None:
        time = "" if opened_at is None else f"-{opened_at.replace(tzinfo=None).isoformat()}Z"
        return make_id(f"{plain_symbol(raw_symbol)}{time}", content)
    return _id("trade_id", given)


def _id(name: str, given: object) -> str:
    if not isinstance(given, str) or not given or len(check_text(name, given).encode()) > LONGEST_ID:
        raise DecisionError(name, f"not text of 1 to {LONGEST_ID} bytes")
    if not given.isprintable() or not given.strip():
        raise DecisionError(name, "holds a character that cannot be printed")
    return given


def _closes(document: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The ids of the trades that an exit decision names. The field must be readable: else what closes is a guess."""
    named = document.get("closes")
    if named is None:
        return None
    listed = named if isinstance(named, list) else [named]
    if not listed or len(listed) > MOST_CLOSES:
        raise DecisionError("closes", f"not a trade_id, nor a list of 1 to {MOST_CLOSES} of them")
    return tuple(dict.fromkeys(_id("closes", one) for one in listed))
