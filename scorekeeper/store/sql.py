"""SQL statements by name. They are in files under `sql/`, in folders named after the packages.

A file holds one statement with the file's name, or several short ones, each below a line `-- name: its_name`. Code asks
for `folder/name` in both cases.

Statements share a query by a line `-- with rows: folder/name`, below their opening comment or after one of their CTEs.
It stands for a CTE named `rows` that holds that statement, which may read the CTEs before it.

Where a statement says `__decision_columns__`, `__signal_columns__` or `__cost_columns__`, the columns of
decisions/columns.py stand: with an alias before each (`d.__decision_columns__`), or as parameters
(`:__decision_columns__`). `d.__counts__` says whether a decision counts for what is learned.
"""

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import TextClause, text

from scorekeeper.decisions.columns import COLUMN_LISTS, COUNTS

# Found by path, not by import: the host program may have a package `sql` of its own.
SQL_FOLDER = Path(__file__).resolve().parents[2] / "sql"
_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)
_WITH = re.compile(r"(,?)\n-- with (\w+): (\w+/\w+)\n(WITH )?")
_LIST = re.compile(r"(\w+\.|:|)__(\w+)__")


@cache
def read_folder(folder: str) -> dict[str, str]:
    """The statements of a folder by name. Raises ValueError if two have the same name."""
    found: dict[str, str] = {}
    for path in sorted((SQL_FOLDER / folder).glob("*.sql")):
        whole = path.read_text(encoding="utf-8")
        head, *sections = _NAME.split(whole)
        named = list(zip(sections[::2], sections[1::2], strict=True)) if sections else [(path.stem, head)]
        for name, body in named:
            if name in found:
                raise ValueError(f"sql/{folder} has two statements with the name {name}")
            found[name] = _LIST.sub(_expand, body)
    return found


def _expand(written: re.Match[str]) -> str:
    prefix, name = written.groups()
    if name == "counts":
        return COUNTS.format(prefix)
    return ", ".join(f"{prefix}{column}" for column in COLUMN_LISTS[name])


@cache
def raw(name: str) -> str:
    """The text of the statement `folder/name`, with what it shares. Raises LookupError for one that is not there."""
    folder, _, short = name.partition("/")
    try:
        body = read_folder(folder)[short]
    except KeyError:
        raise LookupError(f"sql/{folder} has no statement {short}") from None
    return _WITH.sub(_share, body)


def _share(line: re.Match[str]) -> str:
    """The CTE that a line `-- with rows: folder/name` stands for, and the words and commas around it."""
    comma, rows, name, others = line.groups()
    shared = f"{rows} AS (\n{raw(name).rstrip().removesuffix(';')}\n)"
    is_first = all(before.startswith("--") for before in line.string[: line.start()].splitlines())
    if is_first:
        return f"\nWITH {shared}{',' if others else ''}\n"
    return f",\n{shared}{comma}\n"


@cache
def statement(name: str) -> TextClause:
    """The statement `folder/name`, its parameters named as in its opening comment."""
    return text(raw(name))


def json_rows(rows: Iterable[dict[str, Any]]) -> str:
    """Rows as JSON, for a statement that reads them with json_to_recordset(:rows).

    An array for each column would do too, but costs the driver ten times as much for thousands of rows.

    >>> json_rows([{"name": "a", "sha256": bytes([1, 255])}])
    '[{"name":"a","sha256":"\\\\\\\\x01ff"}]'
    """
    given = [
        {name: f"\\x{value.hex()}" if type(value) is bytes else value for name, value in row.items()} for row in rows
    ]
    return msgspec.json.encode(given).decode()
