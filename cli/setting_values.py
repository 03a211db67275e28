"""Values of settings that a user gives, before they are written into a `.env`."""

import json
from pathlib import Path

import typer

from scorekeeper.errors import ScorekeeperError


def list_settings() -> dict[str, str]:
    """Every setting with its default, as a `.env` writes it."""
    from scorekeeper.settings import Settings

    found = {}
    for name, field in Settings.model_fields.items():
        if not field.exclude:
            value = field.get_default(call_default_factory=True)
            number = isinstance(value, float) and value.is_integer()
            found[name.upper()] = "" if value is None else str(int(value)) if number else str(value)
    return found


def first_settings() -> dict[str, str]:
    """The settings that a new `.env` holds even if nothing is said of them."""
    known = list_settings()
    names = ("SCOREKEEPER_HOME", "INBOX_DIR", "MARKET", "FEE_BPS", "DECISION_TIMEZONE", "MAX_HOLD_TIME_MINUTES")
    return {name: known[name] for name in names}


def spell_given(**options: object) -> dict[str, str]:
    """The options that were given, as a `.env` writes them."""
    given = {name: one for name, one in options.items() if one is not None}
    return {name: f"{one:.12g}" if isinstance(one, float) else str(one) for name, one in given.items()}


def read_pairs(pairs: list[str]) -> dict[str, str]:
    """The settings of pairs NAME=VALUE. Raises typer.BadParameter for a name that is none."""
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or name.strip().upper() not in list_settings():
            raise typer.BadParameter(f"{name!r} is no setting: see README.md", param_hint="--set")
        found[name.strip().upper()] = value.strip()
    return found


def check_value(name: str, value: str, beside: dict[str, str]) -> None:
    """Raises ScorekeeperError for a value that the settings do not take, or a market that is not there."""
    from pydantic import ValidationError

    from scorekeeper.settings import Settings
    from scorekeeper.trading_calendar import calendar_of

    if not value.isprintable():
        raise ScorekeeperError(f"{name}: write it on one line")
    field = name.lower()
    known = list_settings()
    try:
        said = {key.lower(): _decode(word) for key, word in {**beside, name: value}.items() if key in known and word}
        Settings(_env_file=None, base_dir=Path.cwd(), **said)  # type: ignore[arg-type,call-arg]
    except ValidationError as wrong:
        for error in wrong.errors(include_input=False, include_url=False):
            if error["loc"] == (field,):
                raise ScorekeeperError(f"{name}: {error['msg'].removeprefix('Value error, ')}") from None
    if name == "MARKET":
        _check_market(value)
    if name == "CALENDAR":
        calendar_of(value)


def _decode(word: str) -> object:
    """A value as the settings read it: JSON for an object."""
    try:
        return json.loads(word) if word.startswith("{") else word
    except ValueError:
        return word


def _check_market(name: str) -> None:
    kind, _, rest = name.partition(":")
    if kind == "replay" and rest:
        folder = Path(rest).expanduser()
        if not folder.is_dir():
            raise ScorekeeperError(f"MARKET: there is no folder {folder}")
        return
    if kind != "ccxt" or not rest:
        raise ScorekeeperError(f"MARKET={name}: write ccxt:EXCHANGE (such as ccxt:binance), or replay:FOLDER")
    import ccxt

    if rest not in ccxt.exchanges:
        from difflib import get_close_matches

        alike = get_close_matches(rest.lower(), ccxt.exchanges)
        hint = f"; did you mean {' or '.join(alike)}?" if alike else ""
        raise ScorekeeperError(f"MARKET: ccxt knows no exchange {rest}{hint}")
