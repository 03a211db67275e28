"""`scorekeeper roles`: the SQL of the three roles."""

from typing import Annotated

import typer


def roles(
    system: Annotated[
        str, typer.Option(metavar="NAME", envvar="SYSTEM", help="Those of one trading system; see SYSTEM.")
    ] = "",
) -> None:
    """Print the SQL of three roles: owner, writer, reader.

    The owner migrates, the writer runs the flows, the reader sees the report_* views and nothing else. For a Postgres
    of your own, version 15 or later, by a superuser, before the first migrate, which grants the rest; may be repeated.

    With --system they are scorekeeper_NAME_owner, _writer and _reader: they see that system and no other.

    Example:  scorekeeper roles | psql postgresql://postgres@host/name
    """
    from scorekeeper.store.sql import raw
    from scorekeeper.store.systems import check_system, in_system

    typer.echo(in_system(raw("store/roles") + raw("store/grants"), check_system(system)), nl=False)
