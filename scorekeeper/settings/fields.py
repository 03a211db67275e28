"""Every setting, what it may be, and what follows from it."""

import re
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, PrivateAttr, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from scorekeeper.decisions.costs import MOST_BPS, NO_RULES, CostRules, SizeUnit
from scorekeeper.decisions.hold import MOST_HOLD_SESSIONS
from scorekeeper.decisions.reading_rules import Reading, make_reading, read_scales
from scorekeeper.decisions.words import LONGEST_WORD, Meaning, clean_word
from scorekeeper.locations import Location, ObjectUrl, PathOrAddress, read_location
from scorekeeper.settings.spelling import spell
from scorekeeper.system_names import NO_NAME, is_system_name

MOST_WORDS = 1_000
_CALENDAR = re.compile(r"[A-Za-z0-9_./ -]{1,40}")
REPLAY = "replay:"
FolderOrAddress = Annotated[PathOrAddress, NoDecode]


class Settings(BaseSettings):
    """How this installation is configured; every path is absolute. What is a Location may lie in an object store."""

    # The .env of a host program also holds its own keys: they are ignored.
    model_config = SettingsConfigDict(extra="ignore", frozen=True, env_ignore_empty=True)

    system_version: str = "v0.2.0"
    max_hold_time_minutes: float = Field(60, gt=0, le=5_256_000)
    calendar: str = ""
    max_hold_sessions: int | None = Field(None, ge=1, le=MOST_HOLD_SESSIONS)
    log_dir: FolderOrAddress = Path("logs")
    datasets_dir: FolderOrAddress = Path("datasets")
    database_url: SecretStr | None = None
    dashboard_database_url: SecretStr | None = None
    scorekeeper_home: Path = Path(".scorekeeper")
    system: str = ""
    systems_dir: Path | None = None
    inbox_dir: FolderOrAddress = Path("inbox")
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
    keep_decisions_days: int | None = Field(None, ge=2, le=36_500)
    keep_candles_days: int | None = Field(None, ge=1, le=36_500)
    keep_archive_days: int | None = Field(None, ge=1, le=36_500)
    keep_runs_days: int = Field(14, ge=1, le=36_500)
    keep_events_days: int = Field(2, ge=1, le=36_500)
    publish_parquet: bool = False
    warm_runs: bool = True
    flow_runs: Literal["auto", "always"] = "auto"
    drawdown_alert_pct: float | None = Field(None, gt=0)
    ui_hosts: str = ""
    dashboard_token: SecretStr | None = None
    dashboard_hosts: str = ""
    dashboard_url: str | None = None
    metrics_token: SecretStr | None = None
    log_format: Literal["text", "json"] = "text"
    mcp_token: SecretStr | None = None
    base_dir: Path = Field(default_factory=Path.cwd, exclude=True)
    _home_from: str = PrivateAttr("")

    @field_validator("system")
    @classmethod
    def _named_system(cls, name: str) -> str:
        if name and not is_system_name(name):
            raise ValueError(f"{name[:60]!r} {NO_NAME}")
        return name

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
        if values.get("systems_dir"):
            values["systems_dir"] = base / Path(values["systems_dir"]).expanduser()
        for name in path_fields():
            given = values.get(name) or cls.model_fields[name].default
            try:
                values[name] = read_location(given, base) if _is_location(name) else base / Path(given).expanduser()
            except ValueError as exc:
                raise ValueError(f"{name.upper()}: {exc}") from None
        market = str(values.get("market") or "")
        if market.startswith(REPLAY):
            values["market"] = f"{REPLAY}{(base / Path(market.removeprefix(REPLAY)).expanduser()).resolve()}"
        return values

    @property
    def home_from(self) -> str:
        """Where SCOREKEEPER_HOME was set, in words: the environment, a .env by its path, or nowhere."""
        return self._home_from

    @property
    def scores_url(self) -> SecretStr | None:
        """The database that the dashboard and the MCP server read; None for the embedded one."""
        return self.dashboard_database_url or self.database_url

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
        return {name.upper(): spell(getattr(self, name)) for name, field in fields if not field.exclude}

    @property
    def positions(self) -> bool:
        """Whether a BUY closes the open shorts first, and a SELL the open longs."""
        return self.signals == "positions"

    @property
    def inbox(self) -> Location:
        """`inbox_dir`, as what it is."""
        return self.inbox_dir

    @property
    def archive(self) -> Location:
        """`archive_dir`, as what it is."""
        return self.archive_dir

    @property
    def quarantine(self) -> Location:
        """`quarantine_dir`, as what it is."""
        return self.quarantine_dir

    @property
    def datasets(self) -> Location:
        """`datasets_dir`, as what it is."""
        return self.datasets_dir

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
        return tuple(one for one in self._own_places if isinstance(one, Path))

    @property
    def own_addresses(self) -> tuple[ObjectUrl, ...]:
        """Like `own_dirs`, those in an object store."""
        return tuple(one for one in self._own_places if isinstance(one, ObjectUrl))

    @property
    def _own_places(self) -> tuple[Location, ...]:
        market = (Path(self.market.removeprefix(REPLAY)),) if self.market.startswith(REPLAY) else ()
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

    @property
    def parquet_dir(self) -> Path:
        """The folder of the published dataset in Parquet."""
        return self.datasets_dir / "parquet"


def path_fields() -> list[str]:
    """The names of the settings that are paths, or addresses in an object store, without base_dir."""
    fields = Settings.model_fields.items()
    return [name for name, one in fields if (one.annotation is Path or _is_location(name)) and not one.exclude]


def _is_location(name: str) -> bool:
    """Whether a setting may be an address in an object store, too."""
    return bool(Settings.model_fields[name].annotation == Location)
