"""`scorekeeper ingest`: decision files into the database."""

from pathlib import Path
from typing import Annotated

import typer

from cli.installation import by_system, open_installations, run_flow
from cli.options import installation_options


@installation_options()
def ingest(
    paths: Annotated[list[Path] | None, typer.Argument(help="Files or folders to read where they lie.")] = None,
) -> None:
    """Take in decision files: the inbox's, or those named.

    Files of the inbox are moved to archive/ or quarantine/ beside it; those named stay where they are. A file of lines
    that its writer has open is followed: whole lines come in, and it is moved once it is closed.

    A flow run where a Prefect server is there to be told, else the same steps without Prefect (FLOW_RUNS).

    Example:  scorekeeper ingest decisions.jsonl
    """
    from cli.output.ingested import print_ingested

    with open_installations():
        from flows.ingest import ingest as flow

        done = run_flow(flow([str(path.absolute()) for path in paths] if paths else None))
    for name, one in by_system(done):
        if name:
            typer.echo(f"{name}:")
        print_ingested(one)
