"""`scorekeeper backtest`: what past decisions would have scored."""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import installation_options, parse_moment
from scorekeeper.errors import ScorekeeperError
from scorekeeper.safe_text import escape_controls

if TYPE_CHECKING:
    from scorekeeper.inbox.ingest import Period
    from scorekeeper.operations.backtest import BacktestResult
    from scorekeeper.settings import Settings


@installation_options("home", "market", "database_url", "system")
def backtest(
    since: Annotated[str, typer.Option("--from", metavar="T", help="The first moment, ISO 8601, UTC.")],
    until: Annotated[str, typer.Option("--to", metavar="T", help="The end, not included; what is open then stays so.")],
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Decision files, or folders with all below them; default: as ingested.")
    ] = None,
    with_weights: Annotated[
        bool,
        typer.Option("--with-weights", help="Also score the learned vote, walk-forward, beside what was done."),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="The metrics as JSON; the rest goes to stderr.")] = False,
) -> None:
    """Score past decisions over history, in one go.

    It scores as a live run would have: each decision is received when it was decided. It works in a database of its
    own, so the installation's scores stay as they are. Log and dataset go to backtest/ in the home. Needs no Prefect.

    Example:  scorekeeper backtest archive --from 2025-05-01 --to 2025-06-01 --market replay:candles
    """
    from json import dumps

    from cli.output.score_tables import print_metrics
    from cli.output.voted import print_votes
    from cli.progress import show_progress
    from scorekeeper.operations.backtest import run_backtest
    from scorekeeper.settings import check_one, load_settings

    now = datetime.now(UTC)
    period = _read_period(since, until, now)
    settings = load_settings()
    check_one(settings)
    with show_progress() as tell:
        report = run_backtest(
            settings, period, now=now, paths=paths or None, with_weights=with_weights, tell=tell
        )
    if json:
        votes = {} if report.votes is None else {"with_weights": report.votes}
        typer.echo(dumps(report.metrics | votes, indent=2, allow_nan=False))
    else:
        print_metrics(report.metrics)
        if report.votes is not None:
            print_votes(report.votes)
    _print_notes(report, period, settings, to_stderr=json)
    missing = [f"{len(report.unpriced)} symbols without prices"] if report.unpriced else []
    missing += [f"{len(report.taken.trouble)} files that could not be read"] if report.taken.trouble else []
    if missing:
        raise ScorekeeperError(f"the report is not whole: {', '.join(missing)}")


def _read_period(since: str, until: str, now: datetime) -> "Period":
    from scorekeeper.inbox.ingest import Period

    first, end = parse_moment(since), parse_moment(until)
    assert first is not None
    assert end is not None
    end = end.replace(second=0, microsecond=0)  # a whole minute, as the as_of of a track is
    if end > now:
        raise typer.BadParameter("lies in the future", param_hint="--to")
    if first >= end:
        raise typer.BadParameter("does not lie before --to (in whole minutes)", param_hint="--from")
    return Period(first, end)


def _print_notes(report: "BacktestResult", period: "Period", settings: "Settings", *, to_stderr: bool) -> None:
    """What was taken in, what is still open, and where log and dataset are."""
    from cli.output.ingested import print_rejections, print_unread

    say = partial(typer.echo, err=to_stderr)
    taken = report.taken
    say(f"Decisions from {period.since:%F %R} to {period.until:%F %R} UTC, on {settings.market}:")
    say(
        f"{taken.decisions} taken, {taken.outside} outside, {taken.duplicates} duplicates, {taken.rejected} rejected"
        + (f", {report.voided} left out as voided" if report.voided else "")
    )
    print_rejections(taken.rejections, taken.rejected, to_stderr=to_stderr)
    print_unread(vars(taken), to_stderr=to_stderr)
    due = f", {report.overdue} of them due, and without a price" if report.overdue else ""
    say(f"{report.open_trades} trades still open at {period.until:%F %R} UTC{due}")
    for line in (*taken.trouble, *report.unpriced):
        say(f"  {escape_controls(line)}")
    if settings.database_url is not None:
        say(f"Scored in a database of its own, in the embedded Postgres of {settings.scorekeeper_home}")
    say(f"log:     {report.log_path}\ndataset: {report.dataset_path}")
