"""`scorekeeper move-database`: everything to another Postgres."""

import fcntl

import typer

from cli.installation import open_installation
from cli.prefect_server.password import PLACE
from scorekeeper.errors import ScorekeeperError
from scorekeeper.operations import move_database
from scorekeeper.settings import Settings, load_settings


def move(url: str) -> None:
    """Move all to the empty database at `url`. Raises ScorekeeperError."""
    _refuse_running(load_settings())
    with open_installation() as (db, settings):
        rows = move_database.move_database(
            db, url, settings.scorekeeper_home, tell=lambda table, rows: typer.echo(f"  {table}: {rows} rows")
        )
    typer.echo(f"{rows} rows moved, and found to be the same. Now, before anything else runs:")
    typer.echo(
        "  set DATABASE_URL to the new address, in .env or wherever the old one stands, then: scorekeeper verify"
    )
    typer.echo("The old database is as it was: what still writes to it is lost to the new one.")


def _refuse_running(settings: Settings) -> None:
    lock = settings.scorekeeper_home / PLACE / "lock"
    if not lock.exists():
        return
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ScorekeeperError(
                f"scorekeeper up runs in {settings.scorekeeper_home}, and would go on in the old database: end it first"
            ) from None
