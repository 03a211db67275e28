"""`scorekeeper demo`: the whole pipeline, offline, in a home of its own."""

from datetime import UTC, datetime
from pathlib import Path

import typer

from cli.options import Home, home_of_demo


def demo(context: typer.Context, home: Home = None) -> None:
    """Show the whole job offline, on generated decisions.

    Writes decisions of five agents of different skill and a market for them into a home of its own, ingests and tracks
    them, and prints the score. A backtest shows what the learned vote would have earned. It needs no
    exchange, and touches no other installation.
    """
    _run_demo(home_of_demo(context, home, "demo"))


def _run_demo(home: Path) -> None:
    """Write the sample, ingest and track it, and show the score. A second run adds nothing.

    No flow learns: the sample comes in late, and what comes in late teaches nothing.
    """
    from cli.commands.analyze import run_analysis
    from cli.demo_home import make_demo_home
    from cli.installation import choose_engine, run_flow
    from cli.output.analysis import print_sentences
    from cli.output.ingested import print_ingested
    from cli.output.score_tables import print_metrics
    from cli.output.voted import print_votes
    from cli.stopping import hear_while_busy
    from scorekeeper.inbox.ingest import Period
    from scorekeeper.metrics.query import system_metrics
    from scorekeeper.operations.backtest import run_backtest
    from scorekeeper.operations.sample import START, write_sample
    from scorekeeper.report import report_name
    from scorekeeper.store import cluster_folder
    from scorekeeper.store.database import open_database

    hear_while_busy()
    settings = make_demo_home(home, live=False)
    choose_engine(settings)
    typer.echo(f"Writing decisions of five agents and their market to {home}")
    as_of = write_sample(settings.inbox_dir, home / "market")
    # The embedded Postgres stays open for the whole demo, so that it starts and stops only once.
    with open_database(None, home) as db:
        typer.echo("Ingesting ...")
        from flows.ingest import ingest
        from flows.track import track

        print_ingested(run_flow(ingest()))
        typer.echo("Tracking ...")
        done = run_flow(track(as_of))
        typer.echo(f"{done['closed']} trades closed, {done['horizons']} horizon returns, {done['open']} still open")
        typer.echo("Analysing ...")
        analysis = run_analysis(db, as_of)
        with db.begin() as connection:
            print_metrics(system_metrics(connection))
        print_sentences(analysis)
        typer.echo("All decisions count as late: the sample is from past days, and arrived after they had expired.")
        typer.echo("Late decisions teach nothing. So a backtest learns from them, each received when it was made:")
        past = Period(START, as_of)
        report = run_backtest(settings, past, now=datetime.now(UTC), with_weights=True, tell=lambda *_: None)
    if report.votes is not None:
        print_votes(report.votes)
    typer.echo(
        f"log:     {settings.log_path}\ndataset: {settings.dataset_path}\n"
        f"report:  {settings.reports_dir / report_name(None)}\nhome:    {home}"
    )
    if cluster_folder.lies_elsewhere(home):
        typer.echo(f"database: {cluster_folder.describe_folder(home)}")
    typer.echo(f"Next:    scorekeeper analyze --home {home}\n         scorekeeper verify --home {home}")
