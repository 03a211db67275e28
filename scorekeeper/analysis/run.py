"""Runs an analysis: reads its input as columns, builds the documents, and stores them by as_of and version.

Memory and time grow with the rows: a million decisions with five agents take 0.5 GB and 20 CPU seconds.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from scorekeeper.analysis.build import build_analyses
from scorekeeper.analysis.document import Analysis, figures
from scorekeeper.analysis.input_columns import (
    DecisionColumns,
    InputColumns,
    SignalColumns,
    TradeColumns,
    interval_seconds,
    number_slots,
)
from scorekeeper.errors import ScorekeeperError
from scorekeeper.locks import Lock, lock
from scorekeeper.metrics.market_days import read_series_days
from scorekeeper.metrics.scorecard import store_scorecards
from scorekeeper.store.copy_columns import read_columns
from scorekeeper.store.sql import statement
from scorekeeper.store.temporary import drop_temporary

# Columns of the binary COPY statements, in their order: int4 and float8 in network order.
_DECISIONS = {"decision": ">i4", "kind": ">i4", "direction": ">i4", "opened": ">f8", "expires": ">f8", "h": ">f8"}
_SIGNALS = {"decision": ">i4", "agent": ">i4", "direction": ">i4", "confidence": ">f8"}
_TRADES = {"kind": ">i4", "day": ">i4", "opened": ">f8", "closed": ">f8", "pnl": ">f8", "net": ">f8"}


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
    connection.execute(statement("analysis/create_analysed"), {"as_of": as_of})
    for name in ("analysis/create_analysed_kinds", "analysis/create_analysed_agents"):
        connection.execute(statement(name))
    kinds = connection.execute(statement("analysis/select_analysed_kinds")).all()
    versions, symbols, intervals = ([kind[place] for kind in kinds] for place in range(3))
    version_names, version_of = _numbered(versions)
    trades = read_columns(connection, "analysis/copy_analysed_trades", _TRADES)
    return InputColumns(
        version_names,
        list(connection.execute(statement("analysis/select_analysed_agents")).scalars()),
        _decisions(
            read_columns(connection, "analysis/copy_analysed_decisions", _DECISIONS), version_of, symbols, intervals
        ),
        _signals(read_columns(connection, "analysis/copy_analysed_signals", _SIGNALS)),
        TradeColumns(
            trades["opened"], trades["closed"], trades["day"], trades["pnl"], trades["net"], version_of[trades["kind"]]
        ),
    )


def _decisions(
    columns: Mapping[str, NDArray[Any]], version_of: NDArray[np.int32], symbols: list[str], intervals: list[str]
) -> DecisionColumns:
    order = np.argsort(columns["decision"])
    kind, opened = columns["kind"][order], columns["opened"][order]
    _, symbol_of = _numbered(symbols)
    seconds = np.array([interval_seconds(words) or np.nan for words in intervals], dtype=np.float64)
    return DecisionColumns(
        opened,
        columns["expires"][order],
        columns["direction"][order],
        columns["h"][order],
        version_of[kind],
        number_slots(opened, symbol_of[kind], seconds[kind]),
    )


def _signals(columns: Mapping[str, NDArray[Any]]) -> SignalColumns:
    order = np.lexsort((columns["agent"], columns["decision"]))
    return SignalColumns(*(columns[name][order] for name in _SIGNALS))


def _numbered(words: list[str]) -> tuple[list[str], NDArray[np.int32]]:
    """The distinct words in order, and the number of each word given."""
    distinct = sorted(set(words))
    numbers = {word: number for number, word in enumerate(distinct)}
    return distinct, np.array([numbers[word] for word in words], dtype=np.int32)
