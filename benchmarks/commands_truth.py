"""The commands that check how true the figures are, against simulations whose truth is known."""

from typing import Annotated

import typer

from benchmarks import coverage as covering
from benchmarks.learning import run as learned
from benchmarks.options import Output
from benchmarks.result import RESULTS


def coverage(
    size: Annotated[
        list[int] | None, typer.Option(min=20, help="Independent trades. May be repeated. [20, 50, 100 and 400]")
    ] = None,
    simulations: Annotated[int, typer.Option(min=100, help="Simulations of each case.")] = covering.SIMULATIONS,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same figures.")] = covering.SEED,
    output: Output = RESULTS,
) -> None:
    """Hold the intervals, the ranking and the verdicts against simulations whose truth is known.

    Simulated agents of known skill and calibration over simulated markets. Needs no database; takes some ten minutes.
    """
    covering.run(size or list(covering.INDEPENDENT), simulations, seed, output)


def learning(
    quick: Annotated[bool, typer.Option("--quick", help="60 simulations of up to 5,000 decisions: minutes.")] = False,
    simulations: Annotated[int | None, typer.Option(min=20, help="Simulations of each universe. [500]")] = None,
    size: Annotated[int | None, typer.Option(min=1_000, help="The most decisions of a universe. [20000]")] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same figures.")] = learned.SEED,
    output: Output = RESULTS,
) -> None:
    """Check what is learned in universes whose truth is known.

    Gains, false adoption and power of weights; recalibration; the meta-model. Planted agents over simulated markets, of
    which the product's own functions learn. Needs no database; takes some hours.
    """
    learned.run(
        simulations or (learned.QUICK_SIMULATIONS if quick else learned.SIMULATIONS),
        size or (learned.QUICK_LARGEST if quick else max(learned.SIZES)),
        seed,
        output,
    )
