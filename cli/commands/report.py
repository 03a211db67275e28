"""`scorekeeper report`: the score as one HTML file."""

from pathlib import Path
from typing import Annotated

import typer

from cli.commands.metrics import check_version
from cli.installation import open_installation
from cli.options import installation_options


@installation_options(each=True)
def report(
    version: Annotated[str | None, typer.Option(help="One SYSTEM_VERSION only.")] = None,
    output: Annotated[Path | None, typer.Option(help="The file; default: in reports/, beside LOG_DIR.")] = None,
    show: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
) -> None:
    """Draw the score: one HTML file, which needs no network.

    Equity, win rate, each agent's reliability, what trades earned and when. The same rows give the same bytes.
    """
    from scorekeeper.publish.outputs import link_to
    from scorekeeper.report import write_report

    with open_installation() as (db, settings):
        check_version(db, version)
        path = write_report(
            db, settings.reports_dir, version=version, output=output, fee_bps=settings.fee_bps,
            account_equity=settings.account_equity,
        )  # fmt: skip
    typer.echo(str(path))
    if show and link_to(path).startswith("file:"):
        import webbrowser

        webbrowser.open(link_to(path))
