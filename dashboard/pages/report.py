"""/report: the last report that `analyze` has written, as it is, in a box of its own."""

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response

from dashboard.data.filters import FilterError
from dashboard.render import NotThereError
from dashboard.site import site_of
from scorekeeper.errors import ScorekeeperError
from scorekeeper.locations import Location
from scorekeeper.publish.outputs import has_output, read_output

NAME = "report.html"
# It holds its own style and script. In a sandbox it belongs to no site: it reaches neither our pages nor any other.
POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def has_report(folder: Location | None) -> bool:
    """Whether there is one."""
    try:
        return folder is not None and has_output(folder / NAME)
    except ScorekeeperError:
        return False  # the object store does not answer


async def page(request: Request) -> Response:
    """The file. Raises NotThereError if there is none."""
    folder = site_of(request).reports
    if request.query_params.get("format", "html") != "html":
        raise FilterError("format", request.query_params["format"], "html: the report is a file")
    body = None if folder is None else await anyio.to_thread.run_sync(_read, folder)
    if body is None:
        raise NotThereError("No report has been written yet: scorekeeper report writes one, and analyze does.")
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "private, no-cache"}
    return site_of(request).answer(request, body, "text/html; charset=utf-8", headers)


def _read(folder: Location) -> bytes | None:
    return read_output(folder / NAME)
