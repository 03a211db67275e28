"""A table's row as the document of a decision: columns are fields, and `agent.NAME.signal` is a field of an agent."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from scorekeeper.decisions.parse import FIELDS
from scorekeeper.decisions.strict_json import DecisionError, load_json

# Cells of these columns stay text, whatever they look like.
TEXT_FIELDS = frozenset(
    {"symbol", "type", "action", "timestamp", "interval", "reason", "version", "trade_id", "closes", "signal"}
)
_AGENT = re.compile(r"agents?\.(?P<name>.+?)(?:\.(?P<field>[^.]+))?", re.IGNORECASE)
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_MOST_DIGITS = 15  # of an integer that a double holds exactly
_LIKE_SYMBOL = ("ticker", "pair", "instrument", "market", "coin", "asset")
_SHOWN_COLUMNS = 8


class HeaderError(ValueError):
    """The columns of a table that cannot be read as decisions, and what to do."""


class Column(NamedTuple):
    """Where a column's cells go in the document: `path`, the names from the outside in; and whether they stay text."""

    path: tuple[str, ...]
    is_text: bool


def read_columns(names: Sequence[str]) -> list[Column | None]:
    """The columns of a header; None for one without a name, such as pandas' index. Raises HeaderError.

    A field may be written in any case, and with spaces.

    >>> [column.path for column in read_columns(["Symbol", "type", "Stop Loss", "agent.Technical.signal"])]
    [('symbol',), ('type',), ('stop_loss',), ('agent_analyses', 'Technical', 'signal')]
    """
    columns = [_read_column(name.strip()) for name in names]
    paths = [column.path for column in columns if column is not None]
    if twice := next((path for path in paths if paths.count(path) > 1), None):
        raise HeaderError(f"the column {'.'.join(twice)[:100]} is there twice")
    found = {path[0] for path in paths if len(path) == 1}
    if len(found) < len(paths) and (both := found & {"agent_analyses", "agent_contributions"}):
        raise HeaderError(f"agents stand in columns of their own and in {min(both)}: keep one of the two")
    if "symbol" not in found:
        alike = next((name for name in names if name.strip().lower() in _LIKE_SYMBOL), None)
        raise HeaderError(_say_missing("symbol", names, alike))
    if not found & {"type", "action"}:
        raise HeaderError(_say_missing("type", names, None))
    return columns


def holds_decisions(names: Sequence[str]) -> bool:
    """Whether a header has a column for the symbol, which tells its separator."""
    return any(name.strip().lower() == "symbol" for name in names)


def read_row(columns: Sequence[Column | None], cells: Sequence[object]) -> dict[str, Any]:
    """The document of a row. An empty cell is no field. A cell that looks like a JSON number is one.

    >>> read_row(read_columns(["symbol", "type", "price", "version"]), ["BTC/USDT", "BUY", "45000.5", "1"])
    {'symbol': 'BTC/USDT', 'type': 'BUY', 'price': 45000.5, 'version': '1'}
    """
    document: dict[str, Any] = {}
    for column, cell in zip(columns, cells, strict=False):
        if column is None:
            continue
        value = _read_cell(cell, column)
        if value is None:
            continue
        inner = document
        for name in column.path[:-1]:
            inner = inner.setdefault(name, {})  # no other column has this path
        inner[column.path[-1]] = value
    return document


def _read_column(name: str) -> Column | None:
    if not name:
        return None
    if found := _AGENT.fullmatch(name):
        if found["name"].startswith(".") or not found["name"].strip():
            raise HeaderError(f"the column {name[:100]} names no agent: write agent.NAME.signal")
        field = found["field"] or "signal"
        if field.lower() in ("signal", "confidence", "action", "recommendation", "reason"):
            field = field.lower()
        return Column(("agent_analyses", found["name"], field), field in (*TEXT_FIELDS, "recommendation"))
    plain = re.sub(r"[\s-]+", "_", name.lower())
    field = plain if plain in FIELDS else name
    return Column((field,), field in TEXT_FIELDS)


def _read_cell(cell: object, column: Column) -> object:
    if isinstance(cell, str):
        said = cell.strip()
        if not said:
            return None
        if not column.is_text and (number := read_number(said)) is not said:
            return number
        if len(column.path) == 1 and said[0] in "{[" and not column.is_text:
            return _read_json(said)
        return said if column.path != ("reason",) else cell
    if isinstance(cell, float) and math.isnan(cell):
        return None  # what a data frame has where it has no number
    if column.is_text and isinstance(cell, int) and not isinstance(cell, bool) and column.path != ("timestamp",):
        return str(cell)
    return cell


def read_number(said: str) -> object:
    """The number that a text is as JSON writes numbers; else the text.

    >>> read_number("-45.5"), read_number("007"), read_number("1,000")
    (-45.5, '007', '1,000')
    """
    if not _NUMBER.fullmatch(said):
        return said
    if said.lstrip("-").isdigit():
        return int(said) if len(said) <= _MOST_DIGITS else said
    number = float(said)
    return number if math.isfinite(number) else said


def _read_json(said: str) -> object:
    """The value of a cell that holds JSON, such as all agents in one; the text if it does not parse."""
    try:
        return load_json(said.encode())
    except DecisionError:
        return said


def _say_missing(field: str, names: Sequence[str], alike: str | None) -> str:
    shown = ", ".join(name.strip()[:40] for name in names[:_SHOWN_COLUMNS])
    more = f" and {len(names) - _SHOWN_COLUMNS} more" if len(names) > _SHOWN_COLUMNS else ""
    how = f"name {alike.strip()[:40]} so" if alike else "the first row names the fields of a decision"
    return f"no column is named {field} (there are: {shown}{more}); {how}, or convert the file with a mapping"


def as_plain(value: object) -> object:
    """A value of a table that is no text as JSON has it: times in ISO 8601, decimals as numbers, NaN as none."""
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, Mapping):
        return {str(name): plain for name, one in value.items() if (plain := as_plain(one)) is not None}
    if isinstance(value, list):
        return [as_plain(one) for one in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if value is None or isinstance(value, str | bool | int | float):
        return value
    try:
        return float(value)  # type: ignore[arg-type]  # a decimal; what is none of these raises
    except (TypeError, ValueError):
        return str(value)
