"""`scorekeeper migrate`: the newest schema."""

from typing import Annotated

import typer

from cli.installation import open_installation
from cli.options import installation_options


@installation_options(each=True)
def migrate(
    switch_market: Annotated[
        bool, typer.Option("--switch-market", help="Let the next track bind the database to another market.")
    ] = False,
) -> None:
    """Bring the database to the newest schema."""
    from scorekeeper.store.migrate import newest_version
    from scorekeeper.store.sql import statement

    with open_installation() as (db, _):
        if switch_market:
            with db.begin() as connection:
                connection.execute(statement("operations/unbind_market"))
    typer.echo(f"schema {newest_version()}" + ("; the next track chooses the market" if switch_market else ""))
