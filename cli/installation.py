"""How a command uses the installation: its settings, its database, its flows."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from cli.stopping import StopError, hear_while_busy

if TYPE_CHECKING:
    from scorekeeper.settings import Settings
    from scorekeeper.store.database import Database

T = TypeVar("T")


def load() -> "Settings":
    """The settings. Raises ScorekeeperError."""
    from scorekeeper.private_files import check_owner
    from scorekeeper.settings import load_settings

    settings = load_settings()
    check_owner(settings.scorekeeper_home)
    return settings


def load_for_prefect() -> "Settings":
    """The settings; afterwards the environment tells Prefect which server to use. Raises ScorekeeperError.

    Called before Prefect is imported: Prefect reads its own settings on import.
    """
    from cli.prefect_server.client_settings import prepare

    settings = load()
    prepare(settings.scorekeeper_home)
    return settings


def choose_engine(settings: "Settings") -> None:
    """Decide what executes the flows of this command, before one is imported.

    Prefect's engine, if there is a server to tell or FLOW_RUNS says so; else the flows are plain functions.
    """
    from cli.prefect_server.client_settings import find_server, prepare

    if settings.flow_runs == "always" or find_server(settings.scorekeeper_home):
        prepare(settings.scorekeeper_home)
    else:
        from tasks import plain

        plain.choose()


@contextmanager
def open_installation(
    *, migrate: bool = True, for_flow: bool = False
) -> "Iterator[tuple[Database, Settings]]":
    """The database and the settings. Raises ScorekeeperError.

    A command that runs a flow opens it too (`for_flow`), before it imports the flow: a database that is away is
    reported at once.
    """
    from scorekeeper.settings import check_one
    from scorekeeper.store.database import open_database

    hear_while_busy()
    settings = load()
    check_one(settings)
    if for_flow:
        choose_engine(settings)
    with open_database(
        settings.database_url, settings.scorekeeper_home, migrate=migrate, system=settings.system
    ) as db:  # fmt: skip
        yield db, settings


@contextmanager
def open_installations() -> Iterator[None]:
    """The same for a command whose flow works on all systems: with several, the flow opens each.

    Raises ScorekeeperError.
    """
    settings = load()
    if settings.systems_dir is None or settings.system:
        with open_installation(for_flow=True):
            yield
    else:
        hear_while_busy()
        choose_engine(settings)
        yield


def by_system(done: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """What a flow did for each system, with its name; without a name where it is one alone."""
    return list(done["systems"].items()) if "systems" in done else [("", done)]


def run_flow(flow_run: Coroutine[Any, Any, T]) -> T:
    """Run a flow to its end, and show its progress.

    Raises StopError if a signal ended it between two transactions; ScorekeeperError if the server refuses the password,
    or does not answer as a server of Prefect's.
    """
    from cli.progress import show_progress
    from tasks import plain

    with show_progress():
        return asyncio.run(flow_run) if plain.is_chosen() else _run_by_prefect(flow_run)


def _run_by_prefect(flow_run: Coroutine[Any, Any, T]) -> T:
    import json

    import httpx
    from prefect.exceptions import TerminationSignal

    from tasks.prefect_server import explain_failure

    try:
        return asyncio.run(flow_run)
    except TerminationSignal as exc:  # Prefect handles signals while a flow runs
        raise StopError(exc.signal) from None
    except (httpx.HTTPError, json.JSONDecodeError) as exc:
        raise explain_failure(exc) from exc
    except RuntimeError as exc:
        if not str(exc).startswith("Failed to reach API"):  # Prefect's words, with what httpx said as the cause
            raise
        raise explain_failure(exc.__cause__ or exc) from exc
