"""The `scorekeeper` command: the list of its commands, and how each one ends."""

import atexit
import gc
import os
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from cli import stopping
from cli.options import installation_options
from scorekeeper.errors import ScorekeeperError

# Each command by its name, with its module in cli/commands/, in the order in which --help lists them. The module has a
# function of its own name, or, for a command of several, an `app`.
COMMANDS = {
    "init": "init",
    "demo": "demo",
    "up": "up",
    "ui": "ui",
    "dashboard": "dashboard",
    "mcp": "mcp",
    "watch": "watch",
    "ingest": "ingest",
    "track": "track",
    "metrics": "metrics",
    "analyze": "analyze",
    "learn": "learn",
    "weights": "weights",
    "report": "report",
    "feedback": "feedback",
    "backtest": "backtest",
    "publish": "publish",
    "recover": "recover",
    "close": "close",
    "void": "void",
    "convert": "convert",
    "import": "import_dataset",
    "status": "status",
    "doctor": "doctor",
    "deploy": "deploy",
    "automations": "automations",
    "verify": "verify",
    "move-database": "move_database",
    "roles": "roles",
    "prune": "prune",
    "migrate": "migrate",
    "quarantine": "quarantine",
}
AT_START = 200_000  # objects; `metrics` has made 124,000 when it has its answer
_STYLE: dict[str, Any] = {"add_completion": False, "pretty_exceptions_enable": False, "rich_markup_mode": None}


class LazyCommands(Mapping[str, Any]):
    """The commands as click has them. A command's module is imported when the command is asked for, so that each
    command starts quickly.
    """

    def __getitem__(self, name: str) -> Any:
        """The command of that name. Raises KeyError."""
        module = import_module(f"cli.commands.{COMMANDS[name]}")
        of_command = getattr(module, "app", None)
        if of_command is None:
            of_command = typer.Typer(**_STYLE)
            of_command.command(name)(getattr(module, COMMANDS[name]))
        command = typer.main.get_command(of_command)
        command.name = name
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class CommandGroup(TyperGroup):
    """The group of all commands."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands: Any = LazyCommands()


app = typer.Typer(cls=CommandGroup, no_args_is_help=True, **_STYLE)


@app.callback()
@installation_options()
def scorekeeper() -> None:
    """Keep the score of a multi-agent trading system. Try: scorekeeper demo.

    Where a Prefect server is there to be told (a running up, or that of PREFECT_API_URL), ingest, track, analyze,
    learn, prune, close, import and quarantine retry are flow runs. Else they do the same steps without Prefect, which
    saves the seconds that a server takes to start. FLOW_RUNS=always keeps Prefect.
    """


def main() -> None:
    """Exit code 0 if the work was done, 1 with one clear line if not, 2 for usage, 128 + n when signal n stopped it."""
    stopping.guard()
    spare_collections()
    os.umask(0o077)  # files are the user's own, also those that Prefect and supervisord write
    stopping.begin_work()
    try:
        app()  # reports a wrong usage itself, and exits with 2
    except BaseException as exc:
        if (number := stopping.asked()) is not None:
            stopping.finish(number)  # a library may have turned StopError into another exception
        if not isinstance(exc, Exception):
            raise
        if os.environ.get("SCOREKEEPER_DEBUG"):
            raise
        error = _explain_lost(exc)
        words = " ".join(str(error).split()) or type(error).__name__
        kind = "" if isinstance(error, ScorekeeperError) else f"{type(error).__name__}: "
        typer.echo(f"error: {kind}{words[:500]}", err=True)
        sys.exit(1)
    finally:
        stopping.end_work()


def spare_collections() -> None:
    """Look for no garbage in what a command imports, neither while it starts nor when the process ends.

    Modules are no garbage, and looking through them again and again took a third of `scorekeeper metrics`. After the
    first AT_START objects Python collects as always.
    """
    usual = gc.get_threshold()

    def collect_as_usual(phase: str, info: dict[str, int]) -> None:
        gc.callbacks.remove(collect_as_usual)
        gc.set_threshold(*usual)

    gc.callbacks.append(collect_as_usual)
    gc.set_threshold(AT_START, *usual[1:])
    atexit.register(gc.freeze)  # at its end Python collects all but what is frozen


def _explain_lost(exc: Exception) -> Exception:
    """The error to show: for a database connection that was lost its explanation, else `exc` itself."""
    if "sqlalchemy.exc" not in sys.modules:
        return exc
    from sqlalchemy.exc import DBAPIError

    from scorekeeper.store.failures import explain_lost, is_lost

    orig = exc.orig if isinstance(exc, DBAPIError) else None
    return explain_lost(orig) if orig is not None and is_lost(orig) else exc
