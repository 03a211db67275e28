"""Decisions into Postgres, with their signals, trades and events: the caller's transaction, a COPY each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, text

from scorekeeper.domain.decision import Decision
from scorekeeper.store.database import open_copy
from scorekeeper.store.sql import statement

# A decision and where it was read: the file's hash (None: no file), its name, the line.
Row = tuple[Decision, bytes | None, str, int]


@dataclass(frozen=True)
class Verdict:
    """What became of a decision: accepted, duplicate, or conflict with the one that stands at `standing`."""

    outcome: str
    standing: str


def record(
    connection: Connection,
    decisions: Sequence[Decision],
    *,
    source_name: str,
    source_sha256: bytes | None,
    received_at: datetime,
    fee_bps: float,
    lines: Sequence[int] | None = None,
) -> list[Verdict]:
    """Write decisions of one source with their signals, trades and events; a verdict for each, in order."""
    numbered = zip(lines or range(1, len(decisions) + 1), decisions, strict=True)
    return record_rows(
        connection, [(decision, source_sha256, source_name, line) for line, decision in numbered], received_at, fee_bps
    )


def record_rows(
    connection: Connection, rows: Sequence[Row], received_at: datetime | None, fee_bps: float
) -> list[Verdict]:
    """Write decisions of many sources; see record. `received_at` None: each was received when it was decided."""
    open_batch(connection)
    with open_copy(connection, "copy_incoming_decisions") as copy:
        for number, (d, sha256, name, line) in enumerate(rows):
            copy.write_row(
                (
                    number, d.trade_id, d.content_sha256, sha256, name, line, received_at or d.opened_at, d.symbol,
                    d.raw_symbol, d.bar_interval, d.action, d.direction, d.price, d.confidence, d.opened_at,
                    d.expires_at, d.version, d.reason, d.stop_loss, d.take_profit, d.trailing_stop_pct,
                    d.position_size, extra_json(d.extra), fee_bps,
                )
            )  # fmt: skip
    accept_batch(connection)
    verdicts = [
        Verdict(outcome, f"{name}, line {line}")
        for outcome, name, line in connection.execute(statement("select_verdicts"))
    ]
    with open_copy(connection, "copy_agent_signals") as copy:
        for (d, *_), verdict in zip(rows, verdicts, strict=True):
            if verdict.outcome == "accepted":
                for s in d.signals:
                    copy.write_row(
                        (d.trade_id, s.agent, s.ordinal, s.signal, s.direction, s.confidence, extra_json(s.extra))
                    )
    return verdicts


def open_batch(connection: Connection) -> None:
    """Make the table of incoming decisions, empty, in this transaction."""
    connection.execute(statement("create_incoming_decisions"))
    connection.execute(text("TRUNCATE incoming_decision"))


def accept_batch(connection: Connection) -> None:
    """Take the incoming decisions that are new, with their trades and events; their signals are copied afterwards."""
    for name in ("insert_decisions", "insert_trades", "insert_decision_events"):
        connection.execute(statement(name))


def extra_json(extra: dict[str, Any] | None) -> str | None:
    """What a decision or signal says beside the known fields, as the database takes it."""
    return msgspec.json.encode(extra).decode() if extra else None
