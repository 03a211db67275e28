"""What each way in imports: heavy packages only where they are needed."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.levels import long

ROOT = Path(__file__).resolve().parents[3]
HEAVY = ("prefect", "ccxt", "pandas", "numpy", "scipy", "plotly", "alembic", "sqlalchemy", "psycopg", "rich")
PROGRAM = """
import json, sys
sys.argv[0] = "scorekeeper"
try:
    {statement}
finally:
    print(json.dumps([name for name in {heavy} if name in sys.modules]), file=sys.stderr)
"""
COMMAND = "from cli.main import main; main()"
DATABASE = {"sqlalchemy", "psycopg"}
SETTINGS = ("pydantic", "pydantic_settings")  # what reads the settings
DIALECT = ("sqlalchemy.dialects.postgresql",)  # what an engine loads


def imported(
    statement: str, *arguments: str, heavy: Sequence[str] = HEAVY, environment: Mapping[str, str] | None = None
) -> set[str]:
    """Which heavy packages a process of its own has imported at its end."""
    program = PROGRAM.format(statement=statement, heavy=heavy)
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=ROOT, env={**os.environ, **(environment or {})},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize(
    "arguments", [["metrics", "--help"], *long(["--help"], ["up", "--help"], ["quarantine", "--help"])]
)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    assert imported(COMMAND, *arguments) == set()


@pytest.mark.parametrize("module", ["scorekeeper.decisions.decision", *long("scorekeeper", "cli.main")])
def test_the_package_by_itself_imports_nothing_heavy(module: str) -> None:
    assert imported(f"import {module}") == set()


@pytest.mark.parametrize(
    "module",
    [
        "scorekeeper.tracker",
        *long("scorekeeper.metrics.query", "scorekeeper.publish.publish", "scorekeeper.operations.fast_record"),
    ],
)
def test_the_library_imports_the_database_at_most(module: str) -> None:
    assert imported(f"import {module}", heavy=HEAVY + SETTINGS + DIALECT) <= DATABASE


def test_metrics_as_json_imports_the_database_and_no_more(database_url: str, tmp_path: Path) -> None:
    given = {"DATABASE_URL": database_url, "SCOREKEEPER_HOME": str(tmp_path)}
    assert imported(COMMAND, "metrics", "--json", environment=given) == DATABASE


def test_a_command_looks_for_no_garbage_in_what_it_imports(database_url: str, tmp_path: Path) -> None:
    program = """
import atexit, gc, json, sys
from cli.main import main
usual, seen = gc.get_threshold(), []
gc.callbacks.append(lambda phase, info: seen.append(phase))
atexit.register(lambda: print(json.dumps([collected, after, gc.get_threshold() == usual, gc.get_freeze_count() > 1e5])))
try:
    main()
finally:
    collected = len(seen)
    kept = [[] for _ in range(250_000)]
    after = len(seen) > 0
"""
    given = {**os.environ, "DATABASE_URL": database_url, "SCOREKEEPER_HOME": str(tmp_path)}
    command = [sys.executable, "-c", program, "metrics", "--json"]
    done = subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == [0, True, True, True]


@pytest.mark.parametrize("command", ["ingest", *long("track", "learn", "prune")])
def test_a_command_without_a_server_to_tell_imports_no_prefect(
    database_url: str, tmp_path: Path, command: str
) -> None:
    (tmp_path / "inbox").mkdir()
    (tmp_path / "market").mkdir()
    given = {
        "DATABASE_URL": database_url, "SCOREKEEPER_HOME": str(tmp_path), "INBOX_DIR": str(tmp_path / "inbox"),
        "PREFECT_API_URL": "", "FLOW_RUNS": "auto", "MARKET": f"replay:{tmp_path / 'market'}",
    }  # fmt: skip
    found = imported(COMMAND, command, environment=given)
    assert found == DATABASE if command == "ingest" else "prefect" not in found


def test_the_dashboard_shows_intervals_without_scipy() -> None:
    every = "[importlib.import_module(one.name) for one in pkgutil.walk_packages(dashboard.__path__, 'dashboard.')]"
    found = imported(f"import cli.dashboard_server, dashboard, importlib, pkgutil; {every}")
    assert found == DATABASE | {"numpy", "rich"}


def test_what_up_itself_keeps_in_memory_is_small() -> None:
    assert imported("import cli.commands.up, cli.up.supervision, cli.dashboard_tokens") == set()


def test_no_module_of_the_library_imports_prefect() -> None:
    modules = sorted(
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in (ROOT / "scorekeeper").rglob("*.py")
    )
    assert len(modules) > 50
    assert "prefect" not in imported("import importlib; [importlib.import_module(m) for m in sys.argv[1:]]", *modules)
