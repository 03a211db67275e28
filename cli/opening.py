"""How a command gets at the installation: its settings, its database, its flows."""

import asyncio
import signal
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from scorekeeper.settings import Settings
    from scorekeeper.store.database import Database

T = TypeVar("T")


def load() -> "Settings":
    """The settings, and an environment in which Prefect keeps to the home."""
    from cli.prefect_env import prepare
    from scorekeeper.settings import load_settings

    settings = load_settings()
    prepare(settings.scorekeeper_home)
    return settings


@contextmanager
def open_installation(*, migrate: bool = True) -> "Iterator[tuple[Database, Settings]]":
    """The database with the settings. Raises ScorekeeperError."""
    from scorekeeper.store.database import open_database

    settings = load()
    with open_database(settings.database_url, settings.scorekeeper_home, migrate=migrate) as db:
        yield db, settings


class StopError(BaseException):
    """A signal has asked this command to stop: its number."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def stop_on_signal(number: int, _frame: FrameType | None) -> None:
    """End this command where it stands: what it has open is given up in order."""
    raise StopError(number)


def run_flow(flow_run: Coroutine[Any, Any, T]) -> T:
    """Run a flow to its end, its progress shown. Raises StopError: a signal has ended it between two transactions."""
    from prefect.exceptions import TerminationSignal

    from cli.progress import show_progress

    try:
        with show_progress():
            return asyncio.run(flow_run)
    except TerminationSignal as ended:  # Prefect hears the signal while a flow runs
        raise StopError(ended.signal) from None
    except KeyboardInterrupt:
        raise StopError(signal.SIGINT) from None
