"""The examples in docstrings run, and show what they print."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Only modules with an example are imported: the others cost time and prove nothing here.
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for room in ("scorekeeper", "cli", "dashboard", "mcp_server")
    for path in sorted((ROOT / room).rglob("*.py"))
    if "\n    >>> " in path.read_text(encoding="utf-8")
]


def test_formulas_have_examples() -> None:
    assert {"scorekeeper.metrics.formulas", "scorekeeper.metrics.daily_series"} <= set(MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_of_a_module_print_what_they_show(module: str) -> None:
    result = doctest.testmod(import_module(module), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.attempted > 0
    assert result.failed == 0, "the differences are in the captured output"
