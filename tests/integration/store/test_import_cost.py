"""What each way in imports: heavy packages only where they are needed."""

import json
import os
import subprocess
import sys
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


def imported(statement: str, *arguments: str, **environment: str) -> set[str]:
    """Which heavy packages a process of its own has imported at its end."""
    program = PROGRAM.format(statement=statement, heavy=HEAVY)
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=ROOT, env={**os.environ, **environment},
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
    assert imported(f"import {module}") <= DATABASE


def test_metrics_as_json_imports_the_database_and_no_more(database_url: str, tmp_path: Path) -> None:
    given = {"DATABASE_URL": database_url, "SCOREKEEPER_HOME": str(tmp_path)}
    assert imported(COMMAND, "metrics", "--json", **given) == DATABASE


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
    found = imported(COMMAND, command, **given)
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
