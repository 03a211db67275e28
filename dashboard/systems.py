"""One dashboard for several trading systems: a first page over all, and each system's pages below its name.

A system's pages are opened when they are first asked for. At most MOST_OPEN stay open: each has connections of its own.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime

import anyio.to_thread
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from dashboard.data.systems import Standing
from dashboard.live import STALE
from dashboard.metrics import scrape
from dashboard.security import METRICS, Access, Guard
from dashboard.site import Page
from scorekeeper.errors import ScorekeeperError
from scorekeeper.system_names import TAKEN

MOST_OPEN = 20
READ_SECONDS = 5.0  # for so long the first page shows what was read
OWN = ("", *TAKEN)


class Systems:
    """What the dashboard of several systems is made of.

    `names` gives the systems, `open_pages` one system's pages with what closes them, `read` where each one stands. All
    three may block, and raise ScorekeeperError. `monitor`: what /metrics shows of all.
    """

    def __init__(
        self,
        names: Callable[[], list[str]],
        open_pages: Callable[[str], tuple[Starlette, Callable[[], None]]],
        read: Callable[[], list[Standing]],
        monitor: scrape.SystemsMonitor,
    ) -> None:
        self.monitor = monitor
        self.names, self._open_pages, self._read = names, open_pages, read
        self._opened: OrderedDict[str, tuple[Starlette, Callable[[], None]]] = OrderedDict()
        self._turn, self._reading = asyncio.Lock(), asyncio.Lock()
        self._standing: tuple[float, list[Standing]] = (float("-inf"), [])

    async def pages(self, name: str) -> Starlette:
        """The pages of a system. Raises LookupError for one that is not there, ScorekeeperError."""
        is_there = name in await anyio.to_thread.run_sync(self.names)
        if is_there and name in self._opened:  # also while another one is being opened
            self._opened.move_to_end(name)
            return self._opened[name][0]
        async with self._turn:
            if not is_there:
                await self._shut(name)
                raise LookupError(name)
            if name not in self._opened:
                self._opened[name] = await anyio.to_thread.run_sync(self._open_pages, name)
            self._opened.move_to_end(name)
            if len(self._opened) > MOST_OPEN:
                await self._shut(next(iter(self._opened)))
            return self._opened[name][0]

    async def _shut(self, name: str) -> None:
        """Close what a system has open, if anything."""
        if name in self._opened:
            pages, close = self._opened.pop(name)
            pages.state.site.live.end()
            await anyio.to_thread.run_sync(close)

    async def standing(self) -> list[Standing]:
        """Where each system stands, read no longer ago than READ_SECONDS. Raises ScorekeeperError."""
        async with self._reading:
            if time.monotonic() - self._standing[0] > READ_SECONDS:
                found = await anyio.to_thread.run_sync(self._read)
                self._standing = (time.monotonic(), found)
            return self._standing[1]

    def end(self) -> None:
        """Let every stream come to its end."""
        for pages, _ in self._opened.values():
            pages.state.site.live.end()

    def close(self) -> None:
        """Close what was opened, once nothing is answered any more."""
        while self._opened:
            _, (_, close) = self._opened.popitem()
            close()


class SystemsDashboard(Guard):
    """The guarded application; `end` before its server stops."""

    def __init__(self, systems: Systems, access: Access) -> None:
        from dashboard.app import find_pages, static_and_login

        find_pages()  # imported now, and not while a reader waits for the first page
        self._systems = systems
        own = [Route("/", _show_all, methods=["GET"]), Route(METRICS, scrape.answer, methods=["GET"])]
        routes = [*own, *static_and_login()]
        self._front = Starlette(routes=routes, exception_handlers={ScorekeeperError: _show_trouble})
        self._front.router.redirect_slashes = False  # see make_pages
        self._front.state.monitor = systems.monitor
        self._front.state.site = Page()
        self._front.state.systems, self._front.state.access = systems, access
        super().__init__(self._choose, access)

    def end(self) -> None:
        """Let every stream come to its end."""
        self._systems.end()

    async def _choose(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request to the first page, or to a system's pages, which see the path below their own."""
        first, slash, rest = str(scope["path"]).removeprefix("/").partition("/")
        if first in OWN:
            await self._front(scope, receive, send)
            return
        answer: Response
        try:
            pages = await self._systems.pages(first)
        except LookupError:
            answer = PlainTextResponse("there is no such system; the first page names them\n", 404)
        except ScorekeeperError as trouble:
            answer = _tell(trouble)
        else:
            if slash:
                await pages({**scope, "path": f"/{rest}", "raw_path": f"/{rest}".encode()}, receive, send)
                return
            answer = RedirectResponse(f"./{first}/", 307)
        await answer(scope, receive, send)


def _tell(trouble: Exception) -> Response:
    """503, with what a user can do something about."""
    return PlainTextResponse(f"{trouble}\n", 503, headers={"Cache-Control": "no-store"})


async def _show_trouble(_request: Request, trouble: Exception) -> Response:
    return _tell(trouble)


async def _show_all(request: Request) -> Response:
    """The first page: a row per system; with format=json the same as a list."""
    systems: Systems = request.app.state.systems
    page: Page = request.app.state.site
    trouble, rows = "", []
    try:
        rows = await systems.standing()
    except (ScorekeeperError, SQLAlchemyError) as failed:
        trouble = str(failed) if isinstance(failed, ScorekeeperError) else type(failed).__name__
    now, status = datetime.now(UTC), 503 if trouble else 200
    if request.query_params.get("format") == "json":
        found = [_as_document(row, now) for row in rows]
        return JSONResponse({"error": trouble} if trouble else found, status, headers={"Cache-Control": "no-store"})
    context = {
        "static": page.static.link, "rows": rows, "trouble": trouble, "state_of": lambda row: state_of(row, now),
        "now": now,
    }  # fmt: skip
    body = page.write("systems.html", context)
    return page.answer(request, body, "text/html; charset=utf-8", {"Cache-Control": "no-store"}, status)


def state_of(row: Standing, now: datetime) -> str:
    """Whether a system's score is kept up, in a word or two."""
    if row.trouble:
        return row.trouble
    if row.last_as_of is None:
        return "no track has run yet"
    return "live" if now - row.last_as_of <= STALE else "not live"


def _as_document(row: Standing, now: datetime) -> dict[str, object]:
    answer = row.answer or {}
    return {
        "system": row.name, "state": state_of(row, now), "alerts": row.alerts,
        "last_as_of": row.last_as_of and row.last_as_of.isoformat(),
        "completed_trades": answer.get("completed_trades"), "active_trades": answer.get("active_trades"),
        "win_rate": row.figure("win_rate"), "net_total_pnl_pct": row.figure("total_pnl_pct", net=True),
        "max_drawdown_pct": row.figure("max_drawdown_pct"),
    }  # fmt: skip


