"""The one form of the dashboard that is posted: the token in, a cookie out."""

import re
import time
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from dashboard.security import SESSION_SECONDS, Access
from dashboard.site import site_of

LONGEST_FORM = 4_096
_NEXT = re.compile(r"([a-z][a-z0-9_]*/)?[a-z]*(\?[!-~]*)?")  # a page, of a system perhaps, and what it was asked for


async def login(request: Request) -> Response:
    """The form; posted with the token, the way to the page that was asked for."""
    access: Access = request.app.state.access
    if request.method != "POST":
        return _form(request, request.query_params.get("next", ""), 200, wrong=False)
    given = b""
    async for part in request.stream():
        given += part
        if len(given) > LONGEST_FORM:  # any user may send a form, so it is limited
            return _form(request, "", 413, wrong=True)
    fields = parse_qs(given.decode("utf-8", "replace"))
    wanted, token = (fields.get(name, [""])[0].strip() for name in ("next", "token"))
    if not access.knows(token):
        return _form(request, wanted, 403, wrong=True)
    answer = RedirectResponse("./" + (wanted if _NEXT.fullmatch(wanted) else ""), 303)
    is_safe = request.headers.get("x-forwarded-proto", request.url.scheme) == "https"
    # Without a path, so that it is the folder that the browser sees, with the prefix of a proxy.
    answer.set_cookie(
        access.cookie, access.session(time.time()), max_age=SESSION_SECONDS, path=None, secure=is_safe, httponly=True,
        samesite="strict",
    )  # fmt: skip
    return answer


def _form(request: Request, wanted: str, status: int, *, wrong: bool) -> Response:
    site = site_of(request)
    body = site.write("login.html", {
        "static": site.static.link, "wanted": wanted if _NEXT.fullmatch(wanted) else "", "wrong": wrong,
        "has_token": request.app.state.access.token is not None,
    })  # fmt: skip
    # Not no-referrer, as elsewhere: a browser would not say by which page the form was posted.
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "same-origin"}
    return site.answer(request, body, "text/html; charset=utf-8", headers, status)
