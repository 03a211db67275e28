"""One transaction of a reader for each answer, and words for what goes wrong."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from fastmcp.exceptions import ToolError
from psycopg import errors
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from dashboard.data.filters import FilterError
from dashboard.data.once import keep_answers
from dashboard.data.standby import read_again
from dashboard.data.token import begin_read
from mcp_server.quoted import quote
from scorekeeper.errors import ScorekeeperError
from scorekeeper.store.failures import explain_lost, is_lost

T = TypeVar("T")
logger = logging.getLogger(__name__)
# The arguments of tools whose filter has another name.
_NAMES = {"exit": "exit_reason", "after": "cursor", "order": "ascending", "fees": "after_fees"}


@dataclass(frozen=True)
class Scores:
    """The database; `as_reader`: its user may become the reader, and does so in every transaction.

    `fee_bps`: the fee of one side, in basis points.
    """

    engine: Engine
    as_reader: bool = False
    fee_bps: float = 10.0

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One transaction that only reads, from one snapshot, for five seconds a statement."""
        with self.engine.connect() as connection, connection.begin():
            begin_read(connection)
            if self.as_reader:
                connection.execute(text("SET LOCAL ROLE scorekeeper_reader"))
            keep_answers(connection)
            yield connection

    def ask(self, work: Callable[[Connection], T]) -> T:
        """What `work` reads. Raises ToolError with words that a caller can act on."""
        try:
            return read_again(partial(self._read, work))
        except FilterError as wrong:
            name = _NAMES.get(wrong.name, wrong.name)
            raise ToolError(f"{name}: expected {wrong.expected}, not {quote(wrong.value, 60)}") from None
        except ScorekeeperError as trouble:
            raise ToolError(str(trouble)) from None
        except DBAPIError as failed:
            if isinstance(failed.orig, errors.QueryCanceled):
                raise ToolError(
                    "this took the database longer than five seconds: ask for a shorter period or one version"
                ) from None
            if failed.orig is not None and is_lost(failed.orig):
                raise ToolError(str(explain_lost(failed.orig))) from None
            raise _unexpected(failed) from None
        except SQLAlchemyError as failed:
            raise _unexpected(failed) from None

    def _read(self, work: Callable[[Connection], T]) -> T:
        with self.reading() as connection:
            return work(connection)


def _unexpected(failed: Exception) -> ToolError:
    logger.exception("a tool has failed")
    return ToolError(f"the database refused this ({type(failed).__name__}); the server's error output says more")
