"""`scorekeeper convert`: the files of other systems to decision files."""

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from cli.options import installation_options
from scorekeeper.errors import ScorekeeperError
from scorekeeper.phrases import and_more
from scorekeeper.safe_text import escape_controls

if TYPE_CHECKING:
    from scorekeeper.inbox.adapters.base import Adapter

MOST_TOLD = 20


@installation_options("home", "inbox", "system")
def convert(
    paths: Annotated[list[Path], typer.Argument(help="Files, or folders of them.")],
    source: Annotated[
        str,
        typer.Option(
            "--from",
            help="tradingagents, ai-hedge-fund, nofx, freqtrade or agentrader; or a mapping file, NAME.toml.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="The folder to write to; it may be the inbox.")],
    timezone: Annotated[str | None, typer.Option(help="The zone of times that say none.")] = None,
    time: Annotated[str | None, typer.Option(help="When a decision of a day was made, such as 16:00.")] = None,
    price: Annotated[float | None, typer.Option(help="The price of decisions that say none.", min=0)] = None,
    prices: Annotated[
        Path | None, typer.Option(help="A folder of candles or daily bars, AAPL.csv or BTC-USDT.csv, to look it up in.")
    ] = None,
    prices_at: Annotated[
        Literal["open", "close"], typer.Option(help="Which price of a day's bar a decision of that day was made at.")
    ] = "close",
    version: Annotated[str | None, typer.Option(help="The version of the system that decided.")] = None,
) -> None:
    """Write decision files from files that another system wrote.

    The inbox reads most of these files itself, by what they hold. Convert files that lack something: a price, a zone.
    What is left out is counted, with the reason. The same files give the same decisions, which count once.

    Example:  scorekeeper convert --from tradingagents eval_results --prices bars --time 16:00 --timezone
    America/New_York --out inbox
    """
    from scorekeeper.operations.convert import Options
    from scorekeeper.operations.convert import convert as run
    from scorekeeper.operations.convert_prices import PriceFolder
    from scorekeeper.settings import load_settings

    zone, at = _zone(timezone), _time(time)
    folder = None if prices is None else PriceFolder(prices, prices_at, zone)
    done = run(
        list(paths), _adapter(source), out, Options(zone, at, price or None, folder, version), load_settings().inbox_dir
    )
    typer.echo(
        f"{done.files} files, {done.known} of them {source}'s: {done.decisions} decisions"
        + (f", {done.ended} trades with their exits" if done.ended else "")
        + (f", {done.repeated} of them more than once" if done.repeated else "")
    )
    if done.dated:
        typer.echo(f"  {done.dated} decisions give no time: that of their file is theirs")
    for word, times in done.unread_words.most_common(MOST_TOLD):
        typer.echo(escape_controls(f"  {times} decisions say {word}, which is in no list of words: they open no trade"))
    for what, times in done.lost.most_common(MOST_TOLD):
        typer.echo(escape_controls(f"  left out {times} times: {what}"))
    if len(done.lost) > MOST_TOLD:
        typer.echo(f"  …{and_more(len(done.lost), MOST_TOLD)} reasons")
    for name, why in [*done.unread.items()][:MOST_TOLD]:
        typer.echo(escape_controls(f"  not read: {name}: {why.removeprefix(f'{name}: ')}"))
    if done.others:
        typer.echo(escape_controls(f"  of something else: {done.others[0]}{and_more(len(done.others), 1)}"))
    for path in done.written:
        typer.echo(str(path))
    if done.ended:
        typer.echo(f"next: scorekeeper import {done.written[-1]}")
    if not done.written:
        raise ScorekeeperError("no decision was found")


def _adapter(source: str) -> "Adapter":
    from scorekeeper.inbox.adapters import BY_NAME
    from scorekeeper.inbox.adapters.mapping import MappingFile

    if source in BY_NAME:
        return BY_NAME[source]
    if source.endswith(".toml"):
        try:
            return MappingFile(Path(source).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as exc:
            raise ScorekeeperError(f"{source} cannot be read: {exc}") from None
    raise typer.BadParameter(f"{source!r} is none of {', '.join(BY_NAME)}, and no NAME.toml", param_hint="--from")


def _zone(name: str | None) -> ZoneInfo | None:
    try:
        return None if name is None else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise typer.BadParameter(
            f"{name!r} is no time zone, such as UTC or Europe/Berlin", param_hint="--timezone"
        ) from None


def _time(said: str | None) -> dt.time | None:
    if said is None:
        return None
    try:
        at = dt.time.fromisoformat(said)
        if at.tzinfo is None:
            return at
        raise ValueError("a zone")
    except ValueError:
        raise typer.BadParameter(f"{said!r} is no time of the day, such as 16:00", param_hint="--time") from None
