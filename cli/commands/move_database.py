"""`scorekeeper move-database`: everything to another Postgres."""

import fcntl
from typing import TYPE_CHECKING, Annotated

import typer

from cli.folders import lock_file
from cli.installation import open_installation
from cli.options import installation_options
from scorekeeper.errors import ScorekeeperError

if TYPE_CHECKING:
    from scorekeeper.settings import Settings


@installation_options("home", "database_url", "system")
def move_database(
    url: Annotated[str, typer.Argument(envvar="NEW_DATABASE_URL", help="Where to: an empty database.")],
) -> None:
    """Copy everything to another Postgres, and compare it.

    From the embedded one, or DATABASE_URL's, which stays as it is. All or nothing: counts and checksums of every table
    are compared first. End scorekeeper up and workers before. In NEW_DATABASE_URL a password is in no process list.

    Example:  scorekeeper move-database postgresql://user@host/name
    """
    from scorekeeper.operations import move_database as library
    from scorekeeper.settings import load_settings

    _refuse_running(load_settings())
    with open_installation() as (db, settings):
        rows = library.move_database(
            db, url, settings.scorekeeper_home, tell=lambda table, rows: typer.echo(f"  {table}: {rows} rows")
        )
    typer.echo(f"{rows} rows moved, and found to be the same. Now, before anything else runs:")
    typer.echo("  set DATABASE_URL to the new address, in .env or where the old one is set, then: scorekeeper verify")
    typer.echo("The old database is unchanged. What still writes to it does not reach the new one.")


def _refuse_running(settings: "Settings") -> None:
    """Raises ScorekeeperError if `up` runs in this home: it would go on in the old database."""
    lock = lock_file(settings.scorekeeper_home)
    if not lock.exists():
        return
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ScorekeeperError(
                f"scorekeeper up runs in {settings.scorekeeper_home}, and would go on in the old database: end it first"
            ) from None
