"""`scorekeeper metrics`: the score of a selection, as a whole and by groups."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from cli.installation import open_installation
from cli.options import installation_options, parse_moment
from scorekeeper.decisions.symbols import spell
from scorekeeper.metrics.breakdown import Breakdown

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from scorekeeper.store.database import Database


@installation_options()
def metrics(
    json: Annotated[bool, typer.Option("--json", help="The answer as JSON; undefined is null.")] = False,
    version: Annotated[str | None, typer.Option(help="One SYSTEM_VERSION only.")] = None,
    symbol: Annotated[str | None, typer.Option(help="One symbol only, such as BTC/USDT.")] = None,
    since: Annotated[str | None, typer.Option(metavar="T", help="Closed (agents: expired) from then on, UTC.")] = None,
    until: Annotated[str | None, typer.Option(metavar="T", help="Closed (agents: expired) before then, UTC.")] = None,
    include_suspect: Annotated[
        bool, typer.Option("--include-suspect", help="Also count decisions whose price is far from the market's.")
    ] = False,
    exclude_late: Annotated[
        bool, typer.Option("--exclude-late", help="Leave out decisions received after their own expiry.")
    ] = False,
    by: Annotated[Breakdown | None, typer.Option(help="Also show the figures of each group.")] = None,
    zone: Annotated[
        str,
        typer.Option(
            metavar="ZONE",
            help="Zone of --by weekday and hour: UTC, Europe/Berlin …, or market: that of the market's calendar.",
        ),
    ] = "UTC",
) -> None:
    """Say how good the system is, and each agent in it.

    Example:  scorekeeper metrics --since 2025-05-01 --by side
    """
    spelled, (first, end) = read_symbol(symbol), read_period(since, until)
    with open_installation() as (db, settings), db.snapshot() as connection:
        from scorekeeper.market.symbol_list import find_symbol
        from scorekeeper.metrics.query import system_metrics

        in_zone = read_zone(connection, zone)
        score = system_metrics(
            connection,
            version=version,
            symbol=spelled and find_symbol(connection, spelled),
            since=first,
            until=end,
            include_suspect=include_suspect,
            exclude_late=exclude_late,
            by=by,
            zone=in_zone,
            account_equity=settings.account_equity,
        )
    if json:
        from json import dumps

        typer.echo(dumps(score, indent=2, allow_nan=False))
        return
    from cli.output.score_tables import print_breakdown, print_metrics

    print_metrics(score)
    if by is not None:
        print_breakdown(score)


def read_symbol(given: str | None) -> str | None:
    """The symbol that --symbol names, as the inbox spells it. Raises BadParameter for what cannot be a symbol."""
    try:
        return given and spell(given)
    except ValueError as exc:
        raise typer.BadParameter(f"{given!r} is {exc}", param_hint="--symbol") from None


def read_zone(connection: "Connection", given: str) -> str:
    """The zone that --zone names; `market`: that of the calendar the database is bound to. Raises BadParameter."""
    from scorekeeper.store.sql import statement
    from scorekeeper.trading_calendar import calendar_of

    if given == "market":
        calendar = calendar_of(connection.execute(statement("market/select_calendar")).scalar())
        if calendar is None:
            raise typer.BadParameter("the market has no calendar (CALENDAR): name a zone", param_hint="--zone")
        return calendar.zone
    try:
        return ZoneInfo(given).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise typer.BadParameter(f"{given!r} is no time zone, such as Europe/Berlin", param_hint="--zone") from None


def read_period(since: str | None, until: str | None) -> tuple[datetime | None, datetime | None]:
    """The half-open period from --since to --until. Raises BadParameter."""
    first, end = parse_moment(since, "--since"), parse_moment(until, "--until")
    if first is not None and end is not None and first >= end:
        raise typer.BadParameter("does not lie before --until", param_hint="--since")
    return first, end


def check_version(db: "Database", version: str | None) -> None:
    """Raises BadParameter, with the known versions, for a version that has no decisions."""
    from scorekeeper.metrics.scorecard import list_versions
    from scorekeeper.safe_text import escape_controls

    if version is None:
        return
    with db.begin() as connection:
        known = list_versions(connection)
    if version not in known:
        versions = ", ".join(escape_controls(one) for one in known) or "none yet"
        raise typer.BadParameter(f"nothing was scored of it; versions: {versions}", param_hint="--version")
