"""Access to the pages: by host name, by method, by user. Every request passes here first.

The dashboard listens on 127.0.0.1. Every user of the machine reaches that, and the score is private to the user who
runs it, as its files and its database are. So a connection of the same system user is let in at once (Linux tells whose
it is, as it tells Postgres on its socket), and everybody else needs the token.
"""

import hashlib
import hmac
import os
import re
import sys
import time
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlencode

from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scorekeeper.errors import ScorekeeperError

OWN_NAMES = ("127.0.0.1", "localhost", "[::1]")
SHORTEST_TOKEN = 32
SESSION_SECONDS = 30 * 86_400
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
]
# Headers that a proxy adds. Behind a proxy, the connection's user is the proxy's, not the reader.
_FORWARDED = re.compile(r"forwarded|via|x-forwarded-.*|x-real-ip|cf-connecting-ip|true-client-ip")
OPEN = ("/login", "/healthz")  # and what is below /static/: nothing there is of the database
METRICS = "/metrics"
_METRICS = re.compile(r"(/[a-z][a-z0-9_]*)?/metrics")  # of one system alone, or below its name
_PROC = {4: Path("/proc/net/tcp"), 6: Path("/proc/net/tcp6")}
_ESTABLISHED = "01"


@dataclass(frozen=True)
class Access:
    """Who may look. `token` admits any user; `names`: hosts besides this machine's own.

    `peers`: whether this system user gets in without it; off where the token was chosen, as for a proxy. `scraper`: a
    token that opens METRICS and nothing else.
    """

    token: str | None = field(repr=False)
    names: tuple[str, ...] = ()
    peers: bool = True
    scraper: str | None = field(default=None, repr=False)

    @property
    def cookie(self) -> str:
        """The cookie's name: dashboards on other ports of this machine have others."""
        return "scorekeeper-" + hashlib.sha256((self.token or "").encode()).hexdigest()[:8]

    def session(self, now: float) -> str:
        """What a browser is given for the token: proof of it that ends, and not the token itself."""
        until = str(int(now) + SESSION_SECONDS)
        return f"{until}.{self._sign(until)}"

    def knows(self, given: str) -> bool:
        """Whether this is the token, in a time that does not tell how much of it is right."""
        return self.token is not None and hmac.compare_digest(given.encode(), self.token.encode())

    def scrapes(self, given: str) -> bool:
        """Whether this is the token of a program that collects metrics."""
        return self.scraper is not None and hmac.compare_digest(given.encode(), self.scraper.encode())

    def has_session(self, given: str, now: float) -> bool:
        """Whether a cookie's value is one that this dashboard has given, and not over."""
        until, _, signature = given.partition(".")
        is_ours = self.token is not None and hmac.compare_digest(signature.encode(), self._sign(until).encode())
        return is_ours and until.isdigit() and int(until) > now

    def _sign(self, until: str) -> str:
        return hmac.new((self.token or "").encode(), f"dashboard session {until}".encode(), hashlib.sha256).hexdigest()


def check_token(token: str | None, host: str, scraper: str | None = None) -> None:
    """Refuse a token that can be guessed, and an address that others reach without one. Raises ScorekeeperError."""
    for name, given in (("DASHBOARD_TOKEN", token), ("METRICS_TOKEN", scraper)):
        if given is not None and len(given) < SHORTEST_TOKEN:
            raise ScorekeeperError(
                f"{name}: shorter than {SHORTEST_TOKEN} characters; make one with: openssl rand -hex 32"
            )
    if token is None and not is_loopback(host):
        raise ScorekeeperError(
            f"others reach {host}: set DASHBOARD_TOKEN to {SHORTEST_TOKEN} characters or more (openssl rand -hex 32)"
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


class Guard:
    """An ASGI application before the dashboard's own."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app, self._access = app, access
        self._names = {*OWN_NAMES, *(name_of(name.lower()) for name in access.names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse what is not ours to answer, else hand it on; every answer has the headers that fence it in."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        headers: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1").strip())
        answer = self._refuse(scope, headers) or (None if self._lets_in(scope, headers) else self._ask(scope, headers))
        await (answer or self._app)(scope, receive, _fenced(send))

    def _refuse(self, scope: Scope, headers: dict[str, list[str]]) -> Response | None:
        """The refusal of a request that the token does not allow either; None if it is allowed."""
        hosts = headers.get("host", [])
        if len(hosts) != 1 or name_of(hosts[0].lower()) not in self._names:
            return PlainTextResponse("this name is not ours; see DASHBOARD_HOSTS\n", 400)
        allowed = ("GET", "HEAD", "POST") if scope["path"] == "/login" else ("GET", "HEAD")
        if scope["method"] not in allowed:
            return PlainTextResponse("this dashboard only shows\n", 405, headers={"Allow": ", ".join(allowed)})
        if scope["method"] == "POST" and any(o.partition("://")[2] != hosts[0] for o in headers.get("origin", [])):
            return PlainTextResponse("asked by a page of another origin\n", 403)
        is_visit = scope["method"] != "POST" and headers.get("sec-fetch-mode") == ["navigate"]
        is_visit = is_visit and headers.get("sec-fetch-dest") == ["document"]
        if any(site in ("cross-site", "same-site") for site in headers.get("sec-fetch-site", [])) and not is_visit:
            return PlainTextResponse("asked by a page of another site\n", 403)
        return None

    def _lets_in(self, scope: Scope, headers: dict[str, list[str]]) -> bool:
        if scope["path"] in OPEN or scope["path"].startswith("/static/"):
            return True
        for given in headers.get("authorization", []):
            kind, _, word = given.partition(" ")
            if kind.lower() == "bearer" and self._access.knows(word.strip()):
                return True
            if kind.lower() == "bearer" and _METRICS.fullmatch(scope["path"]) and self._access.scrapes(word.strip()):
                return True
        now = time.time()
        for line in headers.get("cookie", []):
            for pair in line.split(";"):
                name, _, value = pair.strip().partition("=")
                if name == self._access.cookie and self._access.has_session(value, now):
                    return True
        return self._access.peers and self._is_own_user(scope, headers)

    def _is_own_user(self, scope: Scope, headers: dict[str, list[str]]) -> bool:
        """Whether this system user asks, from this machine, by one of its own names, and through no proxy."""
        if name_of(headers["host"][0].lower()) not in OWN_NAMES or any(map(_FORWARDED.fullmatch, headers)):
            return False
        return find_user(scope.get("client"), scope.get("server")) == os.geteuid()

    def _ask(self, scope: Scope, headers: dict[str, list[str]]) -> Response:
        """The login page for a browser, 401 for any other client."""
        if "text/html" not in " ".join(headers.get("accept", [])):
            return JSONResponse({"error": "token needed"}, 401, headers={"WWW-Authenticate": "Bearer"})
        wanted = scope["path"].lstrip("/") + ("?" + scope["query_string"].decode("latin-1")).rstrip("?")
        root = "../" * (scope["path"].count("/") - 1)
        address = f"{root}login?{urlencode({'next': wanted})}"
        return RedirectResponse(address, 303, headers={"Cache-Control": "no-store"})


def find_user(client: tuple[str, int] | None, server: tuple[str, int] | None) -> int | None:
    """The system user at the other end of a connection within this machine; None where that cannot be told.

    Only for an established connection. A closed one has no owner, and the system shows user 0, which is root.
    """
    if not client or not server or not client[1]:
        return None
    try:
        ends = [(ip_address(host), port) for host, port in (client, server)]
        if not all(address.is_loopback for address, _ in ends):
            return None
        wanted = [f"{_as_proc(address.packed)}:{port:04X}" for address, port in ends]
        lines = _PROC[ends[0][0].version].read_text(encoding="ascii").splitlines()[1:]
    except (OSError, ValueError):
        return None
    for line in lines:
        parts = line.split()
        if parts[1:4] == [*wanted, _ESTABLISHED]:
            return int(parts[7])
    return None


def _as_proc(packed: bytes) -> str:
    """An address as Linux shows it: words of four bytes in the machine's own order."""
    words = [packed[i : i + 4] for i in range(0, len(packed), 4)]
    return "".join((word[::-1] if sys.byteorder == "little" else word).hex() for word in words).upper()


def name_of(host: str) -> str:
    """The name in a Host header, without its port."""
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


def _fenced(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = list(message.get("headers", []))
            named = {name.lower() for name, _ in given}  # the report has a policy of its own
            message = {**message, "headers": given + [one for one in HEADERS if one[0] not in named]}
        await send(message)

    return sent
