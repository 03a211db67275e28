"""`scorekeeper publish`: log and dataset, and the dataset in Parquet."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.installation import open_installation
from cli.options import installation_options

if TYPE_CHECKING:
    from scorekeeper.settings import Settings
    from scorekeeper.store.database import Database


@installation_options(each=True)
def publish(
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Write the files again, with the same bytes.")] = False,
    renew: Annotated[
        bool, typer.Option("--renew", help="With --rebuild: lines of an older release in today's form, for good.")
    ] = False,
    parquet: Annotated[
        bool, typer.Option("--parquet", help="Instead: the dataset in Parquet, a folder a month (docs/dataset.md).")
    ] = False,
) -> None:
    """Append what is new to log and dataset.

    A file with whole lines that the database does not know, as after a restore, is kept beside it and named.
    """
    from scorekeeper.publish import publish as library

    if renew and (parquet or not rebuild):
        raise typer.BadParameter("goes with --rebuild, without --parquet", param_hint="--renew")
    with open_installation() as (db, settings):
        if parquet:
            _publish_parquet(db, settings, rebuild=rebuild)
            return
        write = library.renew if renew else library.rebuild if rebuild else library.publish
        done = write(db, log_path=settings.log_path, dataset_path=settings.dataset_path)
        for words in done.explain():
            typer.echo(words, err=True)
        typer.echo(f"{settings.log_path}: {done.log_lines} lines")
        typer.echo(f"{settings.dataset_path}: {done.dataset_lines} records")


def _publish_parquet(db: "Database", settings: "Settings", *, rebuild: bool) -> None:
    from scorekeeper.publish.parquet import publish_parquet, rebuild_parquet

    done = (rebuild_parquet if rebuild else publish_parquet)(db, settings.parquet_dir)
    for words in done.explain():
        typer.echo(words, err=True)
    if settings.keep_decisions_days is not None:
        typer.echo("KEEP_DECISIONS_DAYS: no decision is deleted while this is published (docs/dataset.md)", err=True)
    typer.echo(f"{settings.parquet_dir}: {done.rows} rows, {done.files} files written")
