"""A stored decision, compared with the document that its file still holds."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Row

from scorekeeper.decisions.agents import AgentSignal
from scorekeeper.decisions.columns import DOCUMENT_COLUMNS
from scorekeeper.decisions.decision import Decision, DecisionContext
from scorekeeper.decisions.made_ids import list_ids
from scorekeeper.decisions.parse import LATEST, parse_decision
from scorekeeper.decisions.reading_rules import STANDARD, Reading, read_rules
from scorekeeper.decisions.strict_json import DecisionError, canonical_json
from scorekeeper.decisions.symbols import is_certain
from scorekeeper.decisions.timestamps import read_moment
from scorekeeper.decisions.words import clean_word
from scorekeeper.settings import Settings
from scorekeeper.trading_calendar import calendar_of


def neutral_context(settings: Settings) -> DecisionContext:
    """A context for reading a document again. Columns that depend on the settings of that day are not compared."""
    return DecisionContext(
        received_at=LATEST, default_version="", default_hold_minutes=1, timezone=settings.timezone,
        fallback_opened_at=LATEST - timedelta(days=1), hours=calendar_of(settings.calendar),
    )  # fmt: skip


def find_stored(
    stored: Mapping[str, Row[Any]], document: dict[str, Any], names: tuple[str, ...], settings: Settings
) -> Row[Any] | None:
    """The row of a document that may have one of the ids `names`: the row with its content, else with its id of today.

    A document that asks for a close may have several ids: an older release stored it under the id that it gives, which
    is its trade's id. Today it gets an id of its own.
    """
    if len(names) == 1:
        return stored.get(names[0])
    content = hashlib.sha256(canonical_json(document)).digest()
    for name in reversed(names):
        if name in stored and stored[name].content_sha256 == content:
            return stored[name]
    context = msgspec.structs.replace(neutral_context(settings), reading=settings.reading)
    try:
        decision = parse_decision(document, context=context)
    except DecisionError:
        return stored.get(names[0])
    return stored.get(decision.trade_id)


def list_longer_ids(document: dict[str, Any], names: tuple[str, ...]) -> list[str]:
    """The longer ids that a document's decision may have, since another content may have the one in `names`."""
    content = hashlib.sha256(canonical_json(document)).digest()
    return [one for name in names for one in list_ids(name, content)[1:]]


def check_decision(row: Row[Any], document: dict[str, Any], where: str, settings: Settings) -> Iterator[str]:
    """One line per column that differs from the document, read by the rules that were used at ingest.

    `row` comes from select_decisions_as_stored. `where` names the file and the line.
    """
    is_old = row.reading_id is None
    if not is_old and row.rules is None:
        yield f"decision {row.trade_id}: the rules it was read by are not stored"
        return
    context = msgspec.structs.replace(neutral_context(settings), reading=STANDARD if is_old else _rules(row.rules))
    try:
        decision = parse_decision(document, context=context)
    except DecisionError as exc:
        # An older release read fewer words. It opened no trade for some documents that lack a price.
        if not is_old:
            yield f"decision {row.trade_id}: {where} cannot be read again: {exc}"
        return
    columns = _columns_given(document, decision)
    if is_old:
        decision = _as_older_release(row, decision)
    else:
        columns += ("understood",)
    for name in columns:
        if getattr(row, name) != getattr(decision, name) and not _was_before_calendar(name, row, document):
            yield f"decision {row.trade_id}: {name} is not what {where} says"
    if _asks_for_another_close(row, decision):
        yield f"decision {row.trade_id}: what it asks to close is not what {where} says"
    if _differ(row.extra, decision.extra):
        yield f"decision {row.trade_id}: extra is not what {where} says"
    if _differ(row.signals, [list(msgspec.structs.astuple(signal)) for signal in decision.signals]):
        yield f"decision {row.trade_id}: its agents' signals are not what {where} says"


def _columns_given(document: dict[str, Any], decision: Decision) -> tuple[str, ...]:
    """The columns that depend on this document alone."""
    columns = DOCUMENT_COLUMNS
    # The market's list decides what a symbol without a slash means.
    if is_certain(decision.raw_symbol):
        columns += ("symbol",)
    if document.get("version"):
        columns += ("version",)
    timestamp = document.get("timestamp")
    if timestamp is not None and read_moment(timestamp, ZoneInfo("UTC")).in_zone:
        holds = any(document.get(name) is not None for name in ("max_hold_minutes", "max_hold_sessions"))
        columns += ("opened_at", "expires_at") if holds else ("opened_at",)
    return columns


def _was_before_calendar(name: str, row: Row[Any], document: dict[str, Any]) -> bool:
    """Whether a column is the expiry of a decision that came in before CALENDAR was set: after minutes of the clock."""
    minutes = document.get("max_hold_minutes")
    return name == "expires_at" and minutes is not None and row.expires_at == row.opened_at + timedelta(minutes=minutes)


def _asks_for_another_close(row: Row[Any], decision: Decision) -> bool:
    """Whether the stored request to close differs. For BUY and SELL it depends on SIGNALS as it was set at ingest."""
    if decision.exit_side is None:
        return row.exit_side is not None and (row.exit_side, row.closes) != (-decision.direction or None, None)
    closes = None if decision.closes is None else list(decision.closes)
    given_id = decision.given_id if row.trade_id == decision.trade_id else None
    return (row.exit_side, row.closes, row.given_id) != (decision.exit_side, closes, given_id)


@lru_cache(maxsize=100)
def _rules(rules: str) -> Reading:
    return read_rules(rules)


def _as_older_release(row: Row[Any], decision: Decision) -> Decision:
    """The decision as an older release may have read it, which knew fewer words and read those as this one does."""
    stored = {agent: (signal, direction) for agent, _, signal, direction, *_ in row.signals}

    def as_older_release(read: AgentSignal) -> AgentSignal:
        signal, direction = stored.get(read.agent, (read.signal, read.direction))
        abstains = direction == 0 and signal in (read.signal, "NEUTRAL")
        return msgspec.structs.replace(
            read, signal=signal if abstains else read.signal, direction=0 if abstains else read.direction,
            understood=None,
        )  # fmt: skip

    return msgspec.structs.replace(
        decision,
        action=row.action if clean_word(row.action) == clean_word(decision.action) else decision.action,
        direction=0 if row.direction == 0 else decision.direction,
        signals=tuple(map(as_older_release, decision.signals)),
    )


def _differ(stored: Any, read: Any) -> bool:
    """Whether two JSON values differ. Numbers are compared by their digits: Postgres returns 1e23 as an integer."""
    return bool(stored != read and _digits(stored) != _digits(read))


def _digits(value: Any) -> Any:
    return json.loads(json.dumps(value), parse_int=Decimal, parse_float=Decimal)
