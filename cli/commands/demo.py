"""`scorekeeper demo`: the whole job, offline, in a home of its own."""

import os
from datetime import UTC, datetime
from pathlib import Path

import typer

from cli.installation import run_flow
from cli.main import print_ingested
from cli.output.score_tables import print_metrics
from cli.prefect_server.client_settings import prepare
from cli.stopping import hear_while_busy
from scorekeeper.errors import ScorekeeperError
from scorekeeper.metrics.query import system_metrics
from scorekeeper.operations.sample import write_live_market, write_sample
from scorekeeper.private_files import check_owner
from scorekeeper.report import report_name
from scorekeeper.settings import Settings, load_settings
from scorekeeper.store import place
from scorekeeper.store.database import open_database

_MARK = "# The demo's own settings; every command takes them with --home of this folder.\n"
_ENV = f"""{_MARK}\
SCOREKEEPER_HOME=.
INBOX_DIR=inbox
LOG_DIR=logs
DATASETS_DIR=datasets
MARKET=replay:market
FEE_BPS=10
SYSTEM_VERSION=demo
"""


def settle_in(home: Path, *, live: bool) -> Settings:
    """Make a demo's home, and let this process use nothing else; `live`: with a market that goes on from now.

    Raises ScorekeeperError if there is something else in `home`.
    """
    check_owner(home)
    env = home / ".env"
    if (
        home.exists()
        and any(home.iterdir())
        and not (env.is_file() and env.read_text(encoding="utf-8").startswith(_MARK))
    ):
        raise ScorekeeperError(f"{home} is not empty, and no demo's home: name another folder with --home")
    for name in Settings.model_fields:
        os.environ.pop(name.upper(), None)  # a home of its own: nothing of the user's installation is touched
    os.environ["SCOREKEEPER_HOME"] = str(home)
    home.mkdir(parents=True, exist_ok=True)
    env.write_text(_ENV, encoding="utf-8")
    if live:
        write_live_market(home / "market", datetime.now(UTC))
    return load_settings()


def run_demo(home: Path) -> None:
    """Write the sample, ingest and track it as Prefect flows, and show the score; a second run adds nothing."""
    hear_while_busy()
    settings = settle_in(home, live=False)
    prepare(home)
    typer.echo(f"Writing decisions of five agents and their market to {home}")
    as_of = write_sample(settings.inbox_dir, home / "market")
    # One hold on the embedded Postgres for the whole demo: it starts and stops once.
    with open_database(None, home) as db:
        typer.echo("Ingesting (a Prefect flow) ...")
        from flows.ingest import ingest
        from flows.track import track

        print_ingested(run_flow(ingest()))
        typer.echo("Tracking (a Prefect flow) ...")
        done = run_flow(track(as_of))
        typer.echo(f"{done['closed']} trades closed, {done['horizons']} horizon returns, {done['open']} still open")
        typer.echo("Analysing (a Prefect flow) ...")
        from cli.output.analysis import print_sentences, run_analysis

        analysis = run_analysis(db, as_of)
        with db.begin() as connection:
            print_metrics(system_metrics(connection))
        print_sentences(analysis)
    typer.echo("All decisions count as late: the sample is of days gone by, and came in after it had expired.")
    typer.echo(
        f"log:     {settings.log_path}\ndataset: {settings.dataset_path}\n"
        f"report:  {settings.reports_dir / report_name(None)}\nhome:    {home}"
    )
    if place.lies_elsewhere(home):
        typer.echo(f"database: {place.say_where(home)}")
    typer.echo(f"Next:    scorekeeper analyze --home {home}\n         scorekeeper verify --home {home}")
