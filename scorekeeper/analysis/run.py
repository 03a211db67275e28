"""Runs an analysis: reads its input as columns, builds the documents, and stores them by as_of and version.

Memory and time grow with the rows: docs/performance.md says what a million decisions take.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row

from scorekeeper.analysis.build import build_analyses
from scorekeeper.analysis.document import Analysis, figures
from scorekeeper.analysis.input_columns import (
    DecisionColumns,
    Floats,
    InputColumns,
    Ints,
    SignalColumns,
    TradeColumns,
    interval_seconds,
    number_slots,
    shortest,
)
from scorekeeper.errors import ScorekeeperError
from scorekeeper.locks import Lock, lock
from scorekeeper.memory import free_memory
from scorekeeper.metrics.market_days import read_series_days
from scorekeeper.metrics.scorecard import store_scorecards
from scorekeeper.store.copy_columns import Columns, read_columns
from scorekeeper.store.sql import statement
from scorekeeper.store.temporary import drop_temporary

# Columns of the binary COPY statements, in their order: int4 and float8 in network order.
_DECISIONS = {
    "decision": ">i4", "kind": ">i4", "direction": ">i4", "opened": ">f8", "expires": ">f8", "h": ">f8",
    "closed": ">f8", "day": ">i4", "pnl": ">f8", "net": ">f8",
}  # fmt: skip
# said: four times the agent's number, plus the direction and 1.
_SIGNALS = {"decision": ">i4", "said": ">i4", "confidence": ">f8"}
# A signal in one whole number, if its confidence is short: a sort of these is one in order of decision and agent.
_SIGNAL = np.dtype([("confidence", "<f2"), ("said", "<u2"), ("decision", "<i4")])
_MOST_SAID = 1 << 16


def analyze(connection: Connection, as_of: datetime) -> Analysis:
    """Analyse what is known at `as_of`, for all versions together and for each. Returns the analysis of all.

    Stores the analyses, and composes the scorecards again, which show some of the figures. Runs in the caller's
    transaction. A second run for the same `as_of` replaces the first. What closed or expired after `as_of` does not
    count, nor do suspect and voided decisions.
    """
    lock(connection, Lock.ANALYZE)
    # Read first: an event that comes later is then known to be missing in this analysis.
    known = connection.execute(statement("analysis/select_last_known")).scalar_one()
    analyses = build_analyses(read_input(connection, as_of), as_of, read_series_days(connection))
    connection.execute(statement("analysis/delete_analysis"), {"as_of": as_of})
    for one in analyses:
        document = msgspec.to_builtins(one) | {"figures": figures(one)}
        connection.execute(
            statement("analysis/upsert_analysis"),
            {
                "as_of": as_of,
                "version": one.version,
                "document": msgspec.json.encode(document).decode(),
                "known_event_id": known,
            },
        )
    store_scorecards(connection, as_of, from_scratch=True)
    return analyses[0]


def last_analysis(connection: Connection, version: str | None = None, at: datetime | None = None) -> Analysis | None:
    """The last stored analysis of a version (None: all) at or before `at` (None: the last track), or None."""
    row = connection.execute(statement("analysis/select_analysis"), {"version": version, "at": at}).one_or_none()
    return None if row is None else msgspec.convert(row.document, Analysis)


def choose_as_of(connection: Connection, asked: datetime | None, now: datetime) -> datetime:
    """The minute to analyse: `asked`, else that of the last track, else `now`.

    Raises ScorekeeperError for a minute after the last track, of which not everything is known yet.
    """
    market = connection.execute(statement("market/select_market")).one_or_none()
    tracked: datetime | None = None if market is None else market.last_as_of
    if asked is not None and tracked is not None and asked > tracked:
        raise ScorekeeperError(
            f"as_of {asked:%Y-%m-%d %H:%M} UTC lies after the last track, {tracked:%Y-%m-%d %H:%M} UTC: track first"
        )
    return asked or tracked or now


def read_input(connection: Connection, as_of: datetime) -> InputColumns:
    """Everything that counts at `as_of`, as columns."""
    drop_temporary(connection, "analysed", "analysed_kind", "analysed_agent")
    connection.execute(statement("analysis/allow_memory"))
    connection.execute(statement("analysis/create_analysed"), {"as_of": as_of})
    for name in ("analysis/create_analysed_kinds", "analysis/create_scored_agents", "analysis/analyze_analysed"):
        connection.execute(statement(name))
    kinds = connection.execute(statement("analysis/select_analysed_kinds")).all()
    # First: sorting them takes the most memory.
    signals = _read_signals(connection)
    free_memory()
    decisions, trades, renumbered = _decisions_and_trades(
        _in_order(read_columns(connection, "analysis/copy_analysed_decisions", _DECISIONS)), kinds
    )
    signals = replace(signals, decision=renumbered[signals.decision])
    free_memory()
    return InputColumns(
        sorted({kind.version for kind in kinds}),
        list(connection.execute(statement("analysis/select_analysed_agents")).scalars()),
        decisions,
        signals,
        trades,
    )


def _in_order(columns: Columns) -> Columns:
    """The columns in order of the decisions, whose numbers are all those from 0 on."""
    places = columns.pop("decision")
    if not (places[1:] > places[:-1]).all():
        for name in columns:
            ordered = np.empty_like(columns[name])
            ordered[places] = columns[name]
            columns[name] = ordered
    return columns


def _decisions_and_trades(
    columns: Columns, kinds: Sequence[Row[Any]]
) -> tuple[DecisionColumns, TradeColumns, NDArray[np.int32]]:
    """The decisions whose horizon return is known, the trades that have closed, and the number of each decision."""
    version_of, symbol_of = _numbered([kind.version for kind in kinds]), _numbered([kind.symbol for kind in kinds])
    seconds = np.array([interval_seconds(kind.bar_interval) or np.nan for kind in kinds], dtype=np.float64)
    exits = ~np.isnan(columns["closed"])
    opened = columns["opened"][exits]
    closed, day, pnl, net = (columns.pop(name)[exits] for name in ("closed", "day", "pnl", "net"))
    trades = TradeColumns(opened, closed, day, pnl, net, version_of[columns["kind"][exits]])
    scored = ~np.isnan(columns["expires"])
    kind, opened = columns.pop("kind")[scored], columns.pop("opened")[scored]
    decisions = DecisionColumns(
        opened,
        columns.pop("expires")[scored],
        columns.pop("direction")[scored].astype(np.int8),
        columns.pop("h")[scored],
        version_of[kind],
        number_slots(opened, kind, symbol_of, seconds),
    )
    return decisions, trades, np.cumsum(scored, dtype=np.int32) - np.int32(1)


def _read_signals(connection: Connection) -> SignalColumns:
    """The signals, in order of decision and agent; the decisions have the numbers of all analysed ones."""
    columns = read_columns(connection, "analysis/copy_analysed_signals", _SIGNALS, short=("confidence",))
    if (columns["said"] < 0).any():  # of an agent without a rollup
        drop_temporary(connection, "analysed_agent")
        for name in ("analysis/create_analysed_agents", "analysis/analyze_analysed"):
            connection.execute(statement(name))
        columns = read_columns(connection, "analysis/copy_analysed_signals", _SIGNALS, short=("confidence",))
    return _pack(columns) if columns["confidence"].dtype == np.float16 else _sort(columns)


def _pack(columns: Columns) -> SignalColumns:
    """The signals in order, of confidences that are short."""
    if len(said := columns["said"]) and said.max() >= _MOST_SAID:
        return _sort(columns)
    signals = np.empty(len(said), dtype=_SIGNAL)
    for name in _SIGNAL.names or ():
        signals[name] = columns.pop(name)
    key = signals.view("<i8")
    if not (key[1:] > key[:-1]).all():
        key.sort()
    said = signals["said"].astype(np.int32)
    return _signals(signals["decision"].astype(np.int32), said, signals["confidence"].astype(np.float16))


def _sort(columns: Columns) -> SignalColumns:
    """The signals in order."""
    confidence = columns.pop("confidence")
    # One number that is in order of decision and agent, and holds both.
    key = columns.pop("decision").astype(np.int64)
    key <<= 32
    key |= columns.pop("said")
    if not (key[1:] > key[:-1]).all():
        order = np.argsort(key)
        confidence = confidence[order]
        del order
        key.sort()
    return _signals((key >> 32).astype(np.int32), (key & 0xFFFFFFFF).astype(np.int32), confidence)


def _signals(decision: Ints, said: Ints, confidence: Floats) -> SignalColumns:
    agents = int(said.max() >> 2) + 1 if len(said) else 0
    direction = said & 3
    direction -= 1
    said >>= 2
    return SignalColumns(decision, said.astype(shortest(agents)), direction.astype(np.int8), confidence)


def _numbered(words: list[str]) -> Ints:
    """The number of each word among the distinct ones in order."""
    numbers = {word: number for number, word in enumerate(sorted(set(words)))}
    return np.array([numbers[word] for word in words], dtype=shortest(len(numbers)))
