"""/health: whether what the other pages show is fresh and whole, and what to do where it is not."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from dashboard.data.filters import Filters
from dashboard.data.health import Rejection, read_alerts, read_checks, read_coverage, read_rejections, read_status
from dashboard.data.rows import Rows
from dashboard.data.standby import read_standby
from dashboard.pages.report import has_report
from dashboard.render import refuse_others, render
from dashboard.site import site_of

MOST = 100


async def page(request: Request) -> Response:
    """Checks, alerts, prices and refusals; `rows` are the refusals."""
    now, site = datetime.now(UTC), site_of(request)

    def load(connection: Connection, filters: Filters) -> dict[str, Any]:
        refuse_others(filters)
        rejections = read_rejections(connection, MOST)
        return {
            "status": read_status(connection, exact=True), "checks": read_checks(connection, now, exact=True),
            "alerts": read_alerts(connection), "coverage": read_coverage(connection), "rejections": rejections,
            "standby": read_standby(connection), "now": now,
            "prefect": site.prefect, "has_report": has_report(site.reports), "rows": Rows(Rejection, iter(rejections)),
        }  # fmt: skip

    return await render(request, "health.html", load)
