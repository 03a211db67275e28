"""The options that commands share: each sets the setting of the same name for this process."""

import inspect
import os
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, ParamSpec
from zoneinfo import ZoneInfo

import typer

from scorekeeper.decisions.timestamps import read_moment
from scorekeeper.errors import ScorekeeperError
from scorekeeper.system_names import BY_OPTION

P = ParamSpec("P")


def _put(name: str) -> Callable[[Any], Any]:
    """What writes an option's value into the environment, where the settings are read from."""

    def into_environment(value: Any) -> Any:
        if value is not None:
            os.environ[name] = str(value)
            # A system's own .env wins over the environment, but not over an option.
            os.environ[BY_OPTION] = ",".join({*filter(None, os.environ.get(BY_OPTION, "").split(",")), name})
        return value

    return into_environment


Home = Annotated[
    Path | None, typer.Option(help="Where Scorekeeper keeps its own files.", callback=_put("SCOREKEEPER_HOME"))
]
Inbox = Annotated[
    str | None,
    typer.Option(
        metavar="FOLDER", help="Where decision files arrive: a folder, or s3://BUCKET/PREFIX (gs://, az://).",
        callback=_put("INBOX_DIR"),
    ),
]
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
System = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="One trading system of several; see SYSTEM.", callback=_put("SYSTEM")),
]
ScoresUrl = Annotated[
    str | None,
    typer.Option(
        "--database-url", help="A Postgres 15 or later, or a hot standby of it.",
        callback=_put("DASHBOARD_DATABASE_URL"),
    ),
]  # fmt: skip
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]

# By the name of the parameter, in the order in which --help lists them.
INSTALLATION: dict[str, Any] = {
    "home": Home, "inbox": Inbox, "market": MarketName, "database_url": Url, "system": System,
}  # fmt: skip
READING: dict[str, Any] = {"scores_url": ScoresUrl}  # for what only reads, in place of database_url


def installation_options(*names: str, each: bool = False) -> Callable[[Callable[P, None]], Callable[..., None]]:
    """Give a command the options `names` of INSTALLATION (default: all) and READING, after its own options.

    `each`: without --system, the command runs for each system of SYSTEMS_DIR.

    They act before the command begins, so the command does not see them. One that needs a value, such as a home of its
    own, declares that parameter itself.
    """
    chosen, known = names or tuple(INSTALLATION), INSTALLATION | READING

    def decorate(command: Callable[P, None]) -> Callable[..., None]:
        own = inspect.signature(command, eval_str=True)
        added = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=known[name])
            for name in chosen
            if name not in own.parameters
        ]

        @wraps(command)
        def run(*args: P.args, **kwargs: P.kwargs) -> None:
            for parameter in added:
                kwargs.pop(parameter.name, None)
            if each:
                run_for_each(lambda: command(*args, **kwargs), quiet=bool(kwargs.get("json")))
            else:
                command(*args, **kwargs)

        # Typer reads a command's options from its signature and its annotations.
        parameters = [*own.parameters.values(), *added]
        run.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {one.name: one.annotation for one in parameters}
        return run

    return decorate


def run_for_each(work: Callable[[], None], *, quiet: bool = False) -> None:
    """Run a command for the system that is named, or else for each of SYSTEMS_DIR.

    `quiet`: the systems' names go to standard error. Raises ScorekeeperError that names those that failed.
    """
    from scorekeeper.phrases import name_some
    from scorekeeper.settings import list_systems, load_settings

    settings = load_settings()
    if settings.systems_dir is None or settings.system:
        work()
        return
    failed, names = [], list_systems(settings.systems_dir)
    for name in names:
        os.environ["SYSTEM"] = name
        typer.echo(f"{name}:", err=quiet)
        try:
            work()
        except ScorekeeperError as exc:
            failed.append(name)
            typer.echo(f"error: {exc}", err=True)
        except typer.Exit as ended:
            failed += [name] if ended.exit_code else []
        finally:
            del os.environ["SYSTEM"]
    if failed:
        raise ScorekeeperError(f"{len(failed)} of {len(names)} systems failed: {name_some(failed, 10)}")


def parse_moment(given: str | None, option: str | None = None) -> datetime | None:
    """The time that an option gives, None for none; without a zone it is UTC. `option`: its name, for the error.

    Raises BadParameter.
    """
    if given is None:
        return None
    try:
        return read_moment(given, ZoneInfo("UTC")).at
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            f"{given!r} is no ISO 8601 time, such as 2025-05-01T12:00Z", param_hint=option
        ) from None


def home_of_demo(context: typer.Context, home: Path | None, name: str) -> Path:
    """The home of a demo: --home before or after the command's name, else `name` in the default home."""
    before = context.parent.params.get("home") if context.parent else None
    return (home or (before if isinstance(before, Path) else None) or Path(".scorekeeper") / name).absolute()
