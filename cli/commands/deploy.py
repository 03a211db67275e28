"""`scorekeeper deploy`: work pool, deployments and automations on a Prefect server of the user's own."""

import asyncio
from typing import Annotated

import typer

from cli.installation import load_for_prefect
from cli.options import installation_options
from scorekeeper.errors import ScorekeeperError


@installation_options("home")
def deploy(
    notify: Annotated[
        str | None, typer.Option(metavar="TYPE/NAME", help="A notification block, such as slack-webhook/alerts.")
    ] = None,
) -> None:
    """Put the work pool, the deployments and the automations on a Prefect server.

    For a Prefect server of your own (PREFECT_API_URL); scorekeeper up does it by itself. Flows then run from the folder
    of this installation, which every worker of the pool needs at the same path. Running it again updates all of it, but
    keeps disabled automations disabled.

    Example:  PREFECT_API_URL=http://prefect.example:4200/api scorekeeper deploy
    """
    load_for_prefect()
    from prefect.settings import PREFECT_API_URL

    from cli.prefect_server.automations import make_automations
    from cli.prefect_server.deployments import POOL, make_pool, read_deployments
    from cli.prefect_server.deployments import deploy as deploy_all
    from tasks.prefect_server import reach_server

    if not PREFECT_API_URL.value():
        raise ScorekeeperError("no Prefect server to deploy to: set PREFECT_API_URL")

    async def prepare() -> None:
        async with reach_server():
            await make_pool()

    asyncio.run(prepare())
    deploy_all()
    typer.echo(f"deployed to the work pool {POOL}: {', '.join(name for name, _, _ in read_deployments())}")
    make_automations(notify)
