"""What the documents name is what there is."""

import re
from pathlib import Path

from benchmarks.main import app as benchmarks
from scorekeeper.decisions import parse
from scorekeeper.metrics import money, names
from scorekeeper.metrics.formulas import compose_agent, compose_system
from scorekeeper.settings import Settings
from scorekeeper.store.sql import raw, read_folder

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("scorekeeper", "tasks", "flows", "cli", "dashboard", "mcp_server")
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


def defined_in(document: str) -> set[str]:
    """The names in the first column of a document's tables, from the system's figures on."""
    text = (ROOT / document).read_text(encoding="utf-8").partition("\n## The system\n")[2]
    cells = re.findall(r"^\| (`[^|]*) \|", text, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}


def test_every_metric_of_the_list_is_composed_in_its_order() -> None:
    assert tuple(compose_system([])) == names.COMPOSED_NAMES
    assert tuple(compose_agent(dict.fromkeys(COUNTS.split(), 0))) == names.COMPOSED_AGENT_NAMES


def test_the_document_defines_the_metrics_of_the_list_and_no_others() -> None:
    listed = {metric.name for metric in (*names.SYSTEM, *names.AGENT)}
    assert defined_in("docs/metrics.md") == {*names.SCOPE, *listed, *names.MONEY_NAMES}
    assert names_in("docs/metrics.md") >= {*money.COST_KINDS, "net_holds", "money"}


def test_every_field_of_a_decision_is_described() -> None:
    assert names_in("docs/decision-files.md") >= parse._KNOWN


def test_every_benchmark_of_speed_has_its_part_of_the_document() -> None:
    commands = {command.callback.__name__ for command in benchmarks.registered_commands if command.callback}
    parts = set(re.findall(r"^## (\w+)$", (ROOT / "docs/performance.md").read_text(encoding="utf-8"), re.MULTILINE))
    assert commands - {"coverage", "compare"} <= parts


def test_links_and_pictures_of_the_documents_exist() -> None:
    for document in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8")):
            assert "://" in target or (document.parent / target).exists(), f"{document.name}: {target}"


def test_every_path_that_contributing_names_exists() -> None:
    rooms = [path for path in ROOT.iterdir() if path.name[0] != "."]
    paths = [path for room in rooms for path in (room, *room.rglob("*"))]
    there = "".join(f"/{path.relative_to(ROOT).as_posix()}\n" for path in paths)
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z_]+(?:/\w+)*(?:/|\.(?:py|sql|md|yaml|toml)))`", text))
    assert len(named) > 50
    # The last two are folders of an installation.
    missing = {name for name in named if f"/{name.rstrip('/')}\n" not in there} - {"archive/", "quarantine/"}
    assert missing - {"cli/commands/NAME.py", "sql/PACKAGE/"} == set()


def test_no_module_is_longer_than_300_lines() -> None:
    modules = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    lines = {path.relative_to(ROOT): path.read_text(encoding="utf-8").count("\n") for path in modules}
    assert {path: count for path, count in lines.items() if count > 300} == {}


def test_every_sql_file_says_its_grain_and_is_used_by_name() -> None:
    code = "".join(
        p.read_text(encoding="utf-8")
        for room in ("scorekeeper", "tasks", "cli", "dashboard")
        for p in (ROOT / room).rglob("*.py")
    )
    folders = [path.name for path in (ROOT / "sql").iterdir() if path.is_dir() and path.name != "migrations"]
    bodies = {f"{folder}/{name}": body for folder in folders for name, body in read_folder(folder).items()}
    shared = {name for body in bodies.values() for name in re.findall(r"^-- with \w+: (\S+)$", body, re.MULTILINE)}
    for name, body in bodies.items():
        assert re.match(r"-- (One row|At most one row|No row: )", body), name
        assert f'"{name}"' in code or name in shared, f"{name} is used by nothing"


def test_every_way_to_close_holds_the_one_formula_of_returns_after_fees() -> None:
    formula = raw("trades/returns").rstrip().removesuffix(";")
    for name in ("trades/close_due_trades", "trades/close_by_quote", "operations/import_exit"):
        assert formula in raw(name), name
        assert raw(name).count("fee_bps / 100") == 1, name
        assert "-- with " not in raw(name), name
