"""Statements are files: one a file, under `sql/`, beside the package's own folder."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import TextClause, text

# Found by path, not by import name: a host may have a `sql` of its own.
SQL_FOLDER = Path(__file__).resolve().parents[2] / "sql"


@cache
def raw(name: str) -> str:
    """The text of sql/NAME.sql."""
    return (SQL_FOLDER / f"{name}.sql").read_text(encoding="utf-8")


@cache
def statement(name: str) -> TextClause:
    """The statement of sql/NAME.sql, its parameters named as in its opening comment."""
    return text(raw(name))


def json_rows(rows: Iterable[dict[str, Any]]) -> str:
    """Rows as a statement takes them that is given many at once: its parameter `rows`, for json_to_recordset.

    An array for each column would do; to write thousands of entries into arrays costs the driver ten times as much.
    """
    given = [
        {name: f"\\x{value.hex()}" if type(value) is bytes else value for name, value in row.items()} for row in rows
    ]
    return msgspec.json.encode(given).decode()
