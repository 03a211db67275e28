"""Benchmarks: a figure that is a fifth worse than the release before's is seen, whichever way is worse."""

import json
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks import compare
from benchmarks.result import Figure, Run, Target, Timed


def write_run(
    output: Path, *, time: float = 1.0, rate: float = 1.0, memory: float = 100.0, statements: int = 100
) -> None:
    run = Run("trial", "a trial", "itself", "rows", {}, figures={"counts": {"a step": {"statements": statements}}})
    run.add(Timed("slow", 1, [9.0], 10), time, Target(Figure.TIME, 5))
    run.add(Timed("fast", 1, [9.0], 10), rate, Target(Figure.RATE, 0.1))
    run.add(Timed("large", 1, [9.0], 10, memory), None, Target(Figure.MEMORY, 500))
    run.add(Timed("seconds", 1, [9.0 * time], 10), None, Target(Figure.SECONDS, 500))
    run.finish(Console(quiet=True), output)


@pytest.fixture
def output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of runs, beside the figures of a release."""
    monkeypatch.setattr(compare, "RELEASE", tmp_path / "release.json")
    folder = tmp_path / "results"
    write_run(folder)
    assert compare.keep(folder) == 4, "seconds are no figures to compare"
    return folder


@pytest.mark.parametrize(
    ("changed", "good"),
    [
        ({}, True), ({"time": 1.19}, True), ({"time": 1.21}, False), ({"time": 0.1}, True),
        ({"rate": 0.84}, True), ({"rate": 0.82}, False), ({"rate": 9.0}, True), ({"memory": 121.0}, False),
        ({"statements": 119}, True), ({"statements": 122}, False), ({"statements": 1}, True),
    ],
)  # fmt: skip
def test_what_became_a_fifth_worse_is_told(output: Path, changed: dict[str, float], good: bool) -> None:
    for path in output.glob("*.json"):
        path.unlink()
    write_run(output, **changed)  # type: ignore[arg-type]
    console = Console(record=True, quiet=True, width=120)
    assert compare.show_changes(console, output) is good


def test_of_several_runs_the_latest_counts_and_a_few_statements_are_no_change(output: Path) -> None:
    write_run(output, statements=4)
    for number, path in enumerate(sorted(output.glob("*.json"))):
        run = json.loads(path.read_text())
        (output / f"{number}.json").write_text(json.dumps({**run, "started_at": f"203{number}-01-01T00:00:00+00:00"}))
        path.unlink()
    assert compare.read_results(output.glob("*.json"))["statements"] == {"a step": 4}
    few, more = {"statements": {"a step": 2.0}}, {"statements": {"a step": 5.0}}
    assert [one.worse for one in compare.compare(few, more)] == [False]


def test_the_figures_of_the_release_before_are_in_the_repository() -> None:
    figures = json.loads(compare.RELEASE.read_text())
    assert len(figures["statements"]) > 20
    assert "metrics" in figures["blocks"]
