"""`scorekeeper backtest`: what past decisions would have scored."""

from datetime import UTC, datetime
from functools import partial
from json import dumps
from pathlib import Path

import typer

from cli.main import print_rejections, print_unread
from cli.options import parse_moment
from cli.progress import show_progress
from cli.tables import print_metrics
from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox.ingest import Period
from scorekeeper.operations import backtest
from scorekeeper.safe_text import escape_controls
from scorekeeper.settings import Settings, load_settings


def score_past(since: str, until: str, paths: list[Path] | None, *, as_json: bool) -> None:
    """Run a backtest and print its report; with `as_json` only the metrics go to stdout."""
    now = datetime.now(UTC)
    period = _read_period(since, until, now)
    settings = load_settings()
    with show_progress() as tell:
        report = backtest.run_backtest(settings, period, now=now, paths=paths or None, tell=tell)
    if as_json:
        typer.echo(dumps(report.metrics, indent=2, allow_nan=False))
    else:
        print_metrics(report.metrics)
    _print_notes(report, period, settings, to_stderr=as_json)
    wrong = [f"{len(report.unpriced)} symbols without prices"] if report.unpriced else []
    wrong += [f"{len(report.taken.trouble)} files that could not be read"] if report.taken.trouble else []
    if wrong:
        raise ScorekeeperError(f"the report is not whole: {', '.join(wrong)}")


def _read_period(since: str, until: str, now: datetime) -> Period:
    first, last = parse_moment(since), parse_moment(until)
    assert first is not None
    assert last is not None
    last = last.replace(second=0, microsecond=0)  # an as_of, as of every track
    if last > now:
        raise typer.BadParameter("lies in the future", param_hint="--to")
    if first >= last:
        raise typer.BadParameter("does not lie before --to (in whole minutes)", param_hint="--from")
    return Period(first, last)


def _print_notes(report: backtest.BacktestResult, period: Period, settings: Settings, *, to_stderr: bool) -> None:
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
