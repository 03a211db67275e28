"""The change token: as long as it stays the same, every page does."""

from sqlalchemy import Connection

from scorekeeper.store.sql import raw, statement


def read_token(connection: Connection) -> str:
    """A short string of letters and digits that changes with every commit that a page could show."""
    return str(connection.execute(statement("dashboard/select_token")).scalar_one())


def begin_read(connection: Connection) -> None:
    """Make the transaction one that only reads, in UTC, for five seconds a statement. First in each transaction."""
    connection.exec_driver_sql(raw("dashboard/begin_read"))
