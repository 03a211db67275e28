"""The only reader of the environment.

Names and defaults are in `.env.example`. A `.env` is looked for in the home (if `SCOREKEEPER_HOME` is set in the
environment) and else in the working directory; relative paths resolve against the folder of the `.env` that was
read, else against the working directory. The environment wins over the file.
"""

import json
import os
import stat
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dotenv import dotenv_values
from pydantic import Field, PrivateAttr, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import to_jsonable_python
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from scorekeeper.domain.reading import DEFAULT, Reading, Scale, make_reading
from scorekeeper.domain.words import LONGEST_WORD, Meaning, clean_word
from scorekeeper.errors import ScorekeeperError
from scorekeeper.private import check_owner

MOST_WORDS = 1_000


class Settings(BaseSettings):
    """How this installation is configured; every path is absolute."""

    # A host's .env holds the host's own keys beside ours: they are none of our business.
    model_config = SettingsConfigDict(extra="ignore", frozen=True, env_ignore_empty=True)

    system_version: str = "v0.2.0"
    max_hold_time_minutes: float = Field(60, gt=0, le=5_256_000)
    log_dir: Path = Path("logs")
    datasets_dir: Path = Path("datasets")
    database_url: SecretStr | None = None
    scorekeeper_home: Path = Path(".scorekeeper")
    inbox_dir: Path = Path("inbox")
    market: str = "ccxt:binance"
    exchange_options: dict[str, Any] = Field(default_factory=dict)
    fee_bps: float = Field(10, ge=0, lt=10_000)
    decision_timezone: str = "UTC"
    confidence_scale: str = "percent"
    words: dict[str, Meaning] = Field(default_factory=dict)
    candle_grace_minutes: int = Field(5, ge=0, le=1_440)
    suspect_price_pct: float = Field(5, gt=0)
    signals: Literal["trades", "positions"] = "trades"
    keep_candles_days: int | None = Field(None, ge=1, le=36_500)
    keep_archive_days: int | None = Field(None, ge=1, le=36_500)
    keep_runs_days: int = Field(14, ge=1, le=36_500)
    keep_events_days: int = Field(2, ge=1, le=36_500)
    warm_runs: bool = True
    drawdown_alert_pct: float | None = Field(None, gt=0)
    ui_hosts: str = ""
    dashboard_token: SecretStr | None = None
    dashboard_hosts: str = ""
    dashboard_url: str | None = None
    base_dir: Path = Field(default_factory=Path.cwd, exclude=True)
    _home_from: str = PrivateAttr("")

    @field_validator("decision_timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as unknown:
            raise ValueError(f"{name!r} is no time zone; use a name such as UTC or Europe/Berlin") from unknown
        return name

    @field_validator("confidence_scale")
    @classmethod
    def _known_scale(cls, said: str) -> str:
        read_scales(said)
        return said

    @field_validator("words", mode="before")
    @classmethod
    def _known_words(cls, words: object) -> object:
        if not isinstance(words, dict) or len(words) > MOST_WORDS:
            raise ValueError(f'write a JSON object of at most {MOST_WORDS} words, such as {{"MOON": "up"}}')
        for word, meaning in words.items():
            if not clean_word(str(word)) or len(str(word)) > LONGEST_WORD:
                raise ValueError(f"{str(word)[:40]!r} is no word of 1 to {LONGEST_WORD} characters")
            if meaning not in get_args(Meaning):
                raise ValueError(f"{str(word)[:40]!r} means {' or '.join(get_args(Meaning))}")
        return words

    @model_validator(mode="before")
    @classmethod
    def _resolve_paths(cls, values: dict[str, Any]) -> dict[str, Any]:
        base = Path(values.get("base_dir") or Path.cwd()).resolve()
        defaults = {
            "log_dir": "logs",
            "datasets_dir": "datasets",
            "scorekeeper_home": ".scorekeeper",
            "inbox_dir": "inbox",
        }
        for name, default in defaults.items():
            values[name] = base / Path(values.get(name) or default).expanduser()
        market = str(values.get("market") or "")
        if market.startswith("replay:"):
            values["market"] = f"replay:{(base / Path(market[7:]).expanduser()).resolve()}"
        return values

    @property
    def home_from(self) -> str:
        """Where SCOREKEEPER_HOME was set: the environment, a .env by its path, or nowhere."""
        return self._home_from

    @property
    def timezone(self) -> ZoneInfo:
        """The zone in which a naive timestamp of a decision is read."""
        return ZoneInfo(self.decision_timezone)

    @cached_property
    def reading(self) -> Reading:
        """Which words mean what, and on which scale a confidence is given."""
        return make_reading(self.words, read_scales(self.confidence_scale))

    @property
    def ui_host_names(self) -> list[str]:
        """Names, besides this machine's own, that a proxy in front of `up` calls Prefect's UI by."""
        return [name for part in self.ui_hosts.split(",") if (name := part.strip())]

    @property
    def dashboard_host_names(self) -> list[str]:
        """Names, besides this machine's own, that a proxy calls the dashboard by."""
        return [name for part in self.dashboard_hosts.split(",") if (name := part.strip())]

    def as_environment(self) -> dict[str, str]:
        """Every field as the environment spells it: read there, it gives these settings again."""
        fields = type(self).model_fields.items()
        return {name.upper(): _spell(getattr(self, name)) for name, field in fields if not field.exclude}

    @property
    def positions(self) -> bool:
        """Whether a BUY closes the open shorts first, and a SELL the open longs."""
        return self.signals == "positions"

    @property
    def archive_dir(self) -> Path:
        """Where files go that were read whole: beside the inbox, so that a move is a rename."""
        return self.inbox_dir.parent / "archive"

    @property
    def quarantine_dir(self) -> Path:
        """Where files go of which something was refused."""
        return self.inbox_dir.parent / "quarantine"

    @property
    def own_dirs(self) -> tuple[Path, ...]:
        """Folders of our own, which hold no decision files to be taken even if they lie in the inbox."""
        return (
            self.archive_dir, self.quarantine_dir, self.scorekeeper_home, self.log_dir, self.datasets_dir,
            self.reports_dir,
        )  # fmt: skip

    @property
    def log_path(self) -> Path:
        """The published log."""
        return self.log_dir / "performance_summary.logl"

    @property
    def reports_dir(self) -> Path:
        """Where reports go that nobody gave a place: beside the logs."""
        return self.log_dir.parent / "reports"

    @property
    def dataset_path(self) -> Path:
        """The published dataset."""
        return self.datasets_dir / "performance_dataset.jsonl"


def _spell(value: Any) -> str:
    """A value as the environment spells it: nothing for None, what is made of parts as JSON."""
    plain = _plain(value)
    if plain is None:
        return ""
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)


def _plain(value: Any) -> Any:
    """A value as JSON knows it, secrets in the open."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, Mapping):
        return {str(_plain(key)): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(one) for one in value]
    return to_jsonable_python(value)


def read_scales(said: str) -> dict[str, Scale]:
    """The scales that CONFIDENCE_SCALE names, by agent. Raises ValueError."""
    scales: object = said.strip()
    if str(scales).startswith("{"):
        try:
            scales = json.loads(said)
        except ValueError:
            scales = None
    else:
        scales = {DEFAULT: scales}
    if not isinstance(scales, dict) or not all(one in get_args(Scale) for one in scales.values()):
        raise ValueError(
            'write percent, fraction, or JSON by agent, such as {"default": "percent", "NewsAgent": "fraction"}'
        )
    return scales


def load_settings(**overrides: Any) -> Settings:
    """Settings from the environment and `.env`; `overrides` (by field name, None skipped) win over both.

    Raises ScorekeeperError that names the variable at fault, never its value where that may be secret.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    home = given.get("scorekeeper_home") or os.environ.get("SCOREKEEPER_HOME")
    candidates = [Path(home).expanduser() / ".env"] if home else []
    # The parts of `scorekeeper up` are told everything by it: another .env than its own is none of theirs.
    files = [] if "SCOREKEEPER_UP" in os.environ else [*candidates, Path.cwd() / ".env"]
    env_file = next((file for file in files if _is_file(file)), None)
    base = env_file.parent if env_file else Path.cwd()
    given = {name: Path.cwd() / value if isinstance(value, Path) else value for name, value in given.items()}
    for name in ("SCOREKEEPER_HOME", "INBOX_DIR", "LOG_DIR", "DATASETS_DIR"):
        # What comes from the environment was written by somebody who stands in the working directory.
        if (value := os.environ.get(name)) and name.lower() not in given:
            given[name.lower()] = Path.cwd() / Path(value).expanduser()
    market = str(given.get("market") or os.environ.get("MARKET") or "")
    if market.startswith("replay:"):
        given["market"] = f"replay:{Path.cwd() / Path(market[7:]).expanduser()}"
    try:
        settings = Settings(_env_file=env_file, base_dir=base, **given)  # type: ignore[call-arg]  # pydantic-settings takes it
        settings._home_from = _who_set_home(home, env_file)
    except OSError as failed:
        raise ScorekeeperError(f"{env_file} cannot be read: {failed.strerror}") from None
    except SettingsError as wrong:
        raise ScorekeeperError(f"{wrong.args[0]}: write JSON (in the environment or in .env)") from None
    except ValidationError as wrong:
        first = wrong.errors(include_input=False, include_url=False)[0]
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


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)  # Path.is_file says no from Python 3.14 on, where it may not look
    except PermissionError:
        check_owner(path.parent)
        return False
    except OSError:
        return False
