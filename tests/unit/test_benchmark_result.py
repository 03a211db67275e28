"""What a run of a benchmark leaves: a table, a JSON file, a chart; and when a target counts as reached."""

import json
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.memory import peak_memory_mb
from benchmarks.result import Figure, Run, Target, Timed


def _run(sizes: list[int]) -> Run:
    run = Run("example", "an example", "the yardstick", "things", {"size": sizes})
    for size in sizes:
        timed = [Timed("ours", 10, [0.1, 0.3, 0.2], size, 12.5), Timed("the yardstick", 10, [2.0], size)]
        run.add_times(timed, 2.0, {"ours": Target(Figure.TIME, 0.05)})
    return run


@pytest.mark.parametrize(
    ("figure", "limit", "ratio", "reached"),
    [
        (Figure.TIME, 0.02, 0.02, True),
        (Figure.TIME, 0.02, 0.021, False),
        (Figure.RATE, 0.5, 0.5, True),
        (Figure.RATE, 0.5, 0.49, False),
        (Figure.SECONDS, 0.2, None, True),
        (Figure.SECONDS, 0.19, None, False),
    ],
)
def test_a_time_is_held_to_at_most_and_a_rate_to_at_least(
    figure: Figure, limit: float, ratio: float | None, reached: bool
) -> None:
    assert Target(figure, limit).is_reached(Timed("it", 1, [0.1, 0.2, 9.0]), ratio) is reached


def test_a_run_leaves_its_figures_and_says_which_target_was_missed(tmp_path: Path) -> None:
    console = Console(file=StringIO(), width=160)
    _run([1_000]).finish(console, tmp_path / "made")
    assert isinstance(console.file, StringIO)
    assert "≤ 0.05 of its time MISSED" in console.file.getvalue()
    (path,) = (tmp_path / "made").iterdir()
    kept = json.loads(path.read_text(encoding="utf-8"))
    assert kept["rows"][0] == {
        "size": 1_000, "what": "ours", "rows": 10, "seconds": [0.1, 0.3, 0.2], "median": 0.2, "ratio": 0.1,
        "peak_mb": 12.5, "target": "≤ 0.05 of its time", "reached": False, "figure": "of its time",
    }  # fmt: skip
    assert kept["rows"][1]["target"] is kept["rows"][1]["reached"] is None
    assert set(kept["versions"]) == {"scorekeeper", "python", "postgres"}
    assert kept["machine"]["cpus"] >= 1
    assert kept["options"] == {"size": [1_000]}


def test_a_run_over_sizes_leaves_a_chart_that_asks_for_nothing(tmp_path: Path) -> None:
    run = _run([0, 1_000, 10_000])
    run.finish(Console(file=StringIO()), tmp_path)
    assert [row[:2] for row in run.as_chart().rows] == [
        (what, size) for what in ("ours", "the yardstick") for size in ("0", "1,000", "10,000")
    ]
    page = next(tmp_path.glob("example-*.html")).read_text(encoding="utf-8")
    assert "the yardstick" in page
    assert "<script" not in page
    assert "http" not in page


def test_the_peak_of_memory_is_the_process_own() -> None:
    before = peak_memory_mb()
    held = bytearray(64 * 2**20)
    held[::4096] = b"x" * len(held[::4096])
    assert peak_memory_mb() >= max(before, 60)
