"""Pure modules give the same for the same arguments: they read no clock, open no file, and draw no chance of their own.

Which they are stands in pyproject.toml, in the contract that forbids them the packages that do I/O.
"""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONTRACT = "what is pure does no I/O"
# Modules of the standard library that are there for I/O, clocks, processes and the like.
IMPURE_MODULES = {
    "asyncio", "builtins", "fileinput", "getpass", "glob", "http", "io", "locale", "logging", "multiprocessing", "os",
    "pathlib", "platform", "secrets", "select", "shutil", "signal", "socket", "sqlite3", "ssl", "subprocess", "sys",
    "tempfile", "threading", "time", "urllib",
}  # fmt: skip
# Names that read a clock, a file, a terminal or chance, whatever they are called on.
IMPURE_CALLS = {
    "open", "print", "input", "breakpoint", "exec", "eval", "__import__", "now", "utcnow", "today", "read_text",
    "read_bytes", "write_text", "write_bytes", "uuid1", "uuid4", "getenv", "SystemRandom", "default_rng",
}  # fmt: skip


def pure_modules() -> list[Path]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (contract,) = (one for one in project["tool"]["importlinter"]["contracts"] if one["name"] == CONTRACT)
    found: list[Path] = []
    for name in contract["source_modules"]:
        place = ROOT.joinpath(*name.split("."))
        found += [place.with_suffix(".py")] if place.with_suffix(".py").exists() else sorted(place.rglob("*.py"))
    return found


def impurities(source: str) -> Iterator[str]:
    """What in a module's source reads anything but its arguments, with its line."""
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        roots = (name.partition(".")[0] for name in names if name != "urllib.parse")  # which only takes text apart
        if bad := IMPURE_MODULES.intersection(roots):
            yield f"line {node.lineno}: imports {', '.join(sorted(bad))}"  # type: ignore[attr-defined]
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            seeded = called.endswith("default_rng") and node.args
            of_module = called.startswith("random.") and called != "random.Random"
            unseeded = called == "random.Random" and not node.args
            if (called.rpartition(".")[2] in IMPURE_CALLS and not seeded) or of_module or unseeded:
                yield f"line {node.lineno}: calls {called}"


@pytest.mark.parametrize("path", pure_modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_pure_module_reads_nothing_but_its_arguments(path: Path) -> None:
    assert list(impurities(path.read_text())) == []


@pytest.mark.parametrize(
    "source",
    [
        "from datetime import datetime\nat = datetime.now()", "import datetime\nat = datetime.date.today()",
        "import time", "from time import monotonic", "import os.path", "from pathlib import Path", "open('x')",
        "path.read_text()", "print('x')", "import random\nrandom.random()", "import random\nrandom.Random()",
        "import numpy as np\nnp.random.default_rng()", "from urllib.request import urlopen",
    ],
)  # fmt: skip
def test_what_reads_a_clock_a_file_or_chance_is_found(source: str) -> None:
    assert len(list(impurities(source))) == 1


def test_chance_from_a_seed_is_pure() -> None:
    seeded = "import random, numpy as np\nchance = random.Random(7)\nchance.random()\nnp.random.default_rng(7)"
    assert list(impurities(seeded)) == []
