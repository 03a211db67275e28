"""The systems of SYSTEMS_DIR: one folder each, whose `.env` lies over the common settings.

A system's own `.env` wins over the environment and over the common `.env`: several systems share one environment. Its
relative paths are relative to its folder, and what is not set there is the common setting. INBOX_DIR, LOG_DIR and
DATASETS_DIR are never common: unset, they are folders of the system's own.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic import ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsError

from scorekeeper.errors import ScorekeeperError
from scorekeeper.private_files import is_plain_file
from scorekeeper.settings.fields import Settings
from scorekeeper.system_names import BY_OPTION, is_system_name

OWN = ("inbox_dir", "log_dir", "datasets_dir")
# What all systems of an installation share: one home, one server, one dashboard.
SHARED = (
    "scorekeeper_home", "system", "systems_dir", "warm_runs", "flow_runs", "keep_runs_days", "keep_events_days",
    "ui_hosts", "dashboard_token", "dashboard_hosts", "dashboard_url", "metrics_token", "log_format",
)  # fmt: skip


class _SystemSettings(Settings):
    """Settings that are read from what is handed over and from a `.env`, not from the environment."""

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource, dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:  # fmt: skip
        return init_settings, dotenv_settings


def list_systems(folder: Path) -> list[str]:
    """The systems of a SYSTEMS_DIR, in order: each folder in it that has a `.env` and a system's name.

    Raises ScorekeeperError for a folder that cannot be read.
    """
    return [path.name for path in _with_settings(folder) if is_system_name(path.name)]


def list_misnamed(folder: Path) -> list[str]:
    """The folders of a SYSTEMS_DIR that have a `.env`, but no name that a system can have."""
    return [path.name for path in _with_settings(folder) if not is_system_name(path.name)]


def _with_settings(folder: Path) -> list[Path]:
    try:
        found = sorted(path for path in folder.iterdir() if path.name[0] != "." and is_plain_file(path / ".env"))
    except OSError as exc:
        raise ScorekeeperError(f"SYSTEMS_DIR: {folder} cannot be read: {exc.strerror}") from None
    return found


def load_system(common: Settings, name: str) -> Settings:
    """The settings of one system of SYSTEMS_DIR; `common`: those of the installation.

    Raises ScorekeeperError for a system that is not there, and for a setting that is wrong or that all systems share.
    """
    assert common.systems_dir is not None
    folder = common.systems_dir / name
    if not is_system_name(name) or not is_plain_file(env_file := folder / ".env"):
        known = ", ".join(list_systems(common.systems_dir)) or "none yet"
        raise ScorekeeperError(
            f"SYSTEM: {common.systems_dir} has no folder {name[:60]!r} with a .env; its systems: {known}"
        )
    with naming_the_setting(env_file):
        own = {key.lower() for key, value in dotenv_values(env_file).items() if value}
    if shared := sorted(own & set(SHARED)):
        raise ScorekeeperError(f"{shared[0].upper()} in {env_file}: all systems share it, so set it in the common .env")
    by_option = set_by_option()
    given: dict[str, Any] = {
        field: getattr(common, field)
        for field, about in Settings.model_fields.items()
        if field in by_option or not (field in own or field in OWN or about.exclude)
    }
    if "database_url" in own and "dashboard_database_url" not in (own | by_option):
        del given["dashboard_database_url"]  # the common standby is that of another database
    if common.dashboard_url is not None:
        given["dashboard_url"] = f"{common.dashboard_url.rstrip('/')}/{name}"
    with naming_the_setting(env_file):
        given |= {"_env_file": env_file, "base_dir": folder, "system": name}
        settings = _SystemSettings(**given)
    settings._home_from = common.home_from
    return settings


def set_by_option() -> set[str]:
    """The settings, by field, that an option of this command has set."""
    return {word.lower() for word in os.environ.get(BY_OPTION, "").split(",")} & set(Settings.model_fields)


def check_one(settings: Settings) -> None:
    """Raises ScorekeeperError if there are several systems, and none is named."""
    if settings.systems_dir is not None and not settings.system:
        known = ", ".join(list_systems(settings.systems_dir)) or "none yet"
        raise ScorekeeperError(f"which system? Name it with --system, or SYSTEM. SYSTEMS_DIR has: {known}")


@contextmanager
def naming_the_setting(env_file: Path | None) -> Iterator[None]:
    """Raises ScorekeeperError that names the setting that is wrong, but not a value that may be secret."""
    try:
        yield
    except OSError as exc:
        raise ScorekeeperError(f"{env_file} cannot be read: {exc.strerror}") from None
    except SettingsError as exc:
        raise ScorekeeperError(f"{exc.args[0]}: write JSON (in the environment or in .env)") from None
    except ValidationError as exc:
        first = exc.errors(include_input=False, include_url=False)[0]
        name = str(first["loc"][0]).upper() if first["loc"] else "settings"
        raise ScorekeeperError(f"{name}: {first['msg']} (set in the environment or in .env)") from None
