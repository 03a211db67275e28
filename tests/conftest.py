"""One embedded Postgres for each process of a session; a fresh copy of a migrated database for each test that asks."""

import itertools
import os
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import is_hypothesis_test, settings

from scorekeeper.store import embedded
from scorekeeper.store.database import Database, open_database

_numbers = itertools.count()
pytest.register_assert_rewrite("tests.agreement", "tests.faults.installation")
if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
    # Some hundred processes are started here: each would compile all that it imports.
    os.environ["PYTHONPYCACHEPREFIX"] = str(Path(__file__).parents[1] / ".pytest_cache" / "bytecode")
# Tests that draw their cases: how many they draw, as (option, by default, with --long, what it counts).
COUNTS: tuple[tuple[str, float, float, str], ...] = (
    ("--universes", 20, 200, "random universes that are compared with the plain reference"),
    ("--machine-examples", 4, 24, "lives of the state machine of tests/faults"),
    ("--machine-steps", 16, 20, "steps that each of those lives has at most"),
    ("--kills", 12, 60, "kills of the pipeline at random points"),
    ("--cuts", 4, 24, "cuts of its connection to Postgres at random points"),
    ("--stops", 3, 16, "commands that are stopped by a signal at a random moment"),
    ("--appends-seconds", 1.0, 3.0, "seconds for which a thousand lines a second are appended"),
)
# How many examples each law draws that Hypothesis checks. No deadline: two busy cores are no reason to fail.
settings.register_profile("short", deadline=None, max_examples=50)
settings.register_profile("long", deadline=None, max_examples=500)
# Test files that take longest are begun first: a long one that is begun last runs while the other processes are idle.
LONGEST = (
    "test_up_killed.py", "test_up.py", "test_universes.py", "test_gate.py", "test_shown.py", "test_stop.py",
    "test_state_machine.py", "test_kill.py", "test_command.py", "test_warm.py", "test_watching.py", "test_network.py",
    "test_cold_up.py", "test_wheel.py", "test_home.py", "test_alerts.py", "test_flows.py", "test_doctor.py",
)  # fmt: skip


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--long", action="store_true", help="Run the long tests, and those that draw their cases with many more."
    )
    for name, short, long, counted in COUNTS:
        parser.addoption(name, type=type(short), help=f"How many {counted}: {short} by default, {long} with --long.")
    parser.addoption("--seed", type=int, help="What kills and cuts are drawn from; a failure names it (default: any).")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long: takes too long for the default level; runs with --long")
    config.addinivalue_line("markers", "drawn: draws its cases, a few at the default level and many with --long")
    is_long = config.getoption("--long")
    settings.load_profile("long" if is_long else "short")
    for name, short, long, _ in COUNTS:
        destination = name.lstrip("-").replace("-", "_")
        if config.getoption(name) is None:
            setattr(config.option, destination, long if is_long else short)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests of the level that is asked for, and begin with the longest.

    A file or a test that is named on the command line runs whole.
    """
    is_long = config.getoption("--long")
    if not any(re.search(r"\.py(::|$)", word) for word in config.args):
        kept = [item for item in items if is_of_level(item, is_long=is_long)]
        config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
        items[:] = kept
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


def is_of_level(item: pytest.Item, *, is_long: bool) -> bool:
    draws = item.get_closest_marker("drawn") is not None or is_hypothesis_test(getattr(item, "obj", None))
    if is_long:
        return draws or item.get_closest_marker("long") is not None
    return item.get_closest_marker("long") is None


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
        # By file: by its write-ahead log, which is the default, a copy takes three times as long.
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
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
