"""`scorekeeper automations`: notifications, and the end of late and zombie runs, on Prefect's server."""

from typing import Annotated

import typer

from cli.installation import load_for_prefect
from cli.options import installation_options


@installation_options("home")
def automations(
    notify: Annotated[
        str | None, typer.Option(metavar="TYPE/NAME", help="A notification block, such as slack-webhook/alerts.")
    ] = None,
) -> None:
    """Let Prefect's server notify you of trouble, and clear late and zombie runs.

    Makes automations on the running up's server, or that of PREFECT_API_URL. Running it again updates each automation,
    but keeps disabled ones disabled.

    Example:  scorekeeper automations --notify slack-webhook/alerts
    """
    load_for_prefect()
    from cli.prefect_server.automations import make_automations

    make_automations(notify)
