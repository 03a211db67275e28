"""The tables of files, decisions, trades and candles, each compared with its neighbours in SQL."""

from collections.abc import Iterator

from sqlalchemy import Connection

from scorekeeper.store.sql import statement


def check_tables(connection: Connection) -> Iterator[str]:
    """One line per row that contradicts another table."""
    for name in ("verify/select_file_faults", "verify/select_row_faults"):
        for what, fault in sorted(connection.execute(statement(name)).tuples()):
            yield f"{what}: {fault}"
