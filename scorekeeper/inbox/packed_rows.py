"""Rows of new decisions as COPY takes them in its binary format: a third of what it costs to write them as text.

Postgres reads them faster too: it parses no number and no time. A row is the count of its fields, then each field as
the length of its value and the value; see "Binary Format" of COPY in Postgres' manual. Each value must be of its
column's type. tests/integration/inbox/test_packed_rows.py compares the rows with those of psycopg's own COPY.
"""

import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, get_type_hints

from scorekeeper.decisions.agents import AgentSignal
from scorekeeper.decisions.columns import (
    COST_COLUMNS,
    DECISION_COLUMNS,
    READING,
    SIGNAL_COLUMNS,
    cost_values,
    decision_values,
    to_json,
)
from scorekeeper.decisions.costs import NO_COSTS, Costs
from scorekeeper.decisions.decision import Decision

_KEPT = 4_096  # values that come again and again, as symbols and an agent's words do, are packed once
_NULL = b"\xff\xff\xff\xff"
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)  # Postgres counts microseconds from it
_MICROSECOND = timedelta(microseconds=1)
_length = struct.Struct(">i").pack
_count = struct.Struct(">h").pack
_double = struct.Struct(">id").pack
_eight_bytes = struct.Struct(">iq").pack
_two_bytes = struct.Struct(">ih").pack
_truth = {None: _NULL, False: _length(1) + b"\0", True: _length(1) + b"\1"}


def pack_text(value: str | None) -> bytes:
    """A value of the type text."""
    if value is None:
        return _NULL
    content = value.encode()
    return _length(len(content)) + content


def pack_bytes(value: bytes | None) -> bytes:
    """A value of the type bytea."""
    return _NULL if value is None else _length(len(value)) + value


def pack_json(value: str | None) -> bytes:
    """A value of the type jsonb, given as JSON."""
    if value is None:
        return _NULL
    content = value.encode()
    return _length(len(content) + 1) + b"\1" + content  # the version of the format


def pack_float(value: float | None) -> bytes:
    """A value of the type double precision."""
    return _NULL if value is None else _double(8, value)


def pack_moment(value: datetime) -> bytes:
    """A value of the type timestamptz."""
    return _eight_bytes(8, (value - _EPOCH) // _MICROSECOND)


@lru_cache(_KEPT)
def pack_bigint(value: int) -> bytes:
    """A value of the type bigint."""
    return _eight_bytes(8, value)


@lru_cache(_KEPT)
def pack_smallint(value: int) -> bytes:
    """A value of the type smallint."""
    return _two_bytes(2, value)


# Of a text that many rows have.
pack_word: Callable[[str | None], bytes] = lru_cache(_KEPT)(pack_text)
_DIFFERENT = ("trade_id", "reason")  # these texts hardly ever come again
_BY_TYPE: dict[Any, Callable[[Any], bytes]] = {
    str: pack_word, str | None: pack_word, bytes: pack_bytes, float | None: pack_float, datetime: pack_moment,
    bool: _truth.__getitem__, int: pack_smallint,
}  # fmt: skip


def _choose(column: str, hints: dict[str, Any]) -> Callable[[Any], bytes]:
    """What packs the values of a column of the table decision."""
    if column == READING:
        return pack_bigint
    if column in _DIFFERENT:
        return pack_text
    return _BY_TYPE.get(hints[column], pack_json)  # dictionaries and tuples are JSON


_PACKERS = [_choose(column, get_type_hints(Decision)) for column in DECISION_COLUMNS]
_AT = {column: at for at, column in enumerate(DECISION_COLUMNS)}
_ID, _VERSION, _DIRECTION, _PRICE, _OPENED, _EXPIRES, _STOP, _TARGET, _TRAILING = (
    _AT[column]
    for column in (
        "trade_id", "version", "direction", "price", "opened_at", "expires_at", "stop_loss", "take_profit",
        "trailing_stop_pct",
    )
)  # fmt: skip
_DECISION_HEAD = _count(5 + len(DECISION_COLUMNS))
_TRADE_HEAD = _count(13 + len(COST_COLUMNS))
_SIGNAL_HEAD = _count(1 + len(SIGNAL_COLUMNS))
_EVENT_HEAD = _count(2) + pack_text("decision")
_ID_HEAD = _count(1)
_NO_COSTS = _NULL * len(COST_COLUMNS)


class Packer:
    """Packs the rows of new decisions for the statements `copy_...` of sql/inbox/decisions.sql.

    `received_at`: when they arrived, UTC; None: each when it was made. `fee_bps`: the fee of a trade's side.
    """

    def __init__(self, received_at: datetime | None, fee_bps: float) -> None:
        self._received_at = None if received_at is None else pack_moment(received_at)
        self._fee_and_no_request = pack_float(fee_bps) + _NULL

    def pack(self, decision: Decision, sha256: bytes | None, name: str, line: int) -> tuple[bytes, bytes]:
        """The row of a decision, and that of its trade (empty: it opens none).

        `sha256`, `name`, `line`: where it was read.
        """
        packed = [pack(value) for pack, value in zip(_PACKERS, decision_values(decision), strict=True)]
        own_id, symbol = packed[_ID], pack_word(decision.symbol)
        row = b"".join(
            (
                _DECISION_HEAD, pack_bytes(sha256), pack_word(name), _eight_bytes(8, line),
                self._received_at or packed[_OPENED], symbol, *packed,
            )
        )  # fmt: skip
        trade = b""
        if decision.direction:
            trailing = packed[_TRAILING]
            trade = b"".join(
                (
                    _TRADE_HEAD, own_id, symbol, packed[_VERSION], packed[_DIRECTION], packed[_PRICE], packed[_OPENED],
                    packed[_EXPIRES], packed[_STOP], packed[_TARGET], trailing,
                    _NULL if decision.trailing_stop_pct is None else packed[_PRICE], self._fee_and_no_request,
                    _pack_costs(decision.costs),
                )
            )  # fmt: skip
        return row, trade


def pack_signals(decision: Decision) -> bytes:
    """The rows of the signals of a decision's agents; empty: it has none."""
    head = _SIGNAL_HEAD + pack_text(decision.trade_id)
    return b"".join([head + _pack_signal(signal) for signal in decision.signals])


def pack_event(trade_id: str) -> bytes:
    """The row of the event that publishes a decision."""
    return _EVENT_HEAD + pack_text(trade_id)


def pack_held(trade_id: str) -> bytes:
    """The row of a decision whose symbol waits for the market's list."""
    return _ID_HEAD + pack_text(trade_id)


def _pack_costs(costs: Costs) -> bytes:
    return _NO_COSTS if costs is NO_COSTS else b"".join(map(pack_float, cost_values(costs)))


def _pack_signal(signal: AgentSignal) -> bytes:
    said = signal.agent, signal.ordinal, signal.signal, signal.direction, signal.confidence
    if signal.extra is None and signal.confidence:  # 0 and -0 are equal, but not the same bytes
        return _pack_said(*said, signal.understood)
    return _pack_fields(*said, signal.extra, signal.understood)


@lru_cache(_KEPT)
def _pack_said(
    agent: str, ordinal: int, word: str, direction: int, confidence: float | None, understood: bool | None
) -> bytes:
    return _pack_fields(agent, ordinal, word, direction, confidence, None, understood)


def _pack_fields(
    agent: str,
    ordinal: int,
    word: str,
    direction: int,
    confidence: float | None,
    extra: dict[str, Any] | None,
    understood: bool | None,
) -> bytes:
    """The values of SIGNAL_COLUMNS."""
    return b"".join(
        (
            pack_word(agent), pack_smallint(ordinal), pack_text(word), pack_smallint(direction),
            pack_float(confidence), pack_json(to_json(extra)), _truth[understood],
        )
    )  # fmt: skip
