"""The dashboard on loopback, as a thread of the test's own process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from cli.ports import hold_port
from dashboard.app import Dashboard, create_app
from dashboard.security import Access
from scorekeeper.store.database import Database
from tests.waiting import wait_until

TOKEN = "canary-of-more-than-thirty-two-characters"


@dataclass
class Served:
    """A dashboard that answers: its address without a slash at the end, and the application."""

    address: str
    app: Dashboard
    port: int


@contextmanager
def serve(
    db: Database, access: Access | None = None, *, port: int = 0, prefect: str | None = None,
    reports: Path | None = None,
) -> Iterator[Served]:  # fmt: skip
    """Serve a database until the end of the block; by default this system user gets in."""
    with serve_app(create_app(db.engine, access or Access(TOKEN), prefect=prefect, reports=reports), port) as served:
        yield served


@contextmanager
def serve_app(app: Any, port: int = 0) -> Iterator[Served]:
    """Serve a dashboard until the end of the block."""
    listening = hold_port(port, listening=True)
    config = uvicorn.Config(app, log_level="warning", lifespan="off", proxy_headers=False, timeout_graceful_shutdown=3)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        assert wait_until(lambda: server.started, 20)
        number = listening.getsockname()[1]
        yield Served(f"http://127.0.0.1:{number}", app, number)
    finally:
        app.end()
        server.should_exit = True
        thread.join(20)
        listening.close()
