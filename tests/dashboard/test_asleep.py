"""The dashboard of `up`, which holds its memory only while somebody looks."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from cli.dashboard_server import serve
from cli.folders import ROOT
from cli.ports import hold_port
from cli.up.environment import DASHBOARD_PORT, environment_of
from scorekeeper.settings import load_settings
from tests.waiting import wait_until


async def _answer(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("here")


class Pages(Starlette):
    """Served as the dashboard is."""

    def end(self) -> None:
        return


def test_a_server_that_is_not_asked_ends_and_the_next_answers_who_connects_then() -> None:
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


def test_who_wakes_it_while_the_database_is_away_is_told_so_and_it_sleeps_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCOREKEEPER_HOME", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", f"postgresql:///nowhere?host={tmp_path}")
    monkeypatch.chdir(tmp_path)
    with hold_port(0, listening=True) as listening:
        number = listening.fileno()
        port = listening.getsockname()[1]
        told = {
            DASHBOARD_PORT: str(port), "SCOREKEEPER_DASHBOARD_OWN_TOKEN": "t" * 32, "SCOREKEEPER_UP_STAGE": "asleep",
            "SCOREKEEPER_UP_HELD": str(number),
        }  # fmt: skip
        part = psutil.Popen(
            [sys.executable, "-m", "cli.up.parts", "dashboard"], cwd=ROOT, pass_fds=[number], stdout=subprocess.PIPE,
            env=os.environ | environment_of(load_settings(), port) | told, text=True,
        )  # fmt: skip
        try:
            for _ in range(2):
                answer = httpx.get(f"http://127.0.0.1:{port}/", timeout=120)
                assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
                assert "cannot be read" in answer.text
            assert wait_until(lambda: part.memory_info().rss < 20_000_000, 60)  # awake it is four times that
        finally:
            part.terminate()
        assert part.wait(20) == 0
        assert str(tmp_path) in part.stdout.read()  # the reason, for the log
