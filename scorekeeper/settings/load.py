"""Settings from the environment and a `.env`."""

import os
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

from scorekeeper.errors import ScorekeeperError
from scorekeeper.locations import Location, is_address, read_location
from scorekeeper.private_files import is_plain_file
from scorekeeper.settings import systems
from scorekeeper.settings.fields import REPLAY, Settings, path_fields
from scorekeeper.settings.systems import list_misnamed, list_systems, load_system, naming_the_setting, set_by_option
from scorekeeper.system_names import NO_NAME


def load_settings(**overrides: Any) -> Settings:
    """Settings from the environment and `.env`; `overrides` (by field name, None is skipped) win over both.

    With SYSTEMS_DIR and SYSTEM they are those of that system, see systems.py.

    Raises ScorekeeperError that names the wrong variable, but not a value that may be secret.
    """
    settings = _load(**overrides)
    if settings.system and settings.systems_dir is not None:
        return load_system(settings, settings.system)
    return settings


def settings_of_all(settings: Settings) -> tuple[list[Settings], dict[str, str]]:
    """The settings of each system of SYSTEMS_DIR, and why those of others cannot be used, by name.

    Of two systems with the same inbox, archive, log or dataset, the first one is used. Without SYSTEMS_DIR, or with a
    system's settings: those alone. Raises ScorekeeperError if the folder is away.
    """
    if settings.systems_dir is None or settings.system:
        return [settings], {}
    if "inbox_dir" in set_by_option():
        raise ScorekeeperError("--inbox is for one system: name it with --system")
    found: list[Settings] = []
    troubles = dict.fromkeys(list_misnamed(settings.systems_dir), NO_NAME.removeprefix("is "))
    places: dict[tuple[str, str], str] = {}
    for name in list_systems(settings.systems_dir):
        try:
            one = load_settings(system=name)
            for kind in systems.OWN:
                other = places.setdefault((kind, _name_place(getattr(one, kind))), name)
                if other != name:
                    raise ScorekeeperError(f"{kind.upper()} is that of {other} too: give each a place of its own")
            # A recovery takes in everything that lies in an archive.
            if (other := places.setdefault(("archive", _name_place(one.archive)), name)) != name:
                raise ScorekeeperError(
                    f"INBOX_DIR: {one.archive}, beside it, is the archive of {other} too: give each inbox a folder of "
                    f"its own around it, such as {name}/inbox"
                )
        except ScorekeeperError as exc:
            troubles[name] = str(exc)
        else:
            found.append(one)
    return found, troubles


def _name_place(place: Location) -> str:
    """A place by one name, however it is written: `../alpha/inbox` is that of alpha, and so is a link to it."""
    return str(place.resolve()) if isinstance(place, Path) else str(place)


def _load(**overrides: Any) -> Settings:
    given = {name: value for name, value in overrides.items() if value is not None}
    home = given.get("scorekeeper_home") or os.environ.get("SCOREKEEPER_HOME")
    candidates = [Path(home).expanduser() / ".env"] if home else []
    # `scorekeeper up` gives its parts every setting in the environment: they must not read another .env.
    files = [] if "SCOREKEEPER_UP" in os.environ else [*candidates, Path.cwd() / ".env"]
    env_file = next((file for file in files if is_plain_file(file)), None)
    base = env_file.parent if env_file else Path.cwd()
    places = {name for name, value in given.items() if isinstance(value, Path) or name in path_fields()}
    given |= {name: read_location(given[name], Path.cwd()) for name in places}
    # A path in the environment is relative to the working directory.
    for name in (*path_fields(), "systems_dir"):
        if (value := os.environ.get(name.upper())) and name not in given:
            given[name] = value if is_address(value) else Path.cwd() / Path(value).expanduser()
    market = str(given.get("market") or os.environ.get("MARKET") or "")
    if market.startswith(REPLAY):
        given["market"] = f"{REPLAY}{Path.cwd() / Path(market.removeprefix(REPLAY)).expanduser()}"
    with naming_the_setting(env_file):
        settings = Settings(_env_file=env_file, base_dir=base, **given)  # type: ignore[call-arg]  # pydantic-settings takes it
        settings._home_from = _who_set_home(home, env_file)
    return settings


def _who_set_home(given: Any, env_file: Path | None) -> str:
    if given:
        return "SCOREKEEPER_HOME in the environment, or --home"
    if env_file is None:
        return "the default, in the working directory"
    if any(name.upper() == "SCOREKEEPER_HOME" and value for name, value in dotenv_values(env_file).items()):
        return f"SCOREKEEPER_HOME in {env_file}"
    return f"the default, beside {env_file}"
