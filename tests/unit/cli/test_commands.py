"""Each module in cli/commands is one command of `scorekeeper`, and takes the options that all share."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from cli.main import COMMANDS, app
from cli.options import INSTALLATION, installation_options

FOLDER = Path(__file__).parents[3] / "cli" / "commands"


def test_every_module_in_the_folder_is_a_command() -> None:
    assert sorted(COMMANDS.values()) == sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")


def test_every_command_but_roles_takes_a_home() -> None:
    group = typer.main.get_command(app)
    lacking = {name for name in COMMANDS if "home" not in {option.name for option in group.commands[name].params}}  # type: ignore[attr-defined]
    assert lacking == {"roles", "quarantine"}
    several = group.commands["quarantine"].commands.values()  # type: ignore[attr-defined]
    assert all("home" in {option.name for option in one.params} for one in several)


def test_a_command_with_a_typing_error_is_told_the_right_name() -> None:
    assert "Did you mean 'metrics'?" in CliRunner().invoke(app, ["metrcs"]).output


def test_shared_options_reach_the_settings_and_not_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SCOREKEEPER_HOME", "INBOX_DIR", "MARKET", "DATABASE_URL"):
        monkeypatch.setenv(name, "before")
    seen: list[object] = []

    @installation_options()
    def command(word: str, home: str = "own") -> None:
        import os

        seen.extend([word, home, os.environ["MARKET"], os.environ["INBOX_DIR"], os.environ["DATABASE_URL"]])

    one = typer.Typer()
    one.command()(command)
    done = CliRunner().invoke(one, ["w", "--market", "replay:m", "--inbox", "in"])
    assert (done.exit_code, seen) == (0, ["w", "own", "replay:m", "in", "before"])
    assert list(INSTALLATION) == ["home", "inbox", "market", "database_url", "system"]
