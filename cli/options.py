"""Options that the commands share: each overrides a name of the environment."""

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from scorekeeper.decisions.timestamps import read_moment


def _put(name: str) -> Callable[[Any], Any]:
    def into_environment(value: Any) -> Any:
        if value is not None:
            os.environ[name] = str(value)
        return value

    return into_environment


Home = Annotated[
    Path | None, typer.Option(help="Where Scorekeeper keeps its own files.", callback=_put("SCOREKEEPER_HOME"))
]
Inbox = Annotated[Path | None, typer.Option(help="Where decision files arrive.", callback=_put("INBOX_DIR"))]
MarketName = Annotated[
    str | None,
    typer.Option(
        "--market",
        help="Where prices come from: ccxt:binance, any ccxt exchange, or replay:DIR, a folder of files.",
        callback=_put("MARKET"),
    ),
]
Url = Annotated[
    str | None, typer.Option("--database-url", help="A Postgres 15 or later.", callback=_put("DATABASE_URL"))
]


def parse_moment(words: str | None, option: str | None = None) -> datetime | None:
    """The time that an option gives, UTC where it says no zone; None for none. `option`: its name, for complaints."""
    if words is None:
        return None
    try:
        return read_moment(words, ZoneInfo("UTC")).at
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            f"{words!r} is no ISO 8601 time, such as 2025-05-01T12:00Z", param_hint=option
        ) from None


def given_home(context: typer.Context) -> Path | None:
    """The --home that stands before the command's name, if one does."""
    home = context.parent.params.get("home") if context.parent else None
    return home if isinstance(home, Path) else None
