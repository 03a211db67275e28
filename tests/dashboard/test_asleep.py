"""The dashboard of `up`, which holds its memory only while somebody looks."""

import threading
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from cli.dashboard_server import serve
from cli.ports import hold_port


async def _answer(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("here")


class Pages(Starlette):
    """Served as the dashboard is."""

    def end(self) -> None:
        return


def test_a_server_that_is_not_asked_ends_and_who_connects_then_is_answered_by_the_next() -> None:
    app: Any = Pages(routes=[Route("/", _answer)])
    answers: list[str] = []
    with hold_port(0, listening=True) as listening:
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        for _ in range(2):
            # It asks before anything serves, and the second time after the first server has ended.
            asking = threading.Thread(target=lambda: answers.append(httpx.get(address, timeout=30).text))
            asking.start()
            serve(app, [listening.dup()], quiet_seconds=0.3)
            asking.join(30)
    assert answers == ["here", "here"]
