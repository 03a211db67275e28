"""A list as CSV or JSON: all of it, a row in memory at a time."""

import itertools
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

import anyio.to_thread
from sqlalchemy import Connection
from starlette.concurrency import iterate_in_threadpool
from starlette.responses import Response, StreamingResponse

from dashboard.data.filters import FilterError, Filters
from dashboard.data.rows import as_csv
from dashboard.shown import iso
from dashboard.site import Site

AT_ONCE = 256  # lines that are sent together


async def export(site: Site, filters: Filters, load: Callable[[Connection, Filters], Mapping[str, Any]]) -> Response:
    """The rows of a page: its key `rows` is an iterator over all of them. Raises FilterError if it has none."""
    lines = _lines(site, filters, load)
    first = await anyio.to_thread.run_sync(next, lines)  # what is wrong is said before anything is sent
    kind = "text/csv" if filters.format == "csv" else "application/json"
    body = iterate_in_threadpool(itertools.chain([first], lines))
    headers = {"Cache-Control": "private, no-store"}
    if filters.format == "csv":
        headers["Content-Disposition"] = 'attachment; filename="scorekeeper.csv"'
    return StreamingResponse(body, media_type=f"{kind}; charset=utf-8", headers=headers)


def _lines(
    site: Site, filters: Filters, load: Callable[[Connection, Filters], Mapping[str, Any]]
) -> Iterator[str]:
    with site.reading() as connection:
        rows = load(connection, filters).get("rows")
        if rows is None:
            raise FilterError("format", filters.format, "html: this page is no list")
        lines = as_csv(iter(rows)) if filters.format == "csv" else _as_json(iter(rows))
        while some := list(itertools.islice(lines, AT_ONCE)):
            yield "".join(some)


def _as_json(rows: Iterator[object]) -> Iterator[str]:
    yield "["
    between = "\n"
    for row in rows:
        yield between + json.dumps({name: _plain(value) for name, value in asdict(row).items()})  # type: ignore[call-overload]
        between = ",\n"
    yield "\n]\n"


def _plain(value: object) -> object:
    """A value as JSON knows it; what is not finite is null, as in metrics --json."""
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
