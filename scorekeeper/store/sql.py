"""Statements are files: one a file, under `sql/`, beside the package's own folder."""

from functools import cache
from pathlib import Path

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
