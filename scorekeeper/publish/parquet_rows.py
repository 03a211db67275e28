"""The dataset's records as rows of a Parquet table: which columns, of which types.

It needs pyarrow, the extra `parquet`.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from scorekeeper.errors import ScorekeeperError

ROW_GROUP = 20_000
NO_PYARROW = "Parquet needs the package pyarrow: install scorekeeper[parquet]"
TIME, NUMBER, TEXT, FLAG = "time", "number", "text", "flag"
# Each column with its type, in order. docs/dataset.md says what they hold.
COLUMNS: Mapping[str, str] = {
    "line_no": "line", "trade_id": TEXT, "timestamp": TIME, "version": TEXT, "symbol": TEXT, "interval": TEXT,
    "action": TEXT, "confidence": NUMBER, "entry_price": NUMBER, "reason": TEXT, "status": TEXT,
    "agent_contributions": "agents", "exit_price": NUMBER, "exit_time": TIME, "pnl_pct": NUMBER,
    "hold_time_minutes": NUMBER, "is_profitable": FLAG, "net_pnl_pct": NUMBER, "exit_reason": TEXT,
    "price_source": TEXT, "mfe_pct": NUMBER, "mae_pct": NUMBER, "horizon_return_pct": NUMBER, "stop_loss": NUMBER,
    "take_profit": NUMBER, "trailing_stop_pct": NUMBER, "price_suspect": FLAG, "late": FLAG, "closes": "texts",
    "price_scale": NUMBER, "received_at": TIME, "expires_at": TIME, "horizon_price": NUMBER,
}  # fmt: skip
_TIMES = tuple(name for name, kind in COLUMNS.items() if kind == TIME)


def flatten(line_no: int, record: Mapping[str, Any]) -> dict[str, Any]:
    """A record of the dataset as a row. Agents come as a list, in the order of the record.

    >>> row = flatten(7, {"trade_id": "x", "timestamp": "2025-05-01T12:00:00Z", "closes": ["y"],
    ...                   "agent_contributions": {"A": {"confidence": 80.0, "signal": "BUY", "why": 1}}})
    >>> row["line_no"], row["timestamp"].isoformat(), row["closes"]
    (7, '2025-05-01T12:00:00+00:00', ['y'])
    >>> row["agent_contributions"]
    [{'agent': 'A', 'signal': 'BUY', 'confidence': 80.0, 'extra': '{"why": 1}'}]
    """
    row = {**record, "line_no": line_no}
    for name in _TIMES:
        if (said := row.get(name)) is not None:
            row[name] = datetime.fromisoformat(said)
    row["agent_contributions"] = [_flatten_agent(agent, one) for agent, one in record["agent_contributions"].items()]
    return row


def _flatten_agent(agent: str, said: Mapping[str, Any]) -> dict[str, Any]:
    extra = {name: value for name, value in said.items() if name not in ("signal", "confidence")}
    return {
        "agent": agent, "signal": said["signal"], "confidence": said["confidence"],
        "extra": json.dumps(extra) if extra else None,
    }  # fmt: skip


def month_of(row: Mapping[str, Any]) -> date:
    """The first day of the UTC month in which a row's decision was made."""
    opened: datetime = row["timestamp"]
    return date(opened.year, opened.month, 1)


def make_table(rows: Sequence[Mapping[str, Any]]) -> Any:
    """Rows as a pyarrow.Table of the dataset's schema. Raises ScorekeeperError without pyarrow."""
    return _pyarrow().Table.from_pylist(list(rows), schema=_schema())


def join(tables: Iterable[Any]) -> Any:
    """The rows of several tables as one."""
    return _pyarrow().concat_tables(tables).combine_chunks()


def write_table(table: Any) -> bytes:
    """A table as a Parquet file. The same rows give the same bytes, with the same release of pyarrow."""
    pyarrow = _pyarrow()
    from pyarrow import parquet

    sink = pyarrow.BufferOutputStream()
    parquet.write_table(
        table, sink, row_group_size=ROW_GROUP, compression="zstd", version="2.6", write_page_checksum=True
    )
    content: bytes = sink.getvalue().to_pybytes()
    return content


def read_table(content: bytes) -> Any | None:
    """The rows of a Parquet file; None if it is no Parquet file of this schema."""
    pyarrow = _pyarrow()
    from pyarrow import parquet

    try:
        table = parquet.read_table(pyarrow.BufferReader(content), page_checksum_verification=True)
    except (pyarrow.ArrowException, OSError):
        return None
    return table if table.schema.equals(_schema()) else None


def begins_with(table: Any, start: Any) -> bool:
    """Whether a table's first rows are those of another table."""
    return len(table) >= len(start) and bool(table.slice(0, len(start)).equals(start))


def _schema() -> Any:
    pyarrow = _pyarrow()
    agent = pyarrow.struct(
        [("agent", pyarrow.string()), ("signal", pyarrow.string()), ("confidence", pyarrow.float64()),
         ("extra", pyarrow.string())]
    )  # fmt: skip
    types = {
        "line": pyarrow.int64(), TEXT: pyarrow.string(), NUMBER: pyarrow.float64(), FLAG: pyarrow.bool_(),
        TIME: pyarrow.timestamp("us", tz="UTC"), "agents": _list_of(agent), "texts": _list_of(pyarrow.string()),
    }  # fmt: skip
    return pyarrow.schema([(name, types[kind]) for name, kind in COLUMNS.items()])


def _list_of(kind: Any) -> Any:
    """A list whose items bear the name that a list has that was read from a file: it is part of a file's bytes."""
    pyarrow = _pyarrow()
    return pyarrow.list_(pyarrow.field("element", kind))


def _pyarrow() -> Any:
    try:
        import pyarrow
    except ImportError:
        raise ScorekeeperError(NO_PYARROW) from None
    return pyarrow
