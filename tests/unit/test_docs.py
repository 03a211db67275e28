"""What the documents name is what there is."""

import re
from pathlib import Path

from benchmarks.main import app as benchmarks
from scorekeeper.decisions import parse
from scorekeeper.metrics.analysed_figures import AGENT_FIGURES, NET_FIGURES, SYSTEM_FIGURES
from scorekeeper.metrics.formulas import compose_agent, compose_system
from scorekeeper.settings import Settings
from scorekeeper.store.sql import read_folder

ROOT = Path(__file__).resolve().parents[2]
COUNTS = (
    "signals calls correct incorrect sum_call_return_pct brier_calls sum_brier supported_winners supported_losers "
    "opposed_winners opposed_losers abstained_winners abstained_losers"
)


def names_in(document: str) -> set[str]:
    return set(re.findall(r"`([A-Za-z_0-9]+)`", (ROOT / document).read_text(encoding="utf-8")))


def test_every_setting_is_in_the_readme_and_in_the_example() -> None:
    settings = {name.upper() for name in Settings.model_fields if name != "base_dir"}
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert settings <= names_in("README.md")
    assert {name for name in settings if not re.search(rf"^(# )?{name}=", example, re.MULTILINE)} == set()


def test_every_figure_is_defined() -> None:
    figures = compose_system([]).keys() | compose_agent(dict.fromkeys(COUNTS.split(), 0)).keys()
    analysed = {*SYSTEM_FIGURES, *NET_FIGURES, *AGENT_FIGURES}
    assert figures | analysed <= names_in("docs/metrics.md")


def test_every_field_of_a_decision_is_described() -> None:
    assert names_in("docs/decision-files.md") >= parse._KNOWN


def test_every_benchmark_of_speed_has_its_part_of_the_document() -> None:
    commands = {command.callback.__name__ for command in benchmarks.registered_commands if command.callback}
    parts = set(re.findall(r"^## (\w+)$", (ROOT / "docs/performance.md").read_text(encoding="utf-8"), re.MULTILINE))
    assert commands - {"coverage"} <= parts


def test_links_and_pictures_of_the_documents_exist() -> None:
    for document in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8")):
            assert "://" in target or (document.parent / target).exists(), f"{document.name}: {target}"


def test_every_sql_file_says_its_grain_and_is_used_by_name() -> None:
    code = "".join(
        p.read_text(encoding="utf-8") for room in ("scorekeeper", "tasks", "cli") for p in (ROOT / room).rglob("*.py")
    )
    folders = [path.name for path in (ROOT / "sql").iterdir() if path.is_dir() and path.name != "migrations"]
    for folder in folders:
        for name, body in read_folder(folder).items():
            assert re.match(r"-- (One row|At most one row)", body), f"{folder}/{name}"
            assert f'"{folder}/{name}"' in code, f"{folder}/{name} is used by nothing"
