"""Statements that go to the server as they are, for a caller that sends the same ones again and again.

psycopg reads the text of a statement for its parameters at each call, if it is long. For a statement of six thousand
characters that takes as long as the server's own work. Here a statement is prepared once, and its values are sent by
libpq. The caller may do something else between `send` and `fetch`.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import psycopg
from psycopg import generators
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus

from scorekeeper.store.connections import is_pooled
from scorekeeper.store.sql import statement
from scorekeeper.store.systems import in_system


@cache
def number_parameters(name: str) -> tuple[str, tuple[str, ...]]:
    """The statement `folder/name` with parameters $1, $2 and so on, and their names in this order."""
    # Imported here: a host that only imports the tracker does without the dialect.
    from sqlalchemy.dialects import postgresql

    numbered = postgresql.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
    compiled: Any = statement(name).compile(dialect=numbered)
    return str(compiled), tuple(dict.fromkeys(compiled.positiontup))


class Direct:
    """A connection of `Database.open_driver`, in autocommit, for statements that give one row at most.

    Behind a pooler a statement is not prepared: the next one may go to another session. Not for threads to share.
    Methods raise psycopg.Error, after which the connection is to be closed.
    """

    def __init__(self, connection: psycopg.Connection[Any], system: str) -> None:
        self.connection = connection
        self._system = system
        self._values = Transformer(connection)
        self._prepared: set[str] = set()
        self._waits = False

    def send(self, name: str, given: Mapping[str, Any]) -> None:
        """Send the statement `folder/name`; `fetch` gives its row. What was sent before is waited for."""
        if self._waits:
            self.fetch()
        server = self.connection.pgconn
        words, names = number_parameters(name)
        command, key = in_system(words, self._system).encode(), name.encode()
        values = self._values.dump_sequence([given[one] for one in names], [PyFormat.TEXT] * len(names))
        if is_pooled(self.connection):
            server.send_query_params(command, values)
        else:
            if name not in self._prepared:
                server.send_prepare(key, command)
                self._flush()
                self.fetch()
                self._prepared.add(name)
            server.send_query_prepared(key, values)
        self._flush()

    def fetch(self) -> tuple[str | None, ...] | None:
        """The row of the statement that was sent, each value as text; None if it gave none."""
        server = self.connection.pgconn
        results = self.connection.wait(generators.fetch_many(server))
        self._waits = False
        for result in results:
            if result.status not in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
                raise error_from_result(result)
        last = results[-1]
        if not last.ntuples:
            return None
        found = (last.get_value(0, column) for column in range(last.nfields))
        return tuple(None if value is None else bytes(value).decode() for value in found)

    def execute(self, name: str, given: Mapping[str, Any]) -> tuple[str | None, ...] | None:
        """Send a statement and fetch its row."""
        self.send(name, given)
        return self.fetch()

    def _flush(self) -> None:
        """Give to the server what libpq still holds back: it never answers a statement of which a part is missing."""
        self._waits = True
        self.connection.wait(generators.send(self.connection.pgconn))

    def close(self) -> None:
        """Close the connection, which gives up its locks. A statement that was sent may be done or not."""
        self.connection.close()
