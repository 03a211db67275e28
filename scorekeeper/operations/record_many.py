"""Decisions handed over by Python: read as a file's are, and many of them stored together."""

import logging
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from scorekeeper.decisions.decision import Decision, DecisionContext
from scorekeeper.decisions.parse import parse_decision
from scorekeeper.decisions.strict_json import DecisionError, to_json
from scorekeeper.errors import RefusedError, ScorekeeperError
from scorekeeper.inbox import store_decisions
from scorekeeper.inbox.standing import Verdict
from scorekeeper.safe_text import escape_controls
from scorekeeper.store.database import Database
from scorekeeper.trading_calendar import calendar_of

if TYPE_CHECKING:
    from scorekeeper.settings import Settings

SOURCE = "record_decision"
# Decisions of one transaction, and the bytes of their texts: whichever is reached first.
BATCH = 5_000
BATCH_BYTES = 16 << 20

logger = logging.getLogger("PerformanceTracker")


def context_of(settings: "Settings", version: str, now: datetime) -> DecisionContext:
    """How decisions are read that are handed over `now`."""
    return DecisionContext(
        now, version, settings.max_hold_time_minutes, settings.timezone, None, settings.reading, settings.positions,
        settings.max_hold_sessions, calendar_of(settings.calendar), settings.costs,
    )  # fmt: skip


def read_decision(given: object, context: DecisionContext) -> Decision:
    """The decision of a dictionary, with the time of its arrival if it has none. Raises DecisionError.

    What cannot be read is left out, and logged.
    """
    document = to_json(given)
    if isinstance(document, dict) and document.get("timestamp") is None:
        document |= {"timestamp": context.received_at.isoformat()}
    decision = parse_decision(document, context=context)
    for note in decision.notes:
        logger.warning("%s: %s: %s", decision.trade_id, escape_controls(note.field), note.reason)
    if not decision.understood:
        logger.warning(
            "%s: the word %s is in no list and opens no trade (WORDS adds words)",
            decision.trade_id, escape_controls(decision.action),
        )  # fmt: skip
    return decision


def store(db: Database, decisions: list[Decision], context: DecisionContext, fee_bps: float) -> list[Verdict]:
    """Store decisions in one transaction; a verdict for each, in order."""
    return db.transact(
        lambda connection: store_decisions.record(
            connection, decisions, source_name=SOURCE, source_sha256=None, received_at=context.received_at,
            fee_bps=fee_bps, lines=[1] * len(decisions), by_custom=True,
        ),
        repeatable=True,  # a decision that is stored already is a duplicate
    )  # fmt: skip


def id_of(decision: Decision, verdict: Verdict) -> str:
    """The id under which a decision is stored. Raises ScorekeeperError if it was refused."""
    if refusal := verdict.explain(decision.trade_id):
        raise ScorekeeperError(": ".join(refusal) if refusal[0] != "trade_id" else refusal[1])
    return verdict.trade_id or decision.trade_id


def _weigh(decision: Decision) -> int:
    """The bytes of what may be long in a decision."""
    return len(msgspec.json.encode((decision.reason, decision.extra, decision.signals)))


def record_many(db: Database, given: Iterable[Any], context: DecisionContext, fee_bps: float) -> list[str]:
    """Store decisions, many of them in a transaction, and return their ids in order.

    As much as one transaction takes is read at once, whatever `given` holds. Raises RefusedError at the end, if some
    are refused: all others are stored.
    """
    ids: list[str | None] = []
    refused: dict[int, Exception] = {}
    for batch in _read_batches(given, context, ids, refused):
        verdicts = store(db, list(batch.values()), context, fee_bps)
        for (place, decision), verdict in zip(batch.items(), verdicts, strict=True):
            try:
                ids[place] = id_of(decision, verdict)
            except ScorekeeperError as exc:
                refused[place] = exc.with_traceback(None)
    if refused:
        raise RefusedError(ids, refused)
    return [one for one in ids if one is not None]


def _read_batches(
    given: Iterable[Any], context: DecisionContext, ids: list[str | None], refused: dict[int, Exception]
) -> Iterator[dict[int, Decision]]:
    """Decisions by their place, as many as one transaction takes.

    `ids` gets a None for each that is given, `refused` the reason of each that is no decision.
    """
    batch: dict[int, Decision] = {}
    size = 0
    for place, one in enumerate(given):
        ids.append(None)
        try:
            batch[place] = read_decision(one, context)
            size += _weigh(batch[place])
        except DecisionError as exc:
            refused[place] = exc.with_traceback(None)  # it would keep the whole decision in memory
        if len(batch) >= BATCH or size >= BATCH_BYTES:
            yield batch
            batch, size = {}, 0
    if batch:
        yield batch
