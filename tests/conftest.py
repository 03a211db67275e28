"""One embedded Postgres for each process of a session; a fresh copy of a migrated database for each test that asks."""

import itertools
import os
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import settings

from scorekeeper.store import embedded
from scorekeeper.store.database import Database, open_database

_numbers = itertools.count()
pytest.register_assert_rewrite("tests.agreement", "tests.faults.installation")
if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
    # Some hundred processes are started here: each would compile all that it imports.
    os.environ["PYTHONPYCACHEPREFIX"] = str(Path(__file__).parents[1] / ".pytest_cache" / "bytecode")
settings.register_profile("patient", deadline=None)  # two busy cores are no reason to fail
settings.load_profile("patient")
# Minutes each: begun first, or one of them runs at the end while the other process has nothing to do.
LONG = ("test_universes.py", "test_up.py", "test_command.py", "test_kill.py", "test_shown.py", "test_state_machine.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--universes", type=int, default=200, help="How many random universes are held against the plain reference."
    )
    parser.addoption(
        "--machine-examples", type=int, default=16, help="How many lives the state machine of tests/faults lives."
    )
    parser.addoption("--machine-steps", type=int, default=20, help="How many steps each of those lives has at most.")
    parser.addoption("--kills", type=int, default=50, help="How often the pipeline is killed at random.")
    parser.addoption("--cuts", type=int, default=24, help="How often its connection to Postgres is cut at random.")
    parser.addoption(
        "--appends-seconds", type=float, default=3.0, help="For how long a thousand lines a second are appended."
    )
    parser.addoption("--stops", type=int, default=12, help="How many commands are stopped, each at a random moment.")
    parser.addoption("--seed", type=int, help="What kills and cuts are drawn from; a failure names it (default: any).")


@pytest.fixture
def seed(pytestconfig: pytest.Config) -> int:
    """What a test draws its accidents from; it names it when it fails."""
    given: int | None = pytestconfig.getoption("seed")
    return random.randrange(10**9) if given is None else given


# What was counted, by the heading that it is shown under.
Tallies = defaultdict[str, Counter[str]]
TALLIES: pytest.StashKey[Tallies] = pytest.StashKey()


def tallies(config: pytest.Config) -> Tallies:
    if TALLIES not in config.stash:
        fresh: Tallies = defaultdict(Counter)
        config.stash[TALLIES] = fresh
    return config.stash[TALLIES]


@pytest.fixture
def tally(pytestconfig: pytest.Config) -> Counter[str]:
    """What the universes held, for the summary."""
    return tallies(pytestconfig)["universes"]


@pytest.fixture
def machine_tally(pytestconfig: pytest.Config) -> Counter[str]:
    """What the state machine did, for the summary."""
    return tallies(pytestconfig)["state machine"]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand what was counted in one of several processes to the first."""
    if isinstance(handed := getattr(session.config, "workeroutput", None), dict):
        handed["tallies"] = {heading: dict(tally) for heading, tally in tallies(session.config).items()}


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take what one of several processes has counted."""
    counted: dict[str, dict[str, int]] = getattr(node, "workeroutput", {}).get("tallies", {})
    for heading, tally in counted.items():
        tallies(node.config)[heading].update(tally)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for heading, tally in tallies(config).items():
        if tally:
            terminalreporter.section(heading)
            terminalreporter.write_line(", ".join(f"{number:,} {name}" for name, number in tally.items()))


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[embedded.Lease]:
    """A running server with a migrated template database; durability is off: nothing in it outlives the session."""
    home: Path = tmp_path_factory.mktemp("cluster")
    fast = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    lease = embedded.acquire(home, fast)
    with open_database(lease.url("template_scorekeeper"), home):
        pass
    yield lease
    lease.release()


@contextmanager
def fresh_database(cluster: embedded.Lease, template: str = "template_scorekeeper") -> Iterator[str]:
    """The address of a copy of a database (the migrated template), dropped afterwards."""
    name = f"test_{next(_numbers)}"
    host = str(cluster.socket_folder)
    with psycopg.connect(host=host, user=embedded.ROLE, dbname="postgres", autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        yield f"postgresql+psycopg://{embedded.ROLE}@/{name}?host={host}"
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database_url(cluster: embedded.Lease) -> Iterator[str]:
    """The address of a fresh database, dropped afterwards."""
    with fresh_database(cluster) as url:
        yield url


@pytest.fixture
def db(database_url: str, tmp_path: Path) -> Iterator[Database]:
    """A fresh migrated database."""
    with open_database(database_url, tmp_path) as database:
        yield database


@pytest.fixture
def other_db(cluster: embedded.Lease, tmp_path: Path) -> Iterator[Database]:
    """A second fresh migrated database."""
    with fresh_database(cluster) as url, open_database(url, tmp_path) as database:
        yield database
