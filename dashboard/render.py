"""From a request to its answer: filters read, rows loaded in one read-only transaction, the page made once a change.

A page is `await render(request, "trades.html", load)`, where `load(connection, filters)` runs in a thread and gives
what the template shows. Its key `rows`, an iterator over all rows, is what `format=csv` and `format=json` answer with.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from dashboard.data.filters import SHARED, FilterError, Filters
from dashboard.data.standby import read_again
from dashboard.export import export
from dashboard.site import Site, site_of

Load = Callable[[Connection, Filters], Mapping[str, Any]]
_FRESH = {"Cache-Control": "private, no-cache"}


class AwayError(Exception):
    """The database does not answer; the text says why."""


class NotThereError(Exception):
    """What a page was asked for does not exist: its text names it, and the answer is 404."""


async def render(request: Request, template: str, load: Load) -> Response:
    """The page of this address, from the cache if nothing has changed since; 304 if the browser has it already."""
    site = site_of(request)
    filters = Filters.read(request.query_params.multi_items())
    if filters.format != "html":
        return await export(site, filters, load)
    moment = await site.live.now()
    if moment.state == "away":
        raise AwayError(moment.why)
    key = f"{request.url.path}?{request.url.query}#{moment.key}"
    tag = f'"{hashlib.sha256(f"{site.build}{key}".encode()).hexdigest()[:32]}"'
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers={"ETag": tag, **_FRESH})

    def read() -> dict[str, Any]:
        with site.reading() as connection:
            return dict(load(connection, filters))

    def make() -> tuple[bytes, str]:
        context = read_again(read)
        context = {**standing(request, site, filters), **context, "moment": moment, "choices": moment.scope}
        return site.write(template, context), "text/html; charset=utf-8"

    body, kind = await site.cache.get(key, make)
    return site.answer(request, body, kind, headers={"ETag": tag, **_FRESH})


def refuse_others(filters: Filters, *own: str) -> None:
    """Refuse a filter that this page would ignore; `own`: those it knows beside the shared ones. Raises FilterError."""
    for name, value in filters.given().items():
        if name not in (*SHARED, *own, "format"):
            raise FilterError(name, value, f"to be left out here; this page knows {', '.join((*SHARED, *own))}")


def standing(request: Request, site: Site, filters: Filters) -> dict[str, Any]:
    """What every template can use: where it is, the filters, and how links are made.

    `link(page, **changes)`: another page with the shared filters; `here(**changes)`: this page with all of its filters,
    None takes one away. Both are relative, so that any path prefix of a proxy works.
    """
    root = "../" * (request.url.path.count("/") - 1)
    page = request.url.path.rpartition("/")[2]

    def link(to: str, **changes: Any) -> str:
        return root + (filters.link(to, **changes) if to else filters.link("./", **changes))

    def here(**changes: Any) -> str:
        query = filters.query(**changes)
        return (page or "./") + (f"?{query}" if query else "")

    def cleared(keep: tuple[str, ...]) -> str:
        return here(**{name: None for name in filters.given() if name not in keep})

    return {
        "root": root, "page": page, "filters": filters, "link": link, "here": here, "site": site, "cleared": cleared,
        "static": lambda name: root + site.static.link(name),
    }  # fmt: skip
