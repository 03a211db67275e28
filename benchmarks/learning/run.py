"""The benchmark of learning: every bar, simulated."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.progress import track

from benchmarks import learning_meta
from benchmarks.learning import recalibration, votes
from benchmarks.learning.universe import cases
from benchmarks.result import Run, open_console

SIMULATIONS, SIZES = 500, (1_000, 2_000, 5_000, 10_000, 20_000)
QUICK_SIMULATIONS, QUICK_LARGEST = 60, 5_000
SEED = 20_261
MANY = 5_000  # decisions above which a walk through a meta-model's days takes its time


def run(simulations: int, largest: int, seed: int, output: Path) -> None:
    """Simulate universes of up to `largest` decisions, print the tables, write the figures into `output`."""
    console = open_console()
    options = {"simulations": simulations, "largest": largest, "seed": seed}
    result = Run("learning", "what is learned in simulated universes", "the truth", "decisions", options)
    measured = [
        votes.measure(planted, decisions, simulations, seed)
        for planted, decisions in track(
            cases(votes.BARS, votes.OTHERS, largest), "votes, evidence, adoption", console=console
        )
    ]
    mapped = [
        recalibration.measure(*case, simulations, seed)
        for case in track(recalibration.cases(min(largest, 5_000)), "recalibration", console=console)
    ]
    foretold = [
        learning_meta.measure(planted, decisions, simulations // (2 if decisions <= MANY else 8), seed)
        for planted, decisions in track(
            cases(learning_meta.BARS, learning_meta.OTHERS, largest), "meta-model", console=console
        )
    ]
    for table in (votes.table(measured), recalibration.table(mapped), learning_meta.table(foretold)):
        console.print(table)
    parts: dict[str, Sequence[Any]] = {"votes": measured, "recalibration": mapped, "meta_model": foretold}
    result.figures = {name: [asdict(one) for one in part] for name, part in parts.items()}
    result.finish(console, output)
