"""The `scorekeeper` command: a thin door to the flows and the library."""

import asyncio
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import quarantine, stopping
from cli.opening import load as _settings
from cli.opening import open_installation as _database
from cli.opening import run_flow
from cli.options import Home, Inbox, MarketName, Url, given_home, parse_moment
from scorekeeper.domain import unread
from scorekeeper.domain.breakdown import Breakdown
from scorekeeper.domain.text import escape_controls
from scorekeeper.errors import ScorekeeperError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
app.add_typer(quarantine.app, name="quarantine")


@app.callback()
def keep_score(home: Home = None, inbox: Inbox = None, market: MarketName = None, database_url: Url = None) -> None:
    """Keep the score of a multi-agent trading system. Try: scorekeeper demo."""


@app.command()
def demo(context: typer.Context, home: Home = None) -> None:
    """Show the whole job offline, on generated decisions.

    Writes decisions of five agents of different skill and a market for them into a home of its own, ingests and tracks
    them as Prefect flows, and prints the score. Asks no exchange, and touches nothing of another installation.
    """
    from cli.demo import run_demo

    run_demo((home or given_home(context) or Path(".scorekeeper") / "demo").absolute())


@app.command()
def up(
    context: typer.Context,
    demo: Annotated[
        bool, typer.Option("--demo", help="A home of its own, a generated market that goes on, and a trader.")
    ] = False,
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Where Prefect's UI listens, on 127.0.0.1.")] = 4200,
    dashboard: Annotated[
        bool, typer.Option("--dashboard/--no-dashboard", help="Show the score in a browser, too.")
    ] = True,
    dashboard_port: Annotated[
        int | None, typer.Option(min=1, max=65_535, help="Where the dashboard listens; default: --port + 10.")
    ] = None,
    home: Home = None, inbox: Inbox = None, market: MarketName = None, database_url: Url = None,
) -> None:  # fmt: skip
    """Run everything, scheduled and supervised, until Ctrl-C.

    Starts the embedded Postgres, Prefect's server with its UI, the deployments of prefect.yaml, a worker, a watcher of
    the inbox, and the dashboard; a part that dies is started again. Other commands with the same --home use its server
    meanwhile.

    Example:  scorekeeper up --market ccxt:kraken --inbox decisions
    """
    from cli.up import run_up

    if demo:
        from cli.demo import settle_in

        settle_in((home or given_home(context) or Path(".scorekeeper") / "demo-live").absolute(), live=True)
    from scorekeeper.settings import load_settings

    beside = port + 10 if port + 10 <= 65_535 else port - 10
    run_up(load_settings(), port, demo=demo, dashboard=(dashboard_port or beside) if dashboard else None)


@app.command()
def ui(
    show: Annotated[
        bool, typer.Option("--show/--no-show", help="Open the browser here, or only print the link.")
    ] = True,
    home: Home = None,
) -> None:
    """Open Prefect's UI of a running `up`, and let the browser in.

    The link works once, within a minute. From another machine: ssh -L 4200:127.0.0.1:4200, then --no-show.
    """
    from cli.ui import open_ui
    from scorekeeper.settings import load_settings

    open_ui(load_settings(), show=show)


@app.command()
def dashboard(
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Where it listens.")] = 4210,
    host: Annotated[
        str, typer.Option(help="The address that it listens at; any but this machine's own needs DASHBOARD_TOKEN.")
    ] = "127.0.0.1",
    show: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
    home: Home = None, database_url: Url = None,
) -> None:  # fmt: skip
    """Show the score in a browser, live.

    On any database, also as scorekeeper_reader; it changes nothing. Lets in the system user that runs it, and who has
    the token. A running `up` has one already: it names the address.
    """
    from cli.dashboard import run_dashboard
    from scorekeeper.settings import load_settings

    stopping.hear_while_busy()
    run_dashboard(load_settings(), host, port, show=show)


@app.command()
def watch(home: Home = None, inbox: Inbox = None) -> None:
    """Tell Prefect when decision files arrive.

    For a Prefect server of your own (PREFECT_API_URL); scorekeeper up watches by itself. One event tells of many files,
    and while files wait it is sent again every 10 seconds. Needs no database. Ends with Ctrl-C.
    """
    settings = _settings()
    from tasks.watching import watch_inbox

    async def until_signal() -> None:
        stop = asyncio.Event()

        def end(number: int) -> None:
            stopping.stop_in_time(number)
            stop.set()

        for number in stopping.SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, end, number)
        await watch_inbox(settings.inbox_dir, stop, typer.echo, skip=settings.own_dirs)

    asyncio.run(until_signal())


@app.command()
def ingest(
    paths: Annotated[list[Path] | None, typer.Argument(help="Files or folders to read where they lie.")] = None,
    home: Home = None, inbox: Inbox = None, market: MarketName = None, database_url: Url = None,
) -> None:  # fmt: skip
    """Take in decision files: the inbox's, or those named.

    Files of the inbox are moved to archive/ or quarantine/ beside it; those named stay where they are. A file of lines
    that its writer has open is followed: whole lines come in, and it is moved once it is closed.

    Example:  scorekeeper ingest decisions.jsonl
    """
    with _database():  # before Prefect is started: a database that is away is said at once
        from flows.ingest import ingest as flow

        done = run_flow(flow([str(path.absolute()) for path in paths] if paths else None))
    print_ingested(done)


def print_ingested(done: dict[str, Any]) -> None:
    """What an ingest did, and what it refused."""
    typer.echo(
        f"{done['files']} files: {done['decisions']} decisions, {done['duplicates']} duplicates, "
        f"{done['rejected']} rejected"
    )
    print_rejections(done["rejections"], done["rejected"], more="see scorekeeper quarantine list")
    print_unread(done)
    for name in done["returned"]:
        typer.echo(escape_controls(f"  written to after it had been moved; back in the inbox, and read on: {name}"))
    for what, names in (
        ("may still be being written, and is looked at again", done["waiting"]),
        ("its writer has it open: followed, and moved once that is done", done["held"]),
    ):
        for name in names[:20]:
            typer.echo(escape_controls(f"  {what}: {name}"))
        if len(names) > 20:
            typer.echo(f"  … and {len(names) - 20} more")
    for kind in done["passed_over"]:
        typer.echo(escape_controls(f"  not read: {describe_passed_over(**kind)}"))
    if spellings := done["unresolved"]:
        words = f"  {len(spellings)} symbols are for the next track to look up: {_some(spellings)}"
        typer.echo(escape_controls(words))
    if unlisted := done["unlisted"]:
        words = f"  {len(unlisted)} symbols were not listed by the market at the last track: {_some(unlisted)}"
        typer.echo(escape_controls(words))


def _some(names: list[str]) -> str:
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def describe_passed_over(what: str, count: int, names: list[str], do: str) -> str:
    """What lies in the inbox and is not read, and what to do."""
    more = f" and {count - len(names)} more" if count > len(names) else ""
    return f"{', '.join(names)}{more} ({what}): {do}"


def print_unread(done: Mapping[str, Any], *, to_stderr: bool = False) -> None:
    """What an ingest took and did not understand: the first 20 notes, words in no list, suspicious confidences."""
    say = partial(typer.echo, err=to_stderr)
    alike: dict[tuple[str, str, str], list[int]] = {}
    for one in done["notes"]:
        alike.setdefault((one["file"], one["field"], one["reason"]), []).append(one["line"])
    for (file, field, reason), lines in [*alike.items()][:20]:
        more = f" and {len(lines) - 1} more" if len(lines) > 1 else ""
        say(escape_controls(f"  noted: {file}, line {lines[0]}{more}, {field}: {reason}"))
    if len(alike) > 20 or len(done["notes"]) < done["noted"]:
        say(f"  … {done['noted']:,} decisions have notes: see the view report_notes")
    for line in unread.tell_words(done["idle"], done["unread"], opened=done["opened"]):
        say(f"  {line}")
    if done["unread"]:
        say(f"  -> {unread.ADD_WORDS}")
    if small := unread.tell_small(done["small"]):
        say(f"  {small}\n  -> {unread.SET_SCALE}")


def print_rejections(rejections: list[dict[str, Any]], total: int, *, more: str = "", to_stderr: bool = False) -> None:
    """The first 20 of `total` refusals; `more`: where the others are to be found."""
    for one in rejections[:20]:
        where = f"{one['file']}, line {one['line']}" + (f", {one['field']}" if one["field"] else "")
        typer.echo(escape_controls(f"  rejected: {where}: {one['reason']}"), err=to_stderr)
    if total > 20:
        typer.echo(f"  … and {total - 20} more" + (f": {more}" if more else ""), err=to_stderr)


@app.command()
def track(
    as_of: Annotated[str | None, typer.Option(help="The minute to track, ISO 8601, UTC; default: now.")] = None,
    home: Home = None, inbox: Inbox = None, market: MarketName = None, database_url: Url = None,
) -> None:  # fmt: skip
    """Follow open trades: prices, closes, score, publication.

    Example:  scorekeeper track --market replay:candles --as-of 2025-05-08T00:00Z
    """
    moment = parse_moment(as_of)
    with _database():
        from flows.track import track as flow

        done = run_flow(flow(moment))
    typer.echo(
        f"{done['as_of']:%Y-%m-%d %H:%M} UTC: {done['closed']} closed, {done['horizons']} horizon returns, "
        f"{done['open']} open; {done['dataset_lines']} records published"
    )
    if done["idle_exits"]:
        typer.echo(f"  {done['idle_exits']} exit decisions found nothing open: it had closed before, or never was")
    for symbol in done["unknown_symbols"]:
        typer.echo(escape_controls(f"  the market does not list {symbol}: its trades stay open"), err=True)
    for line in done["prices_end"]:
        typer.echo(escape_controls(f"  {line}: what is due later stays open until it goes on"), err=True)
    for line in done["prices_gone"]:
        typer.echo(f"  {line}: void them, or leave them open", err=True)
    failed = done["symbols_failed"]
    if len(failed) > 1:  # one line would be cut before the last of them
        for line in failed:
            typer.echo(escape_controls(f"  no candles for {line}"), err=True)
        raise ScorekeeperError(f"no candles for {len(failed)} symbols, which are named above")
    if failed:
        raise ScorekeeperError(f"no candles for {failed[0]}")


@app.command()
def metrics(
    json: Annotated[bool, typer.Option("--json", help="The answer as JSON; undefined is null.")] = False,
    version: Annotated[str | None, typer.Option(help="One SYSTEM_VERSION only.")] = None,
    symbol: Annotated[str | None, typer.Option(help="One symbol only, such as BTC/USDT.")] = None,
    since: Annotated[str | None, typer.Option(metavar="T", help="Closed (agents: expired) from then on, UTC.")] = None,
    until: Annotated[str | None, typer.Option(metavar="T", help="Closed (agents: expired) before then, UTC.")] = None,
    include_suspect: Annotated[
        bool, typer.Option("--include-suspect", help="Count decisions too whose price is far from the market's.")
    ] = False,
    exclude_late: Annotated[
        bool, typer.Option("--exclude-late", help="Leave out decisions received after their own expiry.")
    ] = False,
    by: Annotated[Breakdown | None, typer.Option(help="Show the figures of each part, too.")] = None,
    home: Home = None, inbox: Inbox = None, market: MarketName = None, database_url: Url = None,
) -> None:  # fmt: skip
    """Say how good the system is, and each agent in it.

    Example:  scorekeeper metrics --since 2025-05-01 --by side
    """
    from cli.metrics import read_period, read_symbol, show_metrics

    scope, period = (version, read_symbol(symbol)), read_period(since, until)
    with _database() as (db, _):
        show_metrics(db, scope, period, by, include_suspect=include_suspect, exclude_late=exclude_late, as_json=json)


@app.command()
def analyze(
    as_of: Annotated[str | None, typer.Option(help="What had closed by then, UTC; default: the last track.")] = None,
    home: Home = None, inbox: Inbox = None, market: MarketName = None, database_url: Url = None,
) -> None:  # fmt: skip
    """Say what can be concluded, and what cannot.

    Attribution, intervals that hold for overlapping trades, calibration, baselines, versions.
    """
    moment = parse_moment(as_of)
    with _database() as (db, _):
        from cli.analyze import print_analysis, run_analysis

        print_analysis(run_analysis(db, moment))


@app.command()
def report(
    version: Annotated[str | None, typer.Option(help="One SYSTEM_VERSION only.")] = None,
    output: Annotated[Path | None, typer.Option(help="The file; default: in reports/, beside LOG_DIR.")] = None,
    show: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
    home: Home = None, inbox: Inbox = None, market: MarketName = None, database_url: Url = None,
) -> None:  # fmt: skip
    """Draw the score: one HTML file, which needs no network.

    Equity, win rate, each agent's reliability, what trades earned and when. The same rows give the same bytes.
    """
    from cli.metrics import check_version
    from scorekeeper.report import write_report

    with _database() as (db, settings):
        check_version(db, version)
        path = write_report(db, settings.reports_dir, version=version, output=output)
    typer.echo(str(path))
    if show:
        import webbrowser

        webbrowser.open(path.as_uri())


@app.command()
def backtest(
    since: Annotated[str, typer.Option("--from", metavar="T", help="The first moment, ISO 8601, UTC.")],
    until: Annotated[str, typer.Option("--to", metavar="T", help="The end, not included; what is open then stays so.")],
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Decision files, or folders with all below them; default: as ingested.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="The metrics as JSON; the rest goes to stderr.")] = False,
    home: Home = None, market: MarketName = None, database_url: Url = None,
) -> None:  # fmt: skip
    """Score past decisions over history, in one go.

    As a live run would have, each decision received when it was decided, in a database of its own: the installation's
    scores stay as they are. Log and dataset go to backtest/ in the home. Needs no Prefect.

    Example:  scorekeeper backtest archive --from 2025-05-01 --to 2025-06-01 --market replay:candles
    """
    from cli.backtest import score_past

    score_past(since, until, paths, as_json=json)


@app.command()
def publish(
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Write both files anew, to the same bytes.")] = False,
    renew: Annotated[
        bool, typer.Option("--renew", help="With --rebuild: lines of an older release in today's form, for good.")
    ] = False,
    home: Home = None, inbox: Inbox = None, market: MarketName = None, database_url: Url = None,
) -> None:  # fmt: skip
    """Append what is new to log and dataset.

    A file with whole lines that the database does not know, as after a restore, is kept beside it and named.
    """
    from scorekeeper import publish as library

    if renew and not rebuild:
        raise typer.BadParameter("goes with --rebuild", param_hint="--renew")
    with _database() as (db, settings):
        log, dataset = settings.log_path, settings.dataset_path
        write = library.renew if renew else library.rebuild if rebuild else library.publish
        done = write(db, log_path=log, dataset_path=dataset)
        for words in done.explain():
            typer.echo(words, err=True)
        typer.echo(f"{settings.log_path}: {done.log_lines} lines")
        typer.echo(f"{settings.dataset_path}: {done.dataset_lines} records")


@app.command()
def recover(
    datasets: Annotated[
        list[Path] | None, typer.Argument(help="Other published datasets that tell of what was lost.")
    ] = None,
    home: Home = None, inbox: Inbox = None, market: MarketName = None, database_url: Url = None,
) -> None:  # fmt: skip
    """After a restore from a backup: take in again what came in since.

    From archive/ and quarantine/, and, what no file has brought, from the published dataset; exactly once, with the
    time of the first arrival. May be repeated. End scorekeeper up and workers before.
    """
    from scorekeeper.recover import recover as library

    with _database() as (db, settings):
        done = library(db, settings, datetime.now(UTC), datasets or ())
    for words in done.set_aside:
        typer.echo(words)
    typer.echo(
        f"{done.files} files with {done.decisions} decisions, {done.from_dataset} decisions from the dataset alone, "
        f"{done.exits} exits that no candle decides"
    )
    if done.rejected:
        typer.echo(f"  {done.rejected} decisions of these files are refused: see scorekeeper quarantine list")
    if done.guessed:
        typer.echo(f"  of {done.guessed} no published line tells when they arrived: the times of their files stand in")
    for words in done.refused[:20]:
        typer.echo(escape_controls(f"  not taken in: {words}"), err=True)
    if done.refused:
        raise ScorekeeperError(f"{len(done.refused)} could not be taken in")


@app.command()
def close(
    trade_id: str,
    as_of: Annotated[str | None, typer.Option(help="When, ISO 8601, UTC; default: this minute.")] = None,
    home: Home = None, inbox: Inbox = None, market: MarketName = None, database_url: Url = None,
) -> None:  # fmt: skip
    """Ask for a trade to be closed; the next track does it.

    It closes at that minute's price, whenever track runs. An earlier stop or target still wins; closing what is closed
    changes nothing.
    """
    moment = parse_moment(as_of)
    if moment is not None and moment > datetime.now(UTC):
        raise typer.BadParameter("lies in the future", param_hint="--as-of")
    with _database():  # before Prefect is imported: one that is away is said at once
        from flows.close_trade import close_trade as flow

        answer = run_flow(flow(trade_id, moment))
    if answer not in ("requested", "already requested", "closed"):
        raise ScorekeeperError(f"{trade_id}: {answer}")
    typer.echo(f"{trade_id}: {answer if answer != 'closed' else 'is closed already; nothing was changed'}")


@app.command()
def void(
    trade_id: str,
    why: Annotated[str, typer.Option(help="The reason, which is kept.")],
    home: Home = None, inbox: Inbox = None, market: MarketName = None, database_url: Url = None,
) -> None:  # fmt: skip
    """Take a decision out of every figure; it is kept.

    Example:  scorekeeper void BTCUSDT-2025-05-01T12:00:00Z-1a2b3c4d --why "a test of the feed"
    """
    from scorekeeper import settle

    if not why.strip():
        raise typer.BadParameter("a reason is needed, and kept", param_hint="--why")
    now = datetime.now(UTC)
    with _database() as (db, _):
        answer = db.transact(lambda connection: settle.void_decision(connection, trade_id, why, now))
    if answer == "unknown":
        raise ScorekeeperError(f"{trade_id}: unknown")
    typer.echo(f"{trade_id}: {answer}")


@app.command("import")
def import_file(
    file: Path, home: Home = None, inbox: Inbox = None, market: MarketName = None, database_url: Url = None
) -> None:
    """Read the predecessor's performance_dataset.jsonl.

    Later records of a trade_id complete earlier ones; imported exits are kept as they came. May be repeated.
    """
    with _database():
        from flows.import_dataset import import_dataset as flow

        done = run_flow(flow(str(file.absolute())))
    typer.echo(
        f"{done['records']} records: {done['decisions']} decisions, {done['duplicates']} known already, "
        f"{done['completed']} closed, {len(done['rejected'])} rejected"
    )
    for one in done["rejected"][:20]:
        where = f"{one['file']}, line {one['line']}, {one['field'] or 'record'}"
        typer.echo(escape_controls(f"  rejected: {where}: {one['reason']}"))
    if done["rejected"] and not done["decisions"] + done["duplicates"]:
        raise ScorekeeperError(f"{file}: no record could be read")
    typer.echo("The next track, with prices to judge them by, scores what is new.")


@app.command()
def status(
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    home: Home = None, inbox: Inbox = None, market: MarketName = None, database_url: Url = None,
) -> None:  # fmt: skip
    """Say where things stand. Exit code 1 if something is red: see scorekeeper doctor."""
    from cli.doctor import report
    from scorekeeper import health, listing
    from scorekeeper.domain.metrics import iso
    from scorekeeper.store.database import describe_database
    from scorekeeper.store.sql import statement
    from scorekeeper.writers import is_held

    with _database() as (db, settings):
        with db.begin() as connection:
            row = dict(connection.execute(statement("select_status")).mappings().one())
            checks = [*health.check_database(connection, settings, lambda: datetime.now(UTC))]
            read = health.read_offsets(connection)
        waiting = None
        if settings.inbox_dir.is_dir():
            found = listing.list_inbox(settings.inbox_dir, settings.own_dirs)
            waiting = sum(not is_held(path) for path in found)
        checks += [health.check_home(settings), *health.check_strays(settings)]
        checks += [*health.check_inbox(settings, datetime.now(UTC), read), *health.check_disk(settings)]
    answer: dict[str, Any] = {"home": str(settings.scorekeeper_home), "home_set_by": settings.home_from}
    answer |= {"database": describe_database(settings.database_url, settings.scorekeeper_home)}
    answer |= {"market": row["market"], "last_track": iso(row["last_as_of"]), "files_waiting": waiting}
    answer |= {name: row[name] for name in ("decisions", "open_trades", "closed_trades", "idle_exits", "rejections")}
    if not json:
        for name, value in answer.items():
            typer.echo(f"{name.replace('_', ' ')}: {'n/a' if value is None else value}")
    report([check for check in checks if json or check.state != "ok"], as_json=json, more=answer)


@app.command()
def doctor(
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    exchange: Annotated[bool, typer.Option("--exchange", help="Ask the exchange too: its clock.")] = False,
    end_stuck: Annotated[
        bool, typer.Option("--end-stuck", help="Mark runs Crashed that nobody executes, so that they hold no slot.")
    ] = False,
    home: Home = None, inbox: Inbox = None, market: MarketName = None, database_url: Url = None,
) -> None:  # fmt: skip
    """Look at everything that can be wrong, and say what to do.

    Home, database, schema, clocks, last track, oldest price, inbox, quarantine, disks; and with a Prefect server its
    deployments, workers and stuck runs. Makes and migrates nothing. Exit code 1 if something is red.
    """
    from cli.doctor import examine

    examine(ask_exchange=exchange, as_json=json, end_stuck=end_stuck)


@app.command()
def automations(
    notify: Annotated[
        str | None, typer.Option(metavar="TYPE/NAME", help="A notification block, such as slack-webhook/alerts.")
    ] = None,
    home: Home = None,
) -> None:
    """Let Prefect's server tell somebody of trouble, and clear late and zombie runs.

    Makes automations on the running up's server, or that of PREFECT_API_URL; made again, they are as they should be.

    Example:  scorekeeper automations --notify slack-webhook/alerts
    """
    _settings()  # Prefect reads its own while it is imported
    from cli.automations import make

    make(notify)


@app.command()
def verify(home: Home = None, inbox: Inbox = None, market: MarketName = None, database_url: Url = None) -> None:
    """Recompute everything, and name every difference.

    Decisions from the archived files; trades, horizon returns, rollups, metrics, log and dataset from decisions and
    candles, by other code than track's; the books against each other. As it stands at one moment: what is written
    meanwhile is no difference. What waits for the next track is counted, and not wrong.
    """
    from scorekeeper.verify import compare

    with _database() as (db, settings):
        found = compare(db, settings)
    for line in found.differences:
        typer.echo(line)
    for line in found.waits:
        typer.echo(line)
    if found.pruned is not None:
        since, decisions = found.pruned
        typer.echo(
            f"{decisions} decisions from before {since:%F %R} UTC: their candles have been pruned, not recomputed"
        )
    if found.differences:
        raise ScorekeeperError(f"{len(found.differences)} differences")
    typer.echo("everything stored and published equals its recompute")


@app.command("move-database")
def move_database(
    url: Annotated[str, typer.Argument(envvar="NEW_DATABASE_URL", help="Where to: an empty database.")],
    home: Home = None, database_url: Url = None,
) -> None:  # fmt: skip
    """Copy everything to another Postgres, and compare it.

    From the embedded one, or DATABASE_URL's, which stays as it is. All or nothing: counts and checksums of every table
    are compared first. End scorekeeper up and workers before. In NEW_DATABASE_URL a password is in no process list.

    Example:  scorekeeper move-database postgresql://user@host/name
    """
    from cli.moving import move

    move(url)


@app.command()
def roles() -> None:
    """Print the SQL of three roles: owner, writer, reader.

    The owner migrates, the writer runs the flows, the reader sees the report_* views and nothing else. For a Postgres
    of your own, version 15 or later, by a superuser, before the first migrate, which grants the rest; may be repeated.

    Example:  scorekeeper roles | psql postgresql://postgres@host/name
    """
    from scorekeeper.store.sql import raw

    typer.echo(raw("roles") + raw("grants"), nl=False)


@app.command()
def prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    home: Home = None, inbox: Inbox = None, market: MarketName = None, database_url: Url = None,
) -> None:  # fmt: skip
    """Give up old candles and archived files.

    Those older than KEEP_CANDLES_DAYS (whole months; never what an open trade or an undecided decision needs) and
    KEEP_ARCHIVE_DAYS; unset, all is kept. Scores stay as they are; verify cannot recompute what lies before.
    """
    from cli.prune import prune_old

    with _database() as (_, settings):
        prune_old(settings, dry_run=dry_run)


@app.command()
def migrate(
    switch_market: Annotated[
        bool, typer.Option("--switch-market", help="Let the next track bind the database to another market.")
    ] = False,
    home: Home = None, inbox: Inbox = None, market: MarketName = None, database_url: Url = None,
) -> None:  # fmt: skip
    """Bring the database to the newest schema."""
    from scorekeeper.store.migrate import newest_version
    from scorekeeper.store.sql import statement

    with _database() as (db, _):
        if switch_market:
            with db.begin() as connection:
                connection.execute(statement("unbind_market"))
    typer.echo(f"schema {newest_version()}" + ("; the next track chooses the market" if switch_market else ""))


def _explain_lost(failed: Exception) -> Exception:
    """What a command ends with when the database went away in its middle; anything else as it is."""
    if "sqlalchemy.exc" not in sys.modules:
        return failed
    from sqlalchemy.exc import DBAPIError

    from scorekeeper.store.failures import explain_lost, is_lost

    orig = failed.orig if isinstance(failed, DBAPIError) else None
    return explain_lost(orig) if orig is not None and is_lost(orig) else failed


def main() -> None:
    """Exit code 0 if the work was done, 1 with one clear line if not, 2 for usage, 128 + n when signal n stopped it."""
    stopping.guard()
    os.umask(0o077)  # what is made here, by Prefect and supervisord too, is the user's own
    stopping.begin_work()
    try:
        app()  # says what is wrong with the usage itself, and exits with 2
    except BaseException as failed:
        if (number := stopping.asked()) is not None:
            stopping.finish(number)  # whatever has become of StopError on its way
        if not isinstance(failed, Exception):
            raise
        if os.environ.get("SCOREKEEPER_DEBUG"):
            raise
        failed = _explain_lost(failed)
        words = " ".join(str(failed).split()) or type(failed).__name__
        kind = "" if isinstance(failed, ScorekeeperError) else f"{type(failed).__name__}: "
        typer.echo(f"error: {kind}{words[:500]}", err=True)
        sys.exit(1)
    finally:
        stopping.end_work()
