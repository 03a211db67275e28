"""Answers `/metrics`. Scrapes within LOOK_SECONDS share one look at the database."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from typing import TYPE_CHECKING, Generic, TypeVar

import anyio.to_thread
import psycopg
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import Response

from dashboard.data.monitored import Monitored, read_monitored
from dashboard.metrics.families import Look, Runs, make_families
from dashboard.site import Page
from scorekeeper.errors import ScorekeeperError

if TYPE_CHECKING:
    from dashboard.site import Site

LOOK_SECONDS = 5.0
ANSWER_SECONDS = 6.0  # less than Prometheus waits, so that a database that hangs is told from a dashboard that is away
KEPT_SECONDS = 90.0
BESIDE_SECONDS = 1.0  # what is beside the database is waited for so long; then its last answer counts
VERSION = version("scorekeeper")
AWAY = (ScorekeeperError, SQLAlchemyError, psycopg.Error, OSError)
T = TypeVar("T")


class Asked(Generic[T]):
    """A question that blocks, asked in a thread: once at a time, and once in LOOK_SECONDS."""

    def __init__(self, ask: Callable[[], T]) -> None:
        self._ask = ask
        self._asked_at = float("-inf")
        self._asking: asyncio.Task[None] | None = None
        self.known: T | None = None

    async def answer(self, seconds: float) -> T | None:
        """The answer, or None if it does not come within so many seconds; the next call then waits for the same one.

        Raises what the question raises.
        """
        if time.monotonic() - self._asked_at < LOOK_SECONDS:
            return self.known
        if self._asking is None:
            self._asking = asyncio.create_task(self._run())
        done, _ = await asyncio.wait({self._asking}, timeout=seconds)
        for task in done:
            task.result()
        return self.known if done else None

    def kept(self, seconds: float) -> T | None:
        """The last answer, if it is no older than so many seconds."""
        return self.known if time.monotonic() - self._asked_at < seconds else None

    async def _run(self) -> None:
        try:
            self.known = await anyio.to_thread.run_sync(self._ask)
            self._asked_at = time.monotonic()
        finally:
            self._asking = None


class Monitor:
    """What the dashboard of one system knows for monitoring.

    `inbox`: counts the files in the inbox, None where this process does not see it. `runs`: asks Prefect's server.
    Both are called in a thread. If they are slow, their last answers count: they never make the database look away.
    """

    def __init__(
        self,
        site: "Site",
        inbox: Callable[[], int | None] | None = None,
        runs: Callable[[], Runs | None] | None = None,
    ) -> None:
        self._site = site
        self._database = Asked(self._read)
        self._inbox = None if inbox is None else Asked(inbox)
        self._runs = None if runs is None else Asked(runs)

    async def look(self) -> tuple[dict[str, Look], Runs | None]:
        """One look, no older than LOOK_SECONDS. A database that does not answer in time is away."""
        seen, inbox, runs = await asyncio.gather(
            self._database.answer(ANSWER_SECONDS), _beside(self._inbox), _beside(self._runs)
        )
        monitored, seconds = (None, ANSWER_SECONDS) if seen is None else seen
        return {self._site.system: Look(VERSION, monitored, seconds, inbox)}, runs

    def _read(self) -> tuple[Monitored | None, float]:
        began, seen = time.monotonic(), None
        try:
            with self._site.reading() as connection:
                seen = read_monitored(connection)
        except AWAY:
            pass  # the metric database_up says so
        return seen, time.monotonic() - began


class SystemsMonitor:
    """The same of several systems: `read` looks at all of them, and `names` gives them where it does not answer."""

    def __init__(
        self,
        names: Callable[[], list[str]],
        read: Callable[[], dict[str, Look]],
        runs: Callable[[], Runs | None] | None = None,
    ) -> None:
        self._names, self._read = Asked(names), Asked(read)
        self._runs = None if runs is None else Asked(runs)

    async def look(self) -> tuple[dict[str, Look], Runs | None]:
        """See Monitor.look."""
        looks, names, runs = await asyncio.gather(
            self._read.answer(ANSWER_SECONDS), self._names.answer(ANSWER_SECONDS), _beside(self._runs)
        )
        if looks is None:  # a look at a hundred systems may take long: the next scrape shows it
            looks = self._read.kept(KEPT_SECONDS)
        if looks is None:
            looks = {name: Look(VERSION, None, ANSWER_SECONDS) for name in names or ()}
        return looks, runs


async def _beside(asked: Asked[T] | None) -> T | None:
    if asked is None:
        return None
    answer = await asked.answer(BESIDE_SECONDS)
    return asked.known if answer is None else answer


class _Families(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        return iter(self._families)


async def answer(request: Request) -> Response:
    """The metrics, in the form that the scraper asks for: Prometheus' text, or OpenMetrics."""
    page: Page = request.app.state.site
    monitor: Monitor | SystemsMonitor = request.app.state.monitor
    looks, runs = await monitor.look()
    encode, kind = choose_encoder(request.headers.get("accept", ""))
    body = encode(_Families(make_families(looks, runs)))
    return page.answer(request, body, kind, {"Cache-Control": "no-store"})
