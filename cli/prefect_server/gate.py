"""The gate before Prefect's server below `up`: which requests reach it, and how a browser gets the password.

Prefect checks the password. It checks neither the host name of a request nor the origin of a page that opens a
websocket, so any page could use a browser that has the password. The gate checks both before Prefect sees a request.
Only `serve` imports Prefect.
"""

import base64
import hashlib
import hmac
import os
import secrets
import time
from collections.abc import Iterable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cli.logs import web_server_logs
from cli.ports import hold_port
from cli.prefect_server.password import DOOR, SERVERS, prove

OWN_NAMES = ("127.0.0.1", "localhost", "[::1]")
TICKET_SECONDS = 60.0
# Prefect serves these without a password, and their pages load scripts from other servers into the UI's origin.
_CLOSED = ("/docs/", "/redoc/", "/openapi.json/")
_NO_FRAMES = [(b"x-frame-options", b"SAMEORIGIN"), (b"content-security-policy", b"frame-ancestors 'self'")]
_SCRIPT = """
const ticket = location.hash.slice(1);
history.replaceState(null, '', location.pathname);
fetch(location.pathname, {method: 'POST', body: ticket}).then(r => r.ok ? r.text() : Promise.reject()).then(key => {
  localStorage.setItem('prefect-password', key);
  location.replace('/');
}).catch(() => { document.body.textContent = 'This link is used or too old: scorekeeper ui makes another.'; });
"""
_PAGE = f"<!doctype html><meta charset=utf-8><title>Scorekeeper</title><body>One moment ...<script>{_SCRIPT}</script>"
_SCRIPT_HASH = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
_PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": f"default-src 'none'; connect-src 'self'; script-src 'sha256-{_SCRIPT_HASH}'",
    "Referrer-Policy": "same-origin",
}


class Gate:
    """An ASGI application before another one; `names`: host names to accept besides this machine's own."""

    def __init__(self, app: ASGIApp, password: str, names: Iterable[str] = ()) -> None:
        self._app, self._password = app, password
        self._names = {*OWN_NAMES, *(_name_of(name.lower()) for name in names)}
        self._tickets: dict[str, float] = {}
        self._door = Starlette(
            routes=[
                Route(f"{DOOR}/proof", self._prove),
                Route(f"{DOOR}/ticket", self._give_ticket, methods=["POST"]),
                Route(f"{DOOR}/enter", self._show_entrance),
                Route(f"{DOOR}/enter", self._let_in, methods=["POST"]),
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, answer it here, or pass it on."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        why = self._reason_to_refuse(scope)
        if why is not None and scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": why})
        elif why is not None:
            await PlainTextResponse(f"{why}\n", 404 if why == _NOT_HERE else 403)(scope, receive, send)
        elif scope["path"].startswith(f"{DOOR}/"):
            await self._door(scope, receive, send)
        elif scope["type"] == "http":
            await self._app(scope, receive, _unframed(send))
        else:
            await self._app(scope, receive, send)

    def _reason_to_refuse(self, scope: Scope) -> str | None:
        """Why this request is refused; None if it is not."""
        found: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1").strip().lower())
        hosts, origins = found.get("host", []), found.get("origin", [])
        if len(hosts) != 1 or _name_of(hosts[0]) not in self._names:
            return "this name is not ours; see UI_HOSTS"
        if any(origin.partition("://")[2] != hosts[0] for origin in origins):
            return "asked by a page of another origin"
        if any(site in ("cross-site", "same-site") for site in found.get("sec-fetch-site", [])) and not (
            # Following a link from another site to the UI is allowed: it shows a page, and changes nothing.
            scope["type"] == "http"
            and scope["method"] in ("GET", "HEAD")
            and found.get("sec-fetch-mode") == ["navigate"]
            and found.get("sec-fetch-dest") == ["document"]
        ):
            return "asked by a page of another site"
        path = scope["path"].replace("\n", "")  # Prefect's router ignores one at the end
        return _NOT_HERE if f"{path}/".startswith(_CLOSED) else None

    async def _prove(self, request: Request) -> Response:
        """The proof that this server has the password, which it does not reveal."""
        return PlainTextResponse(prove(self._password, request.query_params.get("nonce", "")))

    async def _give_ticket(self, request: Request) -> Response:
        """A ticket for a holder of the password: it lets one browser in, once, within a minute."""
        wanted = "Basic " + base64.b64encode(self._password.encode()).decode()
        if not hmac.compare_digest(request.headers.get("authorization", "").encode(), wanted.encode()):
            return JSONResponse({"exception_message": "Unauthorized"}, 401)
        now = time.monotonic()
        self._tickets = {ticket: until for ticket, until in self._tickets.items() if until > now}
        self._tickets[ticket := secrets.token_urlsafe(32)] = now + TICKET_SECONDS
        return JSONResponse({"ticket": ticket})

    async def _show_entrance(self, _request: Request) -> Response:
        return HTMLResponse(_PAGE, headers=_PAGE_HEADERS)

    async def _let_in(self, request: Request) -> Response:
        """The password in exchange for a ticket, encoded as Prefect's UI keeps it in the browser."""
        given = b""
        async for part in request.stream():
            given += part
            if len(given) > 200:  # anyone may send a body here, so its size is bounded
                break
        if self._tickets.pop(given.decode("latin-1"), 0.0) < time.monotonic():
            return PlainTextResponse("no such ticket\n", 403)
        key = base64.b64encode(self._password.encode()).decode()
        return PlainTextResponse(key, headers={"Cache-Control": "no-store"})


_NOT_HERE = "not here"


def _name_of(host: str) -> str:
    """The name in a Host header, without its port.

    >>> _name_of("localhost:4200"), _name_of("[::1]:4200"), _name_of("[::1]")
    ('localhost', '[::1]', '[::1]')
    """
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


def _unframed(send: Send) -> Send:
    """`send` with headers that forbid other sites to show the page in a frame."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), *_NO_FRAMES]}
        await send(message)

    return sent


def serve(port: int, names: Iterable[str]) -> None:
    """Run Prefect's server behind the gate until a signal ends it. Prefect reads its settings from the environment."""
    import uvicorn
    from prefect.server.api.server import create_app

    gate = Gate(create_app(final=True), os.environ[SERVERS], names)
    with hold_port(port, listening=True) as listening:
        config = uvicorn.Config(gate, log_level="warning", log_config=web_server_logs(), proxy_headers=False)
        uvicorn.Server(config).run(sockets=[listening])
