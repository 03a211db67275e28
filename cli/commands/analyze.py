"""`scorekeeper analyze`: what can be concluded, in words and tables."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cli.installation import open_installation, run_flow
from cli.options import installation_options, parse_moment
from scorekeeper.errors import ScorekeeperError

if TYPE_CHECKING:
    from scorekeeper.analysis.document import Analysis
    from scorekeeper.store.database import Database


@installation_options(each=True)
def analyze(
    as_of: Annotated[str | None, typer.Option(help="What had closed by then, UTC; default: the last track.")] = None,
) -> None:
    """Say what can be concluded, and what cannot.

    Attribution, intervals that hold for overlapping trades, calibration, baselines, versions.

    A flow run where a Prefect server is there to be told, else the same steps without Prefect (FLOW_RUNS).
    """
    moment = parse_moment(as_of)
    with open_installation(for_flow=True) as (db, _):
        from cli.output.analysis import print_analysis

        print_analysis(run_analysis(db, moment))


def run_analysis(db: "Database", as_of: datetime | None) -> "Analysis":
    """Run the flow; the analysis that it stored. Raises ScorekeeperError."""
    from flows.analyze import analyze as flow
    from scorekeeper.analysis.run import last_analysis

    done = run_flow(flow(as_of))
    with db.begin() as connection:
        found = last_analysis(connection, at=datetime.fromisoformat(done["as_of"]))
    if found is None:
        raise ScorekeeperError("the analysis that was just stored is gone: another command has removed it")
    return found
