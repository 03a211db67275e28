"""How a command gets at the installation: its settings, its database, its flows."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from scorekeeper.settings import Settings
    from scorekeeper.store.database import Database

from cli.stopping import StopError, hear_while_busy

T = TypeVar("T")


def load() -> "Settings":
    """The settings, and an environment in which Prefect keeps to the home."""
    from cli.prefect_server.client_settings import prepare
    from scorekeeper.private_files import check_owner
    from scorekeeper.settings import load_settings

    settings = load_settings()
    check_owner(settings.scorekeeper_home)
    prepare(settings.scorekeeper_home)
    return settings


@contextmanager
def open_installation(*, migrate: bool = True) -> "Iterator[tuple[Database, Settings]]":
    """The database with the settings. Raises ScorekeeperError."""
    from scorekeeper.store.database import open_database

    hear_while_busy()
    settings = load()
    with open_database(settings.database_url, settings.scorekeeper_home, migrate=migrate) as db:
        yield db, settings


def run_flow(flow_run: Coroutine[Any, Any, T]) -> T:
    """Run a flow to its end, its progress shown.

    Raises StopError: a signal has ended it between two transactions; ScorekeeperError: the server does not let us in.
    """
    from prefect.exceptions import PrefectHTTPStatusError, TerminationSignal

    from cli.output.progress import show_progress
    from tasks.prefect_server import not_let_in

    try:
        with show_progress():
            return asyncio.run(flow_run)
    except TerminationSignal as ended:  # Prefect hears the signal while a flow runs
        raise StopError(ended.signal) from None
    except PrefectHTTPStatusError as refused:
        if refused.response.status_code not in (401, 403):
            raise
        raise not_let_in() from None
