"""Checks of `status` and `doctor`, as lines or as JSON."""

import os
import sys
from dataclasses import asdict
from json import dumps
from typing import Any

import typer

from scorekeeper.errors import ScorekeeperError
from scorekeeper.operations.health import Check
from scorekeeper.safe_text import escape_controls

_COLOURS = {"ok": typer.colors.GREEN, "warning": typer.colors.YELLOW, "red": typer.colors.RED}


def print_checks(checks: list[Check], *, as_json: bool, more: dict[str, Any] | None = None) -> None:
    """Print checks; `more`: what the JSON says besides. Raises ScorekeeperError if one is red."""
    red = [check.name for check in checks if check.state == "red"]
    if as_json:
        whole = (more or {}) | {"healthy": not red, "checks": [asdict(check) for check in checks]}
        typer.echo(dumps(whole, indent=2))
    else:
        for check in checks:
            _print_line(check)
    if red:
        raise ScorekeeperError(f"not well: {', '.join(red)}")


def _print_line(check: Check) -> None:
    word = f"{check.state:<8}"
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        word = typer.style(word, fg=_COLOURS[check.state])
    typer.echo(f"{word}{check.name:<12}{escape_controls(check.says)}")
    if check.do:
        typer.echo(f"{'':<20}-> {escape_controls(check.do)}")
