"""`scorekeeper ui`: Prefect's UI of a running `up`, in a browser that is let in."""

import base64
import html
import os
import webbrowser

import httpx
import typer

from cli.prefect_server.client_settings import running_server
from cli.prefect_server.gate import TICKET_SECONDS
from cli.prefect_server.password import DOOR, PLACE, password_file, write_private
from cli.up.supervision import reach_directly
from scorekeeper.errors import ScorekeeperError
from scorekeeper.settings import Settings


def open_ui(settings: Settings, *, show: bool) -> None:
    """Let one browser in, once: this machine's if `show`, else whose address line the link is pasted into.

    The link is never an argument of a command, which others can see: the browser is given a file that leads to it.
    Raises ScorekeeperError.
    """
    home = settings.scorekeeper_home
    os.environ.update(reach_directly(os.environ))
    server = running_server(home)
    if server is None:
        raise ScorekeeperError(f"scorekeeper up does not run in {home}: start it, or name its home with --home")
    address = server.address.removesuffix("/api")
    basic = base64.b64encode(server.password.encode()).decode()  # as Prefect spells it, also without a colon
    try:
        answer = httpx.post(f"{address}{DOOR}/ticket", headers={"Authorization": f"Basic {basic}"}, timeout=10)
        answer.raise_for_status()
        link = f"{address}{DOOR}/enter#{answer.json()['ticket']}"
    except (httpx.HTTPError, KeyError, ValueError) as failed:
        raise ScorekeeperError(f"the server of scorekeeper up does not let us in ({type(failed).__name__})") from None
    leading = home / PLACE / "enter.html"
    write_private(leading, f'<!doctype html><meta http-equiv=refresh content="0;url={html.escape(link)}">')
    is_shown = show and webbrowser.open(leading.as_uri())
    how = "Opened in the browser. Or, in another one" if is_shown else "Open in a browser"
    typer.echo(f"{how}, once and within {TICKET_SECONDS:.0f} seconds:\n  {link}")
    typer.echo(f"Asked for a password, it is what {password_file(home)} holds, all of it.")
