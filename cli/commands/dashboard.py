"""`scorekeeper dashboard`: the score in a browser, live. The server is in `cli/dashboard_server.py`."""

from typing import Annotated

import typer

from cli import stopping
from cli.options import installation_options


@installation_options("home", "scores_url", "system")
def dashboard(
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Where it listens.")] = 4210,
    host: Annotated[
        str, typer.Option(help="The address that it listens at. Any but this machine's own needs DASHBOARD_TOKEN.")
    ] = "127.0.0.1",
    show: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
) -> None:
    """Show the score in a browser, live.

    It works on any database, also as scorekeeper_reader or on a hot standby (DASHBOARD_DATABASE_URL), and changes
    nothing. It lets in the system user that runs it, and users who have the token. A running `up` has a dashboard
    already and prints its address.
    """
    from cli.dashboard_server import run_dashboard
    from scorekeeper.settings import load_settings

    stopping.hear_while_busy()
    run_dashboard(load_settings(), host, port, show=show)
