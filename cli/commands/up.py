"""`scorekeeper up`: everything that runs by itself, supervised. The parts that it runs are in `cli/up/`."""

from typing import Annotated

import typer

from cli.options import Home, home_of_demo, installation_options


@installation_options()
def up(
    context: typer.Context,
    demo: Annotated[
        bool, typer.Option("--demo", help="A home of its own, a generated market that goes on, and a trader.")
    ] = False,
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Where Prefect's UI listens, on 127.0.0.1.")] = 4200,
    dashboard: Annotated[bool, typer.Option("--dashboard/--no-dashboard", help="Whether it runs.")] = True,
    dashboard_port: Annotated[
        int | None, typer.Option(min=1, max=65_535, help="Where the dashboard listens; default: --port + 10.")
    ] = None,
    home: Home = None,
) -> None:
    """Run everything, scheduled and supervised, until Ctrl-C.

    Starts the embedded Postgres, Prefect's server with its UI, the deployments of prefect.yaml, a worker, a watcher of
    the inbox, and the dashboard. A part that dies is started again. Other commands with the same --home use its server
    meanwhile.

    Example:  scorekeeper up --market ccxt:kraken --inbox decisions
    """
    from cli.up.supervision import run_up
    from scorekeeper.settings import load_settings

    if demo:
        from cli.demo_home import make_demo_home

        make_demo_home(home_of_demo(context, home, "demo-live"), live=True)
    beside = port + 10 if port + 10 <= 65_535 else port - 10
    shown = (dashboard_port or beside) if dashboard else None
    run_up(load_settings(), port, demo=demo, dashboard=shown)
