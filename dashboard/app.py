"""The dashboard as an ASGI application."""

import importlib
import pkgutil
from collections.abc import Callable

from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

import dashboard.pages
from dashboard import errors
from dashboard.data.filters import FilterError
from dashboard.login import login
from dashboard.metrics import scrape
from dashboard.metrics.families import Runs
from dashboard.render import AwayError, NotThereError
from dashboard.security import METRICS, Access, Guard
from dashboard.site import Site, site_of
from scorekeeper.errors import ScorekeeperError
from scorekeeper.locations import Location


def create_app(
    engine: Engine, access: Access, *, prefect: str | None = None, reports: Location | None = None,
    fee_bps: float = 10.0, account_equity: float | None = None, as_reader: bool = False,
) -> "Dashboard":  # fmt: skip
    """The dashboard on a database, behind its guard. `engine` stays the caller's, to be disposed of by it."""
    app = make_pages(
        engine, access, prefect=prefect, reports=reports, fee_bps=fee_bps, account_equity=account_equity,
        as_reader=as_reader,
    )  # fmt: skip
    return Dashboard(app, access)


def make_pages(
    engine: Engine, access: Access, *, prefect: str | None = None, reports: Location | None = None,
    fee_bps: float = 10.0, account_equity: float | None = None, as_reader: bool = False, system: str = "",
    systems: Callable[[], list[str]] = list, inbox: Callable[[], int | None] | None = None,
    runs: Callable[[], Runs | None] | None = None,
) -> Starlette:  # fmt: skip
    """The pages of one system, without a guard. `systems` gives the names of all: the head of each page has them.

    `inbox` and `runs`: see dashboard.metrics.scrape.Monitor.
    """
    app = Starlette(
        routes=[
            *find_pages(),
            Route("/events", _events, methods=["GET"]),
            Route(METRICS, scrape.answer, methods=["GET"]),
            *static_and_login(),
        ],
        exception_handlers={
            FilterError: errors.show_filter, NotThereError: errors.show_missing, AwayError: errors.show_away,
            ScorekeeperError: errors.show_trouble, HTTPException: errors.show_http, Exception: errors.show_failure,
        },
    )  # fmt: skip
    app.router.redirect_slashes = False  # to an absolute address, which behind a proxy is another's
    app.state.site = Site(
        engine, prefect=prefect, reports=reports, fee_bps=fee_bps, account_equity=account_equity, as_reader=as_reader,
        system=system, systems=systems,
    )  # fmt: skip
    app.state.monitor = scrape.Monitor(app.state.site, inbox, runs)
    app.state.access = access
    return app


def static_and_login() -> list[Route]:
    """What needs no database."""
    return [
        Route("/healthz", _alive, methods=["GET"]),
        Route("/login", login, methods=["GET", "POST"]),
        Route("/static/{name:path}", _static, methods=["GET"]),
    ]


class Dashboard(Guard):
    """The guarded application; `end` before its server stops, as streams go on by themselves."""

    def __init__(self, app: Starlette, access: Access) -> None:
        super().__init__(app, access)
        self.site: Site = app.state.site

    def end(self) -> None:
        """Let every stream come to its end."""
        self.site.live.end()


def find_pages() -> list[Route]:
    """A route for each module of dashboard.pages that has a `page`."""
    routes = []
    for found in pkgutil.iter_modules(dashboard.pages.__path__):
        module = importlib.import_module(f"dashboard.pages.{found.name}")
        if hasattr(module, "page"):
            path = "/" if found.name == "overview" else f"/{found.name}"
            routes.append(Route(path, module.page, methods=["GET"]))
    return routes


async def _events(request: Request) -> Response:
    return await site_of(request).live.stream(request)


async def _static(request: Request) -> Response:
    return await site_of(request).static.answer(request)


async def _alive(_request: Request) -> Response:
    """That this process answers. It says nothing about the database, since any user may ask."""
    return PlainTextResponse("ok\n", headers={"Cache-Control": "no-store"})
