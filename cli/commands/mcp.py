"""`scorekeeper mcp`: the score as tools of an agent. The server is in `mcp_server/`."""

from importlib.util import find_spec
from typing import Annotated

import typer

from cli import stopping
from cli.options import installation_options
from scorekeeper.errors import ScorekeeperError


@installation_options("home", "scores_url", "system")
def mcp(
    http: Annotated[bool, typer.Option("--http", help="Listen for HTTP; it asks for MCP_TOKEN.")] = False,
    port: Annotated[int, typer.Option(min=1, max=65_535, help="With --http: where it listens.")] = 4220,
    host: Annotated[str, typer.Option(help="With --http: the address that it listens at.")] = "127.0.0.1",
    allow: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="With --http: a name by which a proxy calls it.")
    ] = None,
) -> None:
    """Give the score to an agent as tools (MCP), on standard input and output.

    An MCP client starts it: Claude Desktop, or an agent framework (docs/agents.md). It works on any database, also as
    scorekeeper_reader, and changes nothing. It needs the extra mcp: pip install 'scorekeeper[mcp]'

    Example:  claude mcp add scorekeeper -- scorekeeper mcp --home /path/to/.scorekeeper
    """
    if find_spec("fastmcp") is None:
        raise ScorekeeperError(
            "scorekeeper mcp needs the package fastmcp: pip install 'scorekeeper[mcp]', or in a checkout: "
            "uv run --extra mcp scorekeeper mcp"
        )
    from cli.mcp_serving import serve_http, serve_stdio
    from scorekeeper.settings import load_settings

    stopping.hear_while_busy()
    settings = load_settings()
    if http:
        serve_http(settings, host, port, allow or [])
    else:
        serve_stdio(settings)
