"""`scorekeeper publish`: log and dataset."""

from typing import Annotated

import typer

from cli.installation import open_installation
from cli.options import installation_options


@installation_options(each=True)
def publish(
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Write both files again, with the same bytes.")] = False,
    renew: Annotated[
        bool, typer.Option("--renew", help="With --rebuild: lines of an older release in today's form, for good.")
    ] = False,
) -> None:
    """Append what is new to log and dataset.

    A file with whole lines that the database does not know, as after a restore, is kept beside it and named.
    """
    from scorekeeper.publish import publish as library

    if renew and not rebuild:
        raise typer.BadParameter("goes with --rebuild", param_hint="--renew")
    with open_installation() as (db, settings):
        write = library.renew if renew else library.rebuild if rebuild else library.publish
        done = write(db, log_path=settings.log_path, dataset_path=settings.dataset_path)
        for words in done.explain():
            typer.echo(words, err=True)
        typer.echo(f"{settings.log_path}: {done.log_lines} lines")
        typer.echo(f"{settings.dataset_path}: {done.dataset_lines} records")
