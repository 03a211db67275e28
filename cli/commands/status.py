"""`scorekeeper status`: where things stand."""

from datetime import UTC, datetime
from typing import Any

import typer

from cli.installation import open_installation
from cli.options import AsJson, installation_options


@installation_options(each=True)
def status(json: AsJson = False) -> None:
    """Say where things stand. Exit code 1 if something is red: see scorekeeper doctor."""
    from cli.output.checks import print_checks
    from scorekeeper.metrics.formulas import iso
    from scorekeeper.operations import health
    from scorekeeper.store.database import describe_database
    from scorekeeper.store.sql import statement

    with open_installation() as (db, settings):
        with db.begin() as connection:
            row = dict(connection.execute(statement("operations/select_status")).mappings().one())
            checks = [*health.check_database(connection, settings, lambda: datetime.now(UTC))]
            read = health.read_offsets(connection)
        waiting = health.count_waiting(settings)
        checks += [health.check_home(settings), *health.check_left_over(settings)]
        checks += [*health.check_inbox(settings, datetime.now(UTC), read), *health.check_disk(settings)]
    figures: dict[str, Any] = {"home": str(settings.scorekeeper_home), "home_set_by": settings.home_from}
    figures |= {"database": describe_database(settings.database_url, settings.scorekeeper_home)}
    figures |= {"market": row["market"], "last_track": iso(row["last_as_of"]), "files_waiting": waiting}
    figures |= {name: row[name] for name in ("decisions", "open_trades", "closed_trades", "idle_exits", "rejections")}
    if not json:
        for name, value in figures.items():
            typer.echo(f"{name.replace('_', ' ')}: {'n/a' if value is None else value}")
    print_checks([check for check in checks if json or check.state != "ok"], as_json=json, more=figures)
