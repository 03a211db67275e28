"""/report: the last report that `analyze` has written, as it is, in a box of its own."""

from pathlib import Path

import anyio
from starlette.requests import Request
from starlette.responses import Response

from dashboard.data.filters import FilterError
from dashboard.render import NotThereError
from dashboard.site import site_of

NAME = "report.html"
# It holds its own style and script. In a sandbox it belongs to no site: it reaches neither our pages nor any other.
POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def has_report(folder: Path | None) -> bool:
    """Whether there is one."""
    return folder is not None and (folder / NAME).is_file()


async def page(request: Request) -> Response:
    """The file. Raises NotThereError if there is none."""
    folder = site_of(request).reports
    if request.query_params.get("format", "html") != "html":
        raise FilterError("format", request.query_params["format"], "html: the report is a file")
    if folder is None or not has_report(folder):
        raise NotThereError("No report has been written yet: scorekeeper report writes one, and analyze does.")
    body = await anyio.Path(folder / NAME).read_bytes()
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "private, no-cache"}
    return site_of(request).answer(request, body, "text/html; charset=utf-8", headers)
