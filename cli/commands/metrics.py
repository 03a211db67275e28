"""`scorekeeper metrics`: the score of a selection, whole and by its parts."""

from datetime import datetime
from json import dumps

import typer

from cli.options import parse_moment
from scorekeeper.decisions.symbols import spell
from scorekeeper.market.symbol_list import find_symbol
from scorekeeper.metrics.breakdown import Breakdown
from scorekeeper.metrics.query import system_metrics
from scorekeeper.metrics.scorecard import list_versions
from scorekeeper.safe_text import escape_controls
from scorekeeper.store.database import Database


def read_symbol(words: str | None) -> str | None:
    """A spelling of a symbol, as --symbol gives it, if it can be one."""
    try:
        return words and spell(words)
    except ValueError as wrong:
        raise typer.BadParameter(f"{words!r} is {wrong}", param_hint="--symbol") from None


def read_period(since: str | None, until: str | None) -> tuple[datetime | None, datetime | None]:
    """The half-open period that --since and --until name."""
    first, end = parse_moment(since, "--since"), parse_moment(until, "--until")
    if first is not None and end is not None and first >= end:
        raise typer.BadParameter("does not lie before --until", param_hint="--since")
    return first, end


def check_version(db: Database, version: str | None) -> None:
    """Raises BadParameter, naming those there are, for a version of which nothing is known."""
    if version is None:
        return
    with db.begin() as connection:
        known = list_versions(connection)
    if version not in known:
        there_is = ", ".join(escape_controls(one) for one in known) or "none yet"
        raise typer.BadParameter(f"nothing was scored of it; versions: {there_is}", param_hint="--version")


def show_metrics(
    db: Database,
    scope: tuple[str | None, str | None],
    period: tuple[datetime | None, datetime | None],
    by: Breakdown | None,
    *,
    include_suspect: bool,
    exclude_late: bool,
    as_json: bool,
) -> None:
    """Print the answer for a version and symbol, and a period, as tables or as JSON."""
    with db.begin() as connection:
        answer = system_metrics(
            connection,
            version=scope[0],
            symbol=scope[1] and find_symbol(connection, scope[1]),
            since=period[0],
            until=period[1],
            include_suspect=include_suspect,
            exclude_late=exclude_late,
            by=by,
        )
    if as_json:
        typer.echo(dumps(answer, indent=2, allow_nan=False))
        return
    from cli.output.score_tables import print_breakdown, print_metrics

    print_metrics(answer)
    if by is not None:
        print_breakdown(answer)
