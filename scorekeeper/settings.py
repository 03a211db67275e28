"""The settings, from the environment and `.env`. No other module reads them.

A new setting is one field of `Settings`, a row in README's table, and a line in `.env.example`. `scorekeeper up` passes
every field on to its parts by itself (`as_environment`).

The first `.env` found is read: that of the home, if the environment has SCOREKEEPER_HOME, else that of the working
directory. The environment wins over the file. A relative path in a `.env` is relative to its folder, one in the
environment to the working directory.
"""

import json
import os
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dotenv import dotenv_values
from pydantic import Field, PrivateAttr, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import to_jsonable_python
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from scorekeeper.decisions.costs import MOST_BPS, NO_RULES, CostRules, SizeUnit
from scorekeeper.decisions.hold import MOST_HOLD_SESSIONS
from scorekeeper.decisions.reading_rules import Reading, make_reading, read_scales
from scorekeeper.decisions.words import LONGEST_WORD, Meaning, clean_word
from scorekeeper.errors import ScorekeeperError
from scorekeeper.private_files import is_plain_file

MOST_WORDS = 1_000
_CALENDAR = re.compile(r"[A-Za-z0-9_./ -]{1,40}")
_REPLAY = "replay:"


class Settings(BaseSettings):
    """How this installation is configured; every path is absolute."""

    # The .env of a host program also holds its own keys: they are ignored.
    model_config = SettingsConfigDict(extra="ignore", frozen=True, env_ignore_empty=True)

    system_version: str = "v0.2.0"
    max_hold_time_minutes: float = Field(60, gt=0, le=5_256_000)
    calendar: str = ""
    max_hold_sessions: int | None = Field(None, ge=1, le=MOST_HOLD_SESSIONS)
    log_dir: Path = Path("logs")
    datasets_dir: Path = Path("datasets")
    database_url: SecretStr | None = None
    scorekeeper_home: Path = Path(".scorekeeper")
    inbox_dir: Path = Path("inbox")
    market: str = "ccxt:binance"
    candle_length: Literal["1m", "5m", "15m", "30m", "1h", "4h", "1d"] = "1m"
    replay_layout: Literal["scorekeeper", "yahoo", "stooq", "binance"] = "scorekeeper"
    exchange_options: dict[str, Any] = Field(default_factory=dict)
    fee_bps: float = Field(10, ge=0, lt=10_000)
    maker_fee_bps: float | None = Field(None, gt=-10_000, lt=10_000)
    fee_per_share: float | None = Field(None, ge=0, lt=1e9)
    fee_minimum: float | None = Field(None, ge=0, lt=1e9)
    spread_bps: float | None = Field(None, ge=0, le=MOST_BPS)
    funding_bps_per_day: float | None = Field(None, ge=-MOST_BPS, le=MOST_BPS)
    position_size: SizeUnit = "unused"
    account_equity: float | None = Field(None, gt=0, lt=1e15)
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
    mcp_token: SecretStr | None = None
    base_dir: Path = Field(default_factory=Path.cwd, exclude=True)
    _home_from: str = PrivateAttr("")

    @field_validator("decision_timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as exc:
            raise ValueError(f"{name!r} is no time zone; use a name such as UTC or Europe/Berlin") from exc
        return name

    @field_validator("calendar")
    @classmethod
    def _spelled_calendar(cls, name: str) -> str:
        # Whether it is listed is found out where it is used: its library takes seconds to load.
        if name and not _CALENDAR.fullmatch(name):
            raise ValueError(f"{name[:40]!r} is no calendar; write a name such as XNYS, XNAS or XLON")
        return name

    @field_validator("max_hold_sessions")
    @classmethod
    def _sessions_of_a_calendar(cls, sessions: int | None, info: Any) -> int | None:
        if sessions is not None and not info.data.get("calendar"):
            raise ValueError("sessions are those of a calendar: set CALENDAR too, such as CALENDAR=XNYS")
        return sessions

    @field_validator("confidence_scale")
    @classmethod
    def _known_scale(cls, given: str) -> str:
        read_scales(given)
        return given

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
        """Make every path absolute: relative ones are relative to `base_dir`."""
        base = Path(values.get("base_dir") or Path.cwd()).resolve()
        for name in path_fields():
            values[name] = base / Path(values.get(name) or cls.model_fields[name].default).expanduser()
        market = str(values.get("market") or "")
        if market.startswith(_REPLAY):
            values["market"] = f"{_REPLAY}{(base / Path(market.removeprefix(_REPLAY)).expanduser()).resolve()}"
        return values

    @property
    def home_from(self) -> str:
        """Where SCOREKEEPER_HOME was set, in words: the environment, a .env by its path, or nowhere."""
        return self._home_from

    @property
    def market_options(self) -> dict[str, Any]:
        """What market.open_market takes by these names, besides the market's own and the grace."""
        return {
            "cache": self.scorekeeper_home / "cache", "exchange_options": self.exchange_options,
            "candle_length": self.candle_length, "calendar": self.calendar, "layout": self.replay_layout,
        }  # fmt: skip

    @property
    def timezone(self) -> ZoneInfo:
        """The zone in which a naive timestamp of a decision is read."""
        return ZoneInfo(self.decision_timezone)

    @cached_property
    def reading(self) -> Reading:
        """Which words mean what, and on which scale a confidence is given."""
        return make_reading(self.words, read_scales(self.confidence_scale))

    @cached_property
    def costs(self) -> CostRules:
        """The terms of all trades beside the fee; NO_RULES where there are none."""
        rules = CostRules(
            self.maker_fee_bps, self.fee_per_share, self.fee_minimum, self.spread_bps, self.funding_bps_per_day,
            self.position_size,
        )  # fmt: skip
        return NO_RULES if rules == NO_RULES else rules

    @property
    def ui_host_names(self) -> list[str]:
        """Host names, besides this machine's own, under which a proxy in front of `up` serves Prefect's UI."""
        return [name for part in self.ui_hosts.split(",") if (name := part.strip())]

    @property
    def dashboard_host_names(self) -> list[str]:
        """Names, besides this machine's own, that a proxy calls the dashboard by."""
        return [name for part in self.dashboard_hosts.split(",") if (name := part.strip())]

    def as_environment(self) -> dict[str, str]:
        """Every field as an environment variable. Settings that are read from these variables equal these settings."""
        fields = type(self).model_fields.items()
        return {name.upper(): _spell(getattr(self, name)) for name, field in fields if not field.exclude}

    @property
    def positions(self) -> bool:
        """Whether a BUY closes the open shorts first, and a SELL the open longs."""
        return self.signals == "positions"

    @property
    def archive_dir(self) -> Path:
        """The folder for files that were taken in: beside the inbox, so that a move is a rename."""
        return self.inbox_dir.parent / "archive"

    @property
    def quarantine_dir(self) -> Path:
        """The folder for files with rejections."""
        return self.inbox_dir.parent / "quarantine"

    @property
    def own_dirs(self) -> tuple[Path, ...]:
        """Our own folders: files in them are never taken in, even if a folder is inside the inbox.

        A replay market's is one of them: its candles are CSV too.
        """
        market = (Path(self.market.removeprefix(_REPLAY)),) if self.market.startswith(_REPLAY) else ()
        return (
            self.archive_dir, self.quarantine_dir, self.scorekeeper_home, self.log_dir, self.datasets_dir,
            self.reports_dir, *market,
        )  # fmt: skip

    @property
    def log_path(self) -> Path:
        """The published log."""
        return self.log_dir / "performance_summary.logl"

    @property
    def reports_dir(self) -> Path:
        """The folder for reports without a given file: beside the logs."""
        return self.log_dir.parent / "reports"

    @property
    def dataset_path(self) -> Path:
        """The published dataset."""
        return self.datasets_dir / "performance_dataset.jsonl"


def _spell(value: Any) -> str:
    """A value as an environment variable: empty for None, JSON for lists and mappings."""
    plain = _to_json(value)
    if plain is None:
        return ""
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)


def _to_json(value: Any) -> Any:
    """A value as JSON has it, secrets in plain text."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, Mapping):
        return {str(_to_json(key)): _to_json(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_to_json(one) for one in value]
    return to_jsonable_python(value)


def path_fields() -> list[str]:
    """The names of the settings that are paths, without base_dir."""
    return [name for name, field in Settings.model_fields.items() if field.annotation is Path and not field.exclude]


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
            given[name] = Path.cwd() / Path(value).expanduser()
    market = str(given.get("market") or os.environ.get("MARKET") or "")
    if market.startswith(_REPLAY):
        given["market"] = f"{_REPLAY}{Path.cwd() / Path(market.removeprefix(_REPLAY)).expanduser()}"
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
