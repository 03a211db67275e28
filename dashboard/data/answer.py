"""The answer of `metrics --json` for any filters, from the views that a reader may read."""

from typing import Any

from sqlalchemy import Connection

from dashboard.data.filters import Filters


def read_answer(connection: Connection, filters: Filters, by: str | None = None) -> dict[str, Any]:
    """What `scorekeeper metrics --json` says of the filters' scope, key by key; with `by` its `groups` too."""
    raise NotImplementedError
