"""The change token: as long as it stays the same, every page does."""

from sqlalchemy import Connection


def read_token(connection: Connection) -> str:
    """A short string of letters and digits that changes with every commit that a page could show."""
    raise NotImplementedError


def begin_read(connection: Connection) -> None:
    """Make the transaction one that only reads, in UTC, for five seconds a statement. First in each transaction."""
    raise NotImplementedError
