"""Settings from the environment and a `.env`."""

import os
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic import ValidationError
from pydantic_settings import SettingsError

from scorekeeper.errors import ScorekeeperError
from scorekeeper.locations import is_address
from scorekeeper.private_files import is_plain_file
from scorekeeper.settings.fields import REPLAY, Settings, path_fields


def load_settings(**overrides: Any) -> Settings:
    """Settings from the environment and `.env`; `overrides` (by field name, None is skipped) win over both.

    Raises ScorekeeperError that names the wrong variable, but not a value that may be secret.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    home = given.get("scorekeeper_home") or os.environ.get("SCOREKEEPER_HOME")
    candidates = [Path(home).expanduser() / ".env"] if home else []
    # `scorekeeper up` gives its parts every setting in the environment: they must not read another .env.
    files = [] if "SCOREKEEPER_UP" in os.environ else [*candidates, Path.cwd() / ".env"]
    env_file = next((file for file in files if is_plain_file(file)), None)
    base = env_file.parent if env_file else Path.cwd()
    given = {name: Path.cwd() / value if isinstance(value, Path) else value for name, value in given.items()}
    # A path in the environment is relative to the working directory.
    for name in path_fields():
        if (value := os.environ.get(name.upper())) and name not in given:
            given[name] = value if is_address(value) else Path.cwd() / Path(value).expanduser()
    market = str(given.get("market") or os.environ.get("MARKET") or "")
    if market.startswith(REPLAY):
        given["market"] = f"{REPLAY}{Path.cwd() / Path(market.removeprefix(REPLAY)).expanduser()}"
    try:
        settings = Settings(_env_file=env_file, base_dir=base, **given)  # type: ignore[call-arg]  # pydantic-settings takes it
        settings._home_from = _who_set_home(home, env_file)
    except OSError as exc:
        raise ScorekeeperError(f"{env_file} cannot be read: {exc.strerror}") from None
    except SettingsError as exc:
        raise ScorekeeperError(f"{exc.args[0]}: write JSON (in the environment or in .env)") from None
    except ValidationError as exc:
        first = exc.errors(include_input=False, include_url=False)[0]
        name = str(first["loc"][0]).upper() if first["loc"] else "settings"
        raise ScorekeeperError(f"{name}: {first['msg']} (set in the environment or in .env)") from None
    return settings


def _who_set_home(given: Any, env_file: Path | None) -> str:
    if given:
        return "SCOREKEEPER_HOME in the environment, or --home"
    if env_file is None:
        return "the default, in the working directory"
    if any(name.upper() == "SCOREKEEPER_HOME" and value for name, value in dotenv_values(env_file).items()):
        return f"SCOREKEEPER_HOME in {env_file}"
    return f"the default, beside {env_file}"
