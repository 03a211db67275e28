"""`scorekeeper roles`: the SQL of the three roles."""

import typer


def roles() -> None:
    """Print the SQL of three roles: owner, writer, reader.

    The owner migrates, the writer runs the flows, the reader sees the report_* views and nothing else. For a Postgres
    of your own, version 15 or later, by a superuser, before the first migrate, which grants the rest; may be repeated.

    Example:  scorekeeper roles | psql postgresql://postgres@host/name
    """
    from scorekeeper.store.sql import raw

    typer.echo(raw("store/roles") + raw("store/grants"), nl=False)
