"""Temporary tables, which a statement makes for the rest of a transaction."""

from sqlalchemy import Connection, text


def drop_temporary(connection: Connection, *tables: str) -> None:
    """Drop the temporary tables of these names, if this transaction has made them earlier."""
    for table in tables:
        connection.execute(text(f"DROP TABLE IF EXISTS pg_temp.{table}"))
