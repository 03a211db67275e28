"""A list as CSV or JSON: all of it, a row in memory at a time."""

import contextlib
import itertools
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, make_dataclass
from typing import Any

import anyio.to_thread
from sqlalchemy import Connection
from starlette.concurrency import iterate_in_threadpool
from starlette.responses import Response, StreamingResponse

from dashboard.data.filters import FilterError, Filters
from dashboard.data.rows import Rows, as_csv
from dashboard.shown import plain
from dashboard.site import Site
from scorekeeper.errors import ScorekeeperError

AT_ONCE = 256  # lines that are sent together
_running = threading.BoundedSemaphore(2)  # each holds a connection for as long as its reader takes


class BusyError(ScorekeeperError):
    """As many lists are being sent as may be."""


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


def _lines(site: Site, filters: Filters, load: Callable[[Connection, Filters], Mapping[str, Any]]) -> Iterator[str]:
    if not _running.acquire(blocking=False):
        raise BusyError("Two lists are being sent already: try again in a minute.")
    with contextlib.ExitStack() as held:
        held.callback(_running.release)
        connection = held.enter_context(site.reading())
        rows = load(connection, filters).get("rows")
        if rows is None:
            raise FilterError("format", filters.format, "html: this page is no list")
        lines = as_csv(_as_records(rows)) if filters.format == "csv" else _as_json(iter(rows))
        while some := list(itertools.islice(lines, AT_ONCE)):
            yield "".join(some)


def _as_records(rows: Iterable[Any]) -> Iterator[Any]:
    """Rows as `as_csv` takes them; those of a single thing come as dictionaries of the same keys."""
    rows = iter(rows)
    first = next(rows, None)
    if not isinstance(first, Mapping):
        return Rows(getattr(rows, "kind", type(first)), itertools.chain([] if first is None else [first], rows))
    kind = make_dataclass("Record", list(first))
    every = itertools.chain([first], rows)
    return (kind(**{name: _in_one_cell(value) for name, value in row.items()}) for row in every)


def _in_one_cell(value: object) -> object:
    """A list or an object within a row as JSON, which other programs read."""
    return json.dumps(plain(value)) if isinstance(value, Mapping | list | tuple) else value


def _as_json(rows: Iterator[Any]) -> Iterator[str]:
    yield "["
    between = "\n"
    for row in rows:
        fields = row if isinstance(row, Mapping) else asdict(row)
        yield between + json.dumps({name: plain(value) for name, value in fields.items()})
        between = ",\n"
    yield "\n]\n"
