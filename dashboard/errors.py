"""What a page says when it cannot show what it was asked for: why, and what to do."""

from dataclasses import fields
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dashboard.data.filters import FilterError, Filters
from dashboard.export import BusyError
from dashboard.live import NOTHING, Moment
from dashboard.render import standing
from dashboard.site import site_of
from scorekeeper.errors import AwayError as DatabaseAwayError

KNOWN = {field.name for field in fields(Filters)}


async def show_filter(request: Request, failed: Exception) -> Response:
    """400, with the filter's name."""
    assert isinstance(failed, FilterError)
    if failed.name not in KNOWN:
        return await _show(
            request, 400, f"The filter {failed.name} cannot be read",
            f"There is none of this name. These there are: {', '.join(sorted(KNOWN))}.", filter_name=failed.name,
        )  # fmt: skip
    if not failed.value:  # a page of one thing, which its address does not name
        return await _show(request, 400, f"The address lacks {failed.name}", f"Expected is {failed.expected}.")
    return await _show(
        request, 400, f"The filter {failed.name} cannot be read",
        f"It says {failed.value!r}; expected is {failed.expected}.", filter_name=failed.name,
    )  # fmt: skip


async def show_missing(request: Request, failed: Exception) -> Response:
    """404."""
    return await _show(request, 404, "There is no such thing", str(failed))


async def show_away(request: Request, failed: Exception) -> Response:
    """503: the page asks again by itself once the database answers."""
    return await _show(request, 503, "The database does not answer", f"{failed} This page comes back by itself.")


async def show_trouble(request: Request, failed: Exception) -> Response:
    """What a user can do something about."""
    status = 503 if isinstance(failed, DatabaseAwayError | BusyError) else 500
    return await _show(request, status, "This page cannot be shown now", str(failed))


async def show_http(request: Request, failed: Exception) -> Response:
    """An address that leads nowhere."""
    assert isinstance(failed, HTTPException)
    if failed.status_code == 404:
        return await _show(request, 404, "There is no such page", "The pages are named above.")
    return await _show(request, failed.status_code, str(failed.detail), "")


async def show_failure(request: Request, failed: Exception) -> Response:
    """An error of ours: the log has it, the page does not."""
    words = "This is an error in Scorekeeper. Its log says more."
    return await _show(request, 500, "This page has failed", words)


async def _show(request: Request, status: int, title: str, words: str, filter_name: str | None = None) -> Response:
    if request.query_params.get("format", "html") != "html":
        return JSONResponse({"error": title, "why": words}, status)
    site = site_of(request)
    moment = await site.live.now() if status != 500 else Moment("none", "live", NOTHING)
    filters = Filters()
    context: dict[str, Any] = {
        **standing(request, site, filters), "moment": moment, "choices": moment.scope, "status": status,
        "failed": title, "words": words, "filter_name": filter_name,
    }  # fmt: skip
    body = site.write("error.html", context)
    return site.answer(request, body, "text/html; charset=utf-8", {"Cache-Control": "no-store"}, status)
