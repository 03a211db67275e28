"""The only reader of the environment.

Names and defaults are in `.env.example`. A `.env` is looked for in the home (if `SCOREKEEPER_HOME` is set in the
environment) and else in the working directory; relative paths resolve against the folder of the `.env` that was
read, else against the working directory. The environment wins over the file.
"""

import os
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from scorekeeper.errors import ScorekeeperError


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
    candle_grace_minutes: int = Field(5, ge=0, le=1_440)
    suspect_price_pct: float = Field(5, gt=0)
    signals: Literal["trades", "positions"] = "trades"
    keep_candles_days: int | None = Field(None, ge=1, le=36_500)
    keep_archive_days: int | None = Field(None, ge=1, le=36_500)
    keep_runs_days: int = Field(14, ge=1, le=36_500)
    warm_runs: bool = True
    drawdown_alert_pct: float | None = Field(None, gt=0)
    base_dir: Path = Field(default_factory=Path.cwd, exclude=True)

    @field_validator("decision_timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as unknown:
            raise ValueError(f"{name!r} is no time zone; use a name such as UTC or Europe/Berlin") from unknown
        return name

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
    def timezone(self) -> ZoneInfo:
        """The zone in which a naive timestamp of a decision is read."""
        return ZoneInfo(self.decision_timezone)

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


def load_settings(**overrides: Any) -> Settings:
    """Settings from the environment and `.env`; `overrides` (by field name, None skipped) win over both.

    Raises ScorekeeperError that names the variable at fault, never its value where that may be secret.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    home = given.get("scorekeeper_home") or os.environ.get("SCOREKEEPER_HOME")
    candidates = [Path(home).expanduser() / ".env"] if home else []
    # The parts of `scorekeeper up` are told everything by it: another .env than its own is none of theirs.
    files = [] if "SCOREKEEPER_UP" in os.environ else [*candidates, Path.cwd() / ".env"]
    env_file = next((file for file in files if file.is_file()), None)
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
        return Settings(_env_file=env_file, base_dir=base, **given)  # type: ignore[call-arg]  # pydantic-settings takes it
    except SettingsError as wrong:
        raise ScorekeeperError(f"{wrong.args[0]}: write JSON (in the environment or in .env)") from None
    except ValidationError as wrong:
        first = wrong.errors(include_input=False, include_url=False)[0]
        name = str(first["loc"][0]).upper() if first["loc"] else "settings"
        raise ScorekeeperError(f"{name}: {first['msg']} (set in the environment or in .env)") from None
