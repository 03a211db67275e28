"""`scorekeeper init`: from an empty folder to the first decisions."""

import asyncio
import os
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.env_file import change_env, read_env
from cli.installation import open_installation
from cli.setting_values import check_value, first_settings, list_settings, read_pairs, spell_given
from scorekeeper.errors import ScorekeeperError

if TYPE_CHECKING:
    from scorekeeper.inbox.summary import Summary
    from scorekeeper.settings import Settings
    from scorekeeper.store.database import Database

ENV = ".env"
# What is asked on a terminal, in this order, where no option says it: the setting, and the question.
QUESTIONS = (
    ("INBOX_DIR", "Folder in which decision files arrive"),
    ("MARKET", "Market: ccxt:EXCHANGE (ccxt:binance, ccxt:kraken), or replay:FOLDER with files of candles"),
    ("REPLAY_LAYOUT", "Layout of the files: scorekeeper, yahoo, stooq or binance"),
    ("CANDLE_LENGTH", "Length of a candle: 1m, 5m, 15m, 30m, 1h, 4h or 1d"),
    ("CALENDAR", "Trading calendar, such as XNYS; empty: the market never closes"),
    ("FEE_BPS", "Fee of one side, in basis points (10 is 0.1 %)"),
    ("DECISION_TIMEZONE", "Time zone of times that name none, such as Europe/Berlin"),
    ("MAX_HOLD_TIME_MINUTES", "Minutes until a trade expires whose decision does not say"),
)
# How a file gets into an object store.
_COPY = {"s3": "aws s3 cp", "gs": "gcloud storage cp"}
OF_REPLAY = ("REPLAY_LAYOUT", "CANDLE_LENGTH", "CALENDAR")  # asked where the market is a folder


def init(
    inbox: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Where decision files arrive: a folder, or s3://BUCKET/PREFIX.")
    ] = None,
    market: Annotated[str | None, typer.Option(help="ccxt:EXCHANGE, or replay:DIR, a folder of candle files.")] = None,
    fee_bps: Annotated[float | None, typer.Option(help="Fee of one side, in basis points.")] = None,
    timezone: Annotated[str | None, typer.Option(help="Zone of times that name none.")] = None,
    max_hold: Annotated[float | None, typer.Option(help="Minutes until a trade expires.")] = None,
    home: Annotated[Path | None, typer.Option(help="Where Scorekeeper keeps its own files.")] = None,
    database_url: Annotated[str | None, typer.Option(help="A Postgres 15 or later; default: an embedded one.")] = None,
    more: Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Any other setting.")] = None,
    first: Annotated[Path | None, typer.Option(help="A decision file, or a folder of them, to take in now.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing; defaults for what no option says.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Change settings that .env has already.")] = False,
) -> None:
    """Set up Scorekeeper in this folder: settings, checks, a first file, and what to do next.

    On a terminal it asks for what no option says. Elsewhere, and with --yes, it takes the defaults. It writes .env with
    mode 0600, keeps every line of it that is not a setting it was told, and changes none without asking.

    Example:  scorekeeper init --market replay:candles --first decisions.jsonl --yes
    """
    from scorekeeper.market.recognise import recognise_settings

    asks = not yes and sys.stdin.isatty() and sys.stdout.isatty()
    path = Path.cwd() / ENV
    before = _read_file(path)
    held = {name.upper(): value for name, value in read_env(before).items()}
    given = spell_given(
        INBOX_DIR=inbox, MARKET=market, FEE_BPS=fee_bps, DECISION_TIMEZONE=timezone, MAX_HOLD_TIME_MINUTES=max_hold,
        SCOREKEEPER_HOME=home, DATABASE_URL=database_url,
    ) | read_pairs(more or [])  # fmt: skip
    for name, value in {**held, **given}.items():
        if name in list_settings() and (name in given or not asks or name not in dict(QUESTIONS)):
            check_value(name, value, {**held, **given})
    if asks:
        first = _ask(given, held, first)
    else:
        told = recognise_settings((held | given).get("MARKET", ""))
        given |= {name: word for name, word in told.items() if name not in held | given}
    values = first_settings() | held | given
    chosen = {name: values[name] for name in (*first_settings(), *given)}
    _check_first(first)
    changed = [name for name, value in chosen.items() if name in held and held[name] != value]
    if changed and not overwrite:
        words = f"{ENV} says {', '.join(f'{name}={_show(name, held[name])}' for name in changed)}"
        if not asks:
            raise ScorekeeperError(f"{words}: leave the option out, or change it with --overwrite")
        typer.confirm(f"{words}. Change that?", abort=True)
    new = {name: value for name, value in chosen.items() if name in changed or name not in held}
    settings = _load(path, before, new)
    _set_up(settings, first)


def _ask(given: dict[str, str], held: dict[str, str], first: Path | None) -> Path | None:
    """Ask for what is not given, and put it there; the first file."""
    from scorekeeper.market.recognise import recognise_settings

    defaults = {**first_settings(), **held}
    for name, question in QUESTIONS:
        market = {**defaults, **given}["MARKET"]
        if name in given or (name in OF_REPLAY and not market.startswith("replay:")):
            continue
        default = {**list_settings(), **recognise_settings(market), **defaults}[name]

        def read(value: str, name: str = name) -> str:
            try:
                check_value(name, value.strip(), {**defaults, **given})
            except (ScorekeeperError, typer.BadParameter) as wrong:
                raise typer.BadParameter(str(wrong)) from None
            return value.strip()

        given[name] = typer.prompt(question, default=default, value_proc=read)
    if first is None:
        word = typer.prompt("A decision file to take in now; empty: none", default="", show_default=False)
        first = Path(word).expanduser() if word.strip() else None
    return first


def _load(path: Path, before: str, new: dict[str, str]) -> "Settings":
    """Write the `.env`, and read the settings as every command will. Raises ScorekeeperError."""
    from scorekeeper.private_files import write_private
    from scorekeeper.settings import load_settings

    if new:
        try:
            write_private(path.resolve(), change_env(before, new))
        except OSError as refused:
            raise ScorekeeperError(f"{path} cannot be written: {refused.strerror}") from None
    verb = "written" if not before else "changed" if new else "as it was"
    typer.echo(f"{path}: {verb}{', for you alone (0600)' if new else ''}")
    for name, value in new.items():
        typer.echo(f"  {name}={_show(name, value)}")
        if os.environ.get(name, value) != value:
            typer.echo(f"  the environment says {name}={_show(name, os.environ[name])}, and wins", err=True)
    return load_settings()


def _set_up(settings: "Settings", first: Path | None) -> None:
    """Make inbox and database, check all, take in the first file, and say what to do next."""
    from cli.commands.doctor import check_exchange
    from cli.output.checks import print_checks
    from cli.output.ingested import print_ingested
    from scorekeeper.operations.health import check_all
    from scorekeeper.private_files import make_folder

    if isinstance(settings.inbox, Path):
        try:
            make_folder(settings.inbox)
        except OSError as refused:
            raise ScorekeeperError(f"{settings.inbox} cannot be made: {refused.strerror}") from None
    unwell: ScorekeeperError | None = None
    typer.echo("Opening the database ...")
    with open_installation() as (db, _):
        try:
            checks = check_all(settings, lambda: datetime.now(UTC))
            if settings.market.startswith("ccxt:"):
                checks.append(asyncio.run(check_exchange(settings)))
            print_checks(checks, as_json=False)
        except ScorekeeperError as red:
            unwell = red
        taken = _take_in(db, settings, first)
    print_ingested(asdict(taken))
    _say_next(settings, bool(taken.decisions or taken.duplicates))
    if taken.trouble:
        raise ScorekeeperError(taken.trouble[0])
    if unwell is not None:
        raise unwell


def _take_in(db: "Database", settings: "Settings", first: Path | None) -> "Summary":
    """Ingest the first file, or the inbox, and publish what is new. Without Prefect, whose start takes longer."""
    from scorekeeper.inbox.ingest import ingest_files
    from scorekeeper.inbox.places.walk import list_named
    from scorekeeper.publish.publish import publish

    paths = None if first is None else list_named([first.absolute()])
    taken = ingest_files(db, settings, received_at=datetime.now(UTC), paths=paths)
    publish(db, log_path=settings.log_path, dataset_path=settings.dataset_path)
    return taken


def _say_next(settings: "Settings", has_decisions: bool) -> None:
    typer.echo("\nNext:")
    lines = []
    if not has_decisions:
        inbox = settings.inbox
        copy = "cp" if isinstance(inbox, Path) else _COPY.get(inbox.scheme, "upload")
        to = _short(inbox) if isinstance(inbox, Path) else inbox
        lines.append((f"{copy} decisions.jsonl {to}/", "your decisions (docs/decision-files.md)"))
        lines.append(("scorekeeper ingest", "take them in"))
    lines += [
        ("scorekeeper track", "follow them through the market"),
        ("scorekeeper metrics", "the score"),
        ("scorekeeper analyze", "what can be concluded, and what cannot"),
        ("scorekeeper up", "or let all of it run by itself, with a dashboard"),
    ]
    width = max(len(words) for words, _ in lines)
    for words, why in lines:
        typer.echo(f"  {words:<{width}}   # {why}")


def _check_first(first: Path | None) -> None:
    if first is not None and not first.exists():
        raise ScorekeeperError(f"there is no file {first}")


def _read_file(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as wrong:
        why = getattr(wrong, "strerror", None) or "it is no UTF-8"
        raise ScorekeeperError(f"{path} cannot be read: {why}") from None


def _show(name: str, value: str) -> str:
    """A value without what is secret."""
    return "..." if name.endswith("_TOKEN") or (name.endswith("DATABASE_URL") and "@" in value) else value


def _short(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
