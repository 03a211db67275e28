"""Since when decisions are kept: older ones may have been deleted by their age (KEEP_DECISIONS_DAYS)."""

from datetime import datetime

from sqlalchemy import Connection

from scorekeeper.store.sql import statement


def read_kept_from(connection: Connection) -> datetime | None:
    """The midnight (UTC) from which on all decisions are there; None: none was ever deleted by its age."""
    kept_from: datetime | None = connection.execute(statement("store/select_kept_from")).scalar()
    return kept_from
