"""Imports a dataset of the predecessor, or another system's trades: decisions, with the exits that they were given."""

from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from scorekeeper.decisions.decision import Decision, DecisionContext
from scorekeeper.decisions.parse import parse_decision
from scorekeeper.decisions.prices import LARGEST_PRICE, is_price
from scorekeeper.decisions.reading_rules import make_reading
from scorekeeper.decisions.strict_json import DecisionError, load_json
from scorekeeper.decisions.timestamps import read_moment
from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox import store_decisions
from scorekeeper.inbox.formats.base import Entry
from scorekeeper.inbox.places import local_files
from scorekeeper.operations.foreign_records import read_records
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from scorekeeper.store.sql import statement
from scorekeeper.trades import settle
from scorekeeper.trading_calendar import calendar_of

BATCH_RECORDS = 5_000
# Fields of a record that are not the decision's: its outcome, and what Scorekeeper adds.
_OUTCOME = {
    "status", "exit_price", "exit_time", "pnl_pct", "hold_time_minutes", "is_profitable", "current_price",
    "net_pnl_pct", "exit_reason", "price_source", "mfe_pct", "mae_pct", "horizon_return_pct", "price_suspect", "late",
    "received_at", "expires_at", "horizon_price", "price_scale",
}  # fmt: skip


@dataclass
class Imported:
    """Counts of an import: records read, new decisions, duplicates, trades closed; and the rejected records."""

    records: int = 0
    decisions: int = 0
    duplicates: int = 0
    completed: int = 0
    rejected: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class _Exit:
    """An exit as the dataset gives it; excursions in percent of the entry price, None where it has none."""

    price: float
    time: datetime
    mfe_pct: float | None
    mae_pct: float | None


@dataclass(frozen=True)
class _Record:
    line: int
    decision: Decision
    exit: _Exit | None


def import_dataset(db: Database, path: Path, settings: Settings, now: datetime) -> Imported:
    """Import a dataset, or a file of another system whose trades bring their own exits (freqtrade, aGENtrader).

    A later record of a trade_id adds to earlier ones. Repeatable. Raises ScorekeeperError.
    """
    source = local_files.open_source(path)
    if source is None:
        raise ScorekeeperError(f"{path}: there is no such regular file (a link is not followed)")
    path = path.with_name(source.name)  # a name that the database can store, whatever bytes the file's name has
    context = DecisionContext(
        now, settings.system_version, settings.max_hold_time_minutes, settings.timezone, None,
        # Confidences in a dataset are in percent, whatever CONFIDENCE_SCALE says.
        make_reading(settings.words, {}), settings.positions, settings.max_hold_sessions,
        calendar_of(settings.calendar), settings.costs,
    )  # fmt: skip
    done = Imported()
    lines = read_records(source)
    while chunk := list(islice(lines, BATCH_RECORDS)):
        records = []
        for line in chunk:
            done.records += 1
            try:
                if line.error is not None:
                    raise DecisionError(None, line.error)
                records.append(_read(line, context))
            except DecisionError as exc:
                done.rejected.append({"file": str(path), "line": line.number, "field": exc.field, "reason": exc.reason})
        db.transact(_Storing(records, path, source.sha256, settings, now, done))
    return done


def _read(line: Entry, context: DecisionContext) -> _Record:
    document = load_json(line.text)
    if not isinstance(document, dict):
        raise DecisionError(None, "a record is a JSON object")
    decision = read_decision(document, context)
    price, time = document.get("exit_price"), document.get("exit_time")
    if price is None or time is None or not decision.direction:
        return _Record(line.number, decision, None)
    if isinstance(price, bool) or not isinstance(price, int | float) or not is_price(price):
        raise DecisionError("exit_price", "not a number that can be a price")
    try:
        moment = read_moment(time, context.timezone).at
    except (TypeError, ValueError, OverflowError):
        raise DecisionError("exit_time", "not an ISO 8601 time") from None
    if not decision.opened_at <= moment <= context.received_at:
        raise DecisionError("exit_time", "before the entry, or in the future")
    excursions = (_excursion(document, "mfe_pct", 1), _excursion(document, "mae_pct", -1))
    return _Record(line.number, decision, _Exit(float(price), moment, *excursions))


def read_decision(record: dict[str, Any], context: DecisionContext) -> Decision:
    """The decision in a dataset's record, without its outcome. Raises DecisionError."""
    core = {name: value for name, value in record.items() if name not in _OUTCOME and value is not None}
    return parse_decision(core, context=context)


def close_as_imported(
    connection: Connection,
    trade_id: str,
    price: float,
    time: datetime,
    mfe_pct: float | None,
    mae_pct: float | None,
    as_of: datetime,
) -> int:
    """Close an open trade with the dataset's exit, within a settlement. Returns how many trades were closed, 0 or 1."""
    given = {
        "trade_id": trade_id, "exit_price": price, "exit_time": time, "mfe_pct": mfe_pct, "mae_pct": mae_pct,
        "as_of": as_of,
    }  # fmt: skip
    return connection.execute(statement("operations/import_exit"), given).rowcount


def _excursion(document: dict[str, Any], name: str, sign: int) -> float | None:
    value = document.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= sign * value < LARGEST_PRICE:
        raise DecisionError(name, "not a percentage " + ("from 0 up" if sign > 0 else "from 0 down"))
    return float(value)


class _Storing:
    """Stores one batch of records in a transaction that may be repeated."""

    def __init__(
        self, records: list[_Record], path: Path, sha256: bytes, settings: Settings, now: datetime, done: Imported
    ) -> None:
        self._records, self._path, self._sha256, self._settings = records, path, sha256, settings
        self._now, self._done = now, done

    def __call__(self, connection: Connection) -> None:
        verdicts = store_decisions.record(
            connection,
            [record.decision for record in self._records],
            source_name=self._path.name,
            source_sha256=self._sha256,
            received_at=self._now,
            fee_bps=self._settings.fee_bps,
            lines=[record.line for record in self._records],
        )
        settle.open_settlement(connection)
        closed = 0
        for record, verdict in zip(self._records, verdicts, strict=True):
            if verdict.outcome == "conflict":
                continue
            if record.exit is not None:
                ended = record.exit
                closed += close_as_imported(
                    connection, verdict.trade_id or record.decision.trade_id, ended.price, ended.time,
                    ended.mfe_pct, ended.mae_pct, self._now,
                )  # fmt: skip
        settle.record_settlement(connection)
        self._done.completed += closed
        for record, verdict in zip(self._records, verdicts, strict=True):
            self._done.decisions += verdict.outcome == "accepted"
            self._done.duplicates += verdict.outcome == "duplicate"
            if verdict.outcome == "conflict":
                reason = f"{record.decision.trade_id} has other content in {verdict.standing}"
                self._done.rejected.append(
                    {"file": str(self._path), "line": record.line, "field": "trade_id", "reason": reason}
                )
