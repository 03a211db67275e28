"""`scorekeeper analyze`: what can be concluded, in words and tables."""

from typing import Annotated

import typer

from cli.installation import open_installation
from cli.options import installation_options, parse_moment


@installation_options()
def analyze(
    as_of: Annotated[str | None, typer.Option(help="What had closed by then, UTC; default: the last track.")] = None,
) -> None:
    """Say what can be concluded, and what cannot.

    Attribution, intervals that hold for overlapping trades, calibration, baselines, versions.
    """
    moment = parse_moment(as_of)
    with open_installation() as (db, _):
        from cli.output.analysis import print_analysis, run_analysis

        print_analysis(run_analysis(db, moment))
