"""`scorekeeper mcp`: the server of mcp_server on standard input and output, or on HTTP for those with a token."""

import logging
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import anyio
import typer

from cli.dashboard_server import open_scores
from cli.ports import hold_port
from dashboard.security import SHORTEST_TOKEN
from mcp_server.reading import Scores
from mcp_server.server import make_server
from scorekeeper.errors import ScorekeeperError
from scorekeeper.settings import Settings, check_one

if TYPE_CHECKING:
    from fastmcp import FastMCP


def serve_stdio(settings: Settings) -> None:
    """Answer the program that has started this one, until it closes our input. Raises ScorekeeperError, StopError."""
    _log_to_stderr()
    check_one(settings)
    with open_scores(settings) as (db, as_reader):
        server = make_server(Scores(db.engine, as_reader, settings.fee_bps), version=version("scorekeeper"))
        anyio.run(_run_stdio, server)


def serve_http(settings: Settings, host: str, port: int, names: list[str]) -> None:
    """Answer on HTTP until a signal ends it; `names`: by which a proxy calls it. Raises ScorekeeperError, StopError."""
    _log_to_stderr()
    check_one(settings)
    token = settings.mcp_token.get_secret_value() if settings.mcp_token else None
    if token is None or len(token) < SHORTEST_TOKEN:
        raise ScorekeeperError(
            f"every user of this machine reaches HTTP: set MCP_TOKEN to {SHORTEST_TOKEN} characters or more (openssl "
            "rand -hex 32), or leave --http out"
        )
    with open_scores(settings) as (db, as_reader):
        try:
            listening = hold_port(port, host.strip("[]"), listening=True)
        except OSError as refused:
            raise ScorekeeperError(f"cannot listen at {host}, port {port} ({refused.strerror}): see --port") from None
        scores = Scores(db.engine, as_reader, settings.fee_bps)
        server = make_server(scores, token=token, version=version("scorekeeper"))
        typer.echo(f"MCP: http://{host}:{port}/mcp  (Ctrl-C ends it)")
        typer.echo("  it asks for MCP_TOKEN: Authorization: Bearer ...")
        sys.stdout.flush()
        anyio.run(_run_http, server, listening, host, port, names)


async def _run_stdio(server: "FastMCP[Any]") -> None:
    await server.run_stdio_async(show_banner=False, log_level="WARNING")


async def _run_http(server: "FastMCP[Any]", listening: Any, host: str, port: int, names: list[str]) -> None:
    await server.run_http_async(
        show_banner=False, host=host, port=port, path="/mcp", log_level="WARNING", stateless_http=True,
        host_origin_protection=True, allowed_hosts=[host, *names], sockets=[listening],
        uvicorn_config={"server_header": False, "proxy_headers": False, "ws": "none", "timeout_graceful_shutdown": 3},
    )  # fmt: skip


def _log_to_stderr() -> None:
    """Standard output belongs to the protocol."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
