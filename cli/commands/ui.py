"""`scorekeeper ui`: Prefect's UI of a running `up`, in a browser that is let in."""

import base64
import html
import os
import webbrowser
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import installation_options
from scorekeeper.errors import ScorekeeperError

if TYPE_CHECKING:
    from scorekeeper.settings import Settings


@installation_options("home")
def ui(
    show: Annotated[
        bool, typer.Option("--show/--no-show", help="Open the browser here, or only print the link.")
    ] = True,
) -> None:
    """Open Prefect's UI of a running `up`, and let the browser in.

    The link works once, within a minute. From another machine: ssh -L 4200:127.0.0.1:4200, then --no-show.
    """
    from scorekeeper.settings import load_settings

    _open_ui(load_settings(), show=show)


def _open_ui(settings: "Settings", *, show: bool) -> None:
    """Let one browser in, once: this machine's if `show`, else the one that the user pastes the link into.

    The link is never a command's argument, which other users can see: the browser opens a private file that leads to
    it. Raises ScorekeeperError.
    """
    import httpx

    from cli.folders import UP_FOLDER, password_file
    from cli.prefect_server.client_settings import reach_directly, running_server
    from cli.prefect_server.gate import TICKET_SECONDS
    from cli.prefect_server.password import DOOR
    from scorekeeper.private_files import write_private

    home = settings.scorekeeper_home
    os.environ.update(reach_directly(os.environ))
    server = running_server(home)
    if server is None:
        raise ScorekeeperError(f"scorekeeper up does not run in {home}: start it, or name its home with --home")
    address = server.address.removesuffix("/api")
    basic = base64.b64encode(server.password.encode()).decode()  # as Prefect encodes it, also without a colon
    try:
        response = httpx.post(f"{address}{DOOR}/ticket", headers={"Authorization": f"Basic {basic}"}, timeout=10)
        response.raise_for_status()
        link = f"{address}{DOOR}/enter#{response.json()['ticket']}"
    except (httpx.HTTPError, KeyError, ValueError) as exc:
        raise ScorekeeperError(f"the server of scorekeeper up does not let us in ({type(exc).__name__})") from None
    leading = home / UP_FOLDER / "enter.html"
    write_private(leading, f'<!doctype html><meta http-equiv=refresh content="0;url={html.escape(link)}">')
    is_shown = show and webbrowser.open(leading.as_uri())
    how = "Opened in the browser. Or, in another one" if is_shown else "Open in a browser"
    typer.echo(f"{how}, once and within {TICKET_SECONDS:.0f} seconds:\n  {link}")
    typer.echo(f"Asked for a password, enter what {password_file(home)} holds, all of it.")
