"""What the gate before Prefect's server lets through, request by request; a browser meets it in tests/faults."""

import asyncio
import base64
import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message, Receive, Scope, Send

from cli.prefect_server.gate import OWN_NAMES, Gate
from cli.prefect_server.password import DOOR, prove

PASSWORD = "scorekeeper:secret"
BASIC: dict[str, Any] = {"Authorization": "Basic " + base64.b64encode(PASSWORD.encode()).decode()}
HERE = "127.0.0.1:4200"


async def inner(scope: Scope, _receive: Receive, send: Send) -> None:
    """What is behind the gate: it says that it was reached."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        return
    await send({"type": "http.response.start", "status": 299, "headers": []})
    await send({"type": "http.response.body", "body": b"reached"})


gate = Gate(inner, PASSWORD, ["score.example:8443"])


def ask(path: str = "/api/flows/", method: str = "POST", body: bytes = b"", **headers: str) -> httpx.Response:
    """The answer to a request; Host is ours unless it is given."""
    named = {"Host": HERE} | {name.replace("_", "-"): value for name, value in headers.items()}

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(gate)
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{HERE}") as client:
            return await client.request(method, path, content=body, headers=named)

    return asyncio.run(send())


def connect(**headers: str) -> str:
    """What a websocket with these headers meets: accept or close."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    named = [(name.lower().encode(), value.encode()) for name, value in ({"host": HERE} | headers).items()]
    scope: dict[str, Any] = {"type": "websocket", "path": "/api/events/in", "headers": named}
    asyncio.run(gate(scope, receive, send))
    return str(sent[0]["type"]).rpartition(".")[2]


names = st.text(st.characters(codec="ascii", categories=["L", "N"], include_characters=".-_@[]:"), max_size=30)


@given(names)
def test_no_name_but_its_own_reaches_it(name: str) -> None:
    bare = name.rpartition(":")[0] if name.rpartition(":")[2].isdigit() and ":" in name else name
    known = bare.lower() in (*OWN_NAMES, "score.example")
    assert ask(Host=name).status_code == (299 if known else 403)
    assert connect(host=name) == ("accept" if known else "close")


@given(st.sampled_from(["http", "https", "file", "chrome-extension"]), names)
def test_no_origin_but_its_own_reaches_it(scheme: str, name: str) -> None:
    known = name.lower() == HERE
    assert ask(Origin=f"{scheme}://{name}").status_code == (299 if known else 403)
    assert connect(origin=f"{scheme}://{name}") == ("accept" if known else "close")


@pytest.mark.parametrize("origin", ["null", "", "http://localhost:4200", f"http://{HERE}.evil.example", "http://evil"])
def test_an_origin_that_is_hidden_or_like_its_own_is_foreign(origin: str) -> None:
    assert ask(Origin=origin).status_code == 403
    assert connect(origin=origin) == "close"


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_of_another_sites_requests_only_a_link_that_is_followed_comes_through(site: str) -> None:
    followed: dict[str, Any] = {"Sec_Fetch_Site": site, "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}
    assert ask("/", "GET", **followed).status_code == 299
    assert ask("/", "POST", **followed).status_code == 403
    for other in ({"Sec_Fetch_Dest": "iframe"}, {"Sec_Fetch_Mode": "no-cors"}, {"Sec_Fetch_Mode": "cors"}):
        assert ask("/", "GET", **(followed | other)).status_code == 403
    assert connect(**{"sec-fetch-site": site}) == "close"


def test_who_is_no_browser_comes_through_and_nothing_is_framed() -> None:
    answer = ask()
    assert (answer.status_code, answer.text, answer.headers["X-Frame-Options"]) == (299, "reached", "SAMEORIGIN")
    assert ask(Origin=f"http://{HERE}", Sec_Fetch_Site="same-origin").status_code == 299
    assert ask(Host="score.example", Origin="https://score.example").status_code == 299


@pytest.mark.parametrize("ending", ["", "/", "%0A", "%0a/"])
@pytest.mark.parametrize("path", ["/docs", "/docs/oauth2-redirect", "/redoc", "/openapi.json"])
def test_pages_that_load_foreign_scripts_are_closed_however_they_are_spelled(path: str, ending: str) -> None:
    assert ask(path + ending, "GET").status_code == 404
    assert ask("/api" + path, "GET").status_code == 299  # behind the password


def test_a_ticket_is_for_who_has_the_password_and_lets_in_once() -> None:
    assert ask(f"{DOOR}/ticket").status_code == 401
    assert ask(f"{DOOR}/ticket", Authorization="Basic c2NvcmVrZWVwZXI6Z3Vlc3M=").status_code == 401
    ticket = json.loads(ask(f"{DOOR}/ticket", **BASIC).text)["ticket"]
    assert [ask(f"{DOOR}/enter", body=body).status_code for body in (b"another", b"x" * 100_000)] == [403] * 2
    assert ask(f"{DOOR}/enter", body=ticket.encode(), Origin="http://evil").status_code == 403
    assert base64.b64decode(ask(f"{DOOR}/enter", body=ticket.encode()).text).decode() == PASSWORD
    assert ask(f"{DOOR}/enter", body=ticket.encode()).status_code == 403
    page = ask(f"{DOOR}/enter", "GET")
    assert PASSWORD not in page.text
    assert "sha256-" in page.headers["Content-Security-Policy"]


@given(st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1))
def test_a_proof_is_of_its_nonce_and_tells_no_password(nonce: str) -> None:
    answer = ask(f"{DOOR}/proof?nonce={nonce}", "GET").text
    assert answer == prove(PASSWORD, nonce) != prove("scorekeeper:other", nonce)
    assert "secret" not in answer
