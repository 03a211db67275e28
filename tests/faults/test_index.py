"""The list of faults names every line, and only tests that exist."""

import ast
import re
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
ROWS = re.findall(r"^\| (\d+) \| [^|]+ \| ([^|]+) \|$", (TESTS / "faults" / "README.md").read_text(), re.MULTILINE)


def functions_of(path: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}


def test_every_line_is_there_and_shown_or_said_to_be_missing() -> None:
    assert [int(number) for number, _ in ROWS] == list(range(1, 55))
    for number, shown in ROWS:
        assert "::test_" in shown or "**missing**" in shown, number


def test_every_test_that_is_named_exists() -> None:
    for number, shown in ROWS:
        for file, name in re.findall(r"`([a-z_/]+\.py)::(test_\w+)`", shown):
            assert name in functions_of(TESTS / file), f"{number}: {file}::{name}"
