"""How often things have happened, counted in the transaction in which they happen. Only monitoring reads it."""

import json
from collections.abc import Mapping

from sqlalchemy import Connection

from scorekeeper.store.sql import statement


def count_activity(connection: Connection, name: str, parts: Mapping[str, int]) -> None:
    """Add to the totals of `name`: how often it happened, by part."""
    if happened := {part: times for part, times in parts.items() if times}:
        connection.execute(statement("store/count_activity"), {"name": name, "parts": json.dumps(happened)})
