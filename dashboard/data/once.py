"""What several parts of a page ask for is asked of the database once a page."""

from collections.abc import Callable, Hashable
from typing import TypeVar

from sqlalchemy import Connection

T = TypeVar("T")
_OPTION = "scorekeeper_answers"


def keep_answers(connection: Connection) -> None:
    """Keep answers for this connection's transaction. It must read from one snapshot: begin_read."""
    connection.execution_options(**{_OPTION: {}})


def once(connection: Connection, key: Hashable, ask: Callable[[], T]) -> T:
    """The kept answer of this key, else what `ask` finds; without keep_answers it asks each time.

    The callers share the answer, so none of them changes it.
    """
    kept = connection.get_execution_options().get(_OPTION)
    if kept is None:
        return ask()
    if key not in kept:
        kept[key] = ask()
    found: T = kept[key]
    return found
