"""Answers `/metrics`. Scrapes within LOOK_SECONDS share one look at the database."""

import asyncio
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import TYPE_CHECKING

import anyio.to_thread
import psycopg
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import Response

from dashboard.data.monitored import read_monitored
from dashboard.metrics.families import Look, Runs, make_families
from dashboard.site import site_of
from scorekeeper.errors import ScorekeeperError

if TYPE_CHECKING:
    from dashboard.site import Site

LOOK_SECONDS = 5.0
ANSWER_SECONDS = 6.0  # less than Prometheus waits, so that a database that hangs is told from a dashboard that is away


class Monitor:
    """What one dashboard knows for monitoring.

    `inbox`: counts the files in the inbox, None where this process does not see it. `runs`: asks Prefect's server.
    Both are called in a thread.
    """

    def __init__(
        self,
        site: "Site",
        inbox: Callable[[], int | None] | None = None,
        runs: Callable[[], Runs | None] | None = None,
    ) -> None:
        self._site, self._inbox, self._runs = site, inbox, runs
        self._version = version("scorekeeper")
        self._known: Look | None = None
        self._looked_at = float("-inf")
        self._looking: asyncio.Task[None] | None = None

    async def look(self) -> Look:
        """One look, no older than LOOK_SECONDS. A database that does not answer in time is down."""
        if self._known is not None and time.monotonic() - self._looked_at < LOOK_SECONDS:
            return self._known
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
        done, _ = await asyncio.wait({self._looking}, timeout=ANSWER_SECONDS)
        for task in done:
            task.result()  # what is not the database's is an error of ours, and must not look like the database's
        if not done or self._known is None:  # the question stays open, and the next scrape joins it
            return Look(self._version, None, ANSWER_SECONDS)
        return self._known

    async def _look(self) -> None:
        try:
            self._known = await anyio.to_thread.run_sync(self._ask)
            self._looked_at = time.monotonic()
        finally:
            self._looking = None

    def _ask(self) -> Look:
        began, seen = time.monotonic(), None
        try:
            with self._site.reading() as connection:
                seen = read_monitored(connection)
        except (ScorekeeperError, SQLAlchemyError, psycopg.Error, OSError):
            pass  # the metric database_up says so
        seconds = time.monotonic() - began
        inbox = None if self._inbox is None else self._inbox()
        return Look(self._version, seen, seconds, inbox, None if self._runs is None else self._runs())


class _Families(Collector):
    def __init__(self, look: Look) -> None:
        self._look = look

    def collect(self) -> Iterator[Metric]:
        return make_families(self._look)


async def answer(request: Request) -> Response:
    """The metrics, in the form that the scraper asks for: Prometheus' text, or OpenMetrics."""
    site = site_of(request)
    look = await site.monitor.look()
    encode, kind = choose_encoder(request.headers.get("accept", ""))
    return site.answer(request, encode(_Families(look)), kind, {"Cache-Control": "no-store"})
