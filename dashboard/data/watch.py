"""The change token on a connection of its own: once a second, one short round trip, and no transaction of its own.

Behind a pooler nothing may stay in the session, so there it is a transaction of a few round trips.
"""

from contextlib import suppress
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from sqlalchemy import Engine

from dashboard.data.standby import Standby, make_standby
from scorekeeper.store.connections import is_pooled, one_session
from scorekeeper.store.sql import raw


class TokenWatch:
    """Asks for the token, by one thread at a time. The connection is opened when it is needed, and again when lost.

    `role`: who asks becomes it, None for none.
    """

    def __init__(self, engine: Engine, role: str | None) -> None:
        self._engine, self._role = engine, role
        self._driver: psycopg.Connection[Any] | None = None
        self.standby: Standby | None = None  # that read the last token

    def read(self) -> str:
        """A short string that changes with every commit that a page could show.

        Raises ScorekeeperError, SQLAlchemyError, psycopg.Error.
        """
        if self._driver is not None:
            try:
                return self._ask(self._driver)
            except psycopg.OperationalError:  # the server has gone, and may be there again
                self.close()
        self._driver = self._open()
        try:
            return self._ask(self._driver)
        except psycopg.Error:
            self.close()
            raise

    def close(self) -> None:
        """Give the connection up; the next question opens another."""
        driver, self._driver = self._driver, None
        if driver is not None:
            with suppress(psycopg.Error):
                driver.close()

    def _ask(self, driver: psycopg.Connection[Any]) -> str:
        with one_session(driver):
            if is_pooled(driver):
                driver.execute(raw("dashboard/begin_read"))
                self._become(driver, "SET LOCAL ROLE {}")
            row = driver.execute(raw("dashboard/select_token"), prepare=True).fetchone()
        assert row is not None
        token, *standby = row
        self.standby = make_standby(*standby)
        return str(token)

    def _become(self, driver: psycopg.Connection[Any], words: LiteralString) -> None:
        if self._role is not None:
            driver.execute(sql.SQL(words).format(sql.Identifier(self._role)))

    def _open(self) -> psycopg.Connection[Any]:
        pooled = self._engine.raw_connection()
        try:
            driver = pooled.driver_connection
            assert isinstance(driver, psycopg.Connection)  # the only driver there is
            pooled.detach()
        except BaseException:
            pooled.close()
            raise
        driver.rollback()
        driver.autocommit = True
        if not is_pooled(driver):
            driver.execute(raw("dashboard/begin_watch"))
            self._become(driver, "SET ROLE {}")
        return driver
