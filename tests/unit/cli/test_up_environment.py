"""What the parts of `up` find in their environment."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from cli.folders import UP_FOLDER, make_up_folder, password_file
from cli.prefect_server.password import CLIENTS, SERVERS
from cli.up.environment import environment_of
from cli.up.large_parts import LARGE_PARTS
from cli.up.processes import MARK
from scorekeeper.errors import ScorekeeperError
from scorekeeper.settings import Settings, load_settings
from scorekeeper.system_names import BY_OPTION
from tests.systems import write_system

FIELDS = [name for name, field in Settings.model_fields.items() if not field.exclude]
# What a user may write for a field; each field takes the first that it understands and that is not its default.
SPELLINGS = (
    '{"TechnicalAnalystAgent": "fraction"}', '{"MOON": "up"}', '{"timeout": 7000, "urls": {"api": "http://x"}}',
    '["KAUFEN"]', "postgresql://reader:p%w;o rd@host/name", "replay:elsewhere", "Europe/Berlin", "fraction",
    "positions", "units", "1h", "yahoo", "false", "true", "23", "0.23", "23d", "a, b", "else where/ü'q",
    "json", "always",
)  # fmt: skip
# What a part does with its settings is replaced by noting them; all before it is as under `up`.
SAY = """
import json, sys, cli.up.large_parts, cli.up.parts
noted = {}
def note(settings):
    noted[part] = settings.as_environment()
cli.up.large_parts.LARGE_PARTS = dict.fromkeys(cli.up.large_parts.LARGE_PARTS, note)
for part in cli.up.large_parts.LARGE_PARTS:
    cli.up.parts.main(part)
print(json.dumps(noted), file=sys.__stdout__)  # LOG_FORMAT=json makes records of what a part prints
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (*(name.upper() for name in Settings.model_fields), SERVERS, CLIENTS):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SCOREKEEPER_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def set_everything(home: Path) -> dict[str, Any]:
    """Give every field in `.env` a value that is not its default: what it is read as."""
    lines: list[str] = []
    chosen: dict[str, Any] = {}
    for name in FIELDS:
        if name in ("scorekeeper_home", "system"):
            continue  # the folder of the .env itself; and with a system, SYSTEMS_DIR must have a folder for it
        (home / ".env").write_text("")
        default = getattr(load_settings(), name)
        for spelling in SPELLINGS:
            line = f"{name.upper()}='{spelling.replace(chr(39), '')}'\n"
            (home / ".env").write_text("".join(lines) + line)  # some fields need an earlier one
            try:
                chosen[name] = getattr(load_settings(), name)
            except ScorekeeperError:
                continue
            if chosen[name] != default:
                lines.append(line)
                break
        else:
            pytest.fail(f"no spelling in SPELLINGS is a value of {name}: add one")
    (home / ".env").write_text("".join(lines))
    return chosen


def test_every_field_that_is_set_in_env_is_read_by_every_part(home: Path) -> None:
    chosen = set_everything(home)
    environment = os.environ | environment_of(load_settings(), 4200)
    # A part starts elsewhere, where another .env lies.
    done = subprocess.run(
        [sys.executable, "-c", SAY], env=environment, check=True, capture_output=True, text=True,
        cwd=Path(__file__).parents[3],
    )  # fmt: skip
    noted = json.loads(done.stdout)
    assert noted == dict.fromkeys(LARGE_PARTS, load_settings().as_environment())
    said = noted["watcher"]
    assert set(said) == {name.upper() for name in FIELDS}
    for name, value in chosen.items():
        wanted = value.get_secret_value() if isinstance(value, SecretStr) else value
        found = json.loads(said[name.upper()]) if not isinstance(wanted, str | Path) else said[name.upper()]
        assert (name, found) == (name, str(wanted) if isinstance(wanted, Path) else wanted)


def test_a_part_that_stays_small_is_told_what_it_needs_and_imports_no_more(home: Path) -> None:
    set_everything(home)
    settings = load_settings()
    say = """
import cli.up.parts, cli.up.front, sys
told = cli.up.small_parts.read_told()
heavy = (
    "prefect", "pydantic", "sqlalchemy", "psycopg", "numpy", "asyncio", "typer", "psutil", "urllib.request", "json",
    "logging", "dataclasses", "tempfile", "secrets",
)
print(told.scorekeeper_home, told.log_format, [name for name in heavy if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", say], env=os.environ | environment_of(settings, 4200), check=True, capture_output=True,
        text=True, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert done.stdout.split(" ", 2) == [str(settings.scorekeeper_home), settings.log_format, "[]\n"]


numbers = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
plain = st.recursive(
    st.none() | st.booleans() | numbers | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=8,
)  # fmt: skip
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


@given(st.dictionaries(words, plain, max_size=3), words, st.floats(0.001, 9_999), st.booleans(), st.none() | words)
def test_settings_that_are_spelt_and_read_again_are_the_same(
    options: dict[str, Any], version: str, fee: float, warm: bool, url: str | None
) -> None:
    one = Settings.model_validate(
        {
            "exchange_options": options, "system_version": version, "fee_bps": fee, "warm_runs": warm,
            "database_url": url,
        }
    )  # fmt: skip
    before = dict(os.environ)
    os.environ.update(one.as_environment() | {MARK: "1"})
    try:
        assert load_settings().as_environment() == one.as_environment()
        assert load_settings().model_dump() == one.model_dump()
    finally:
        os.environ.clear()
        os.environ.update(before)


def test_each_up_has_a_password_of_its_own_and_a_users_own_comes_first(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = environment_of(load_settings(), 4200)
    assert first[SERVERS] == first[CLIENTS]
    second = environment_of(load_settings(), 4200)
    assert second[SERVERS] != first[SERVERS]  # which may have been shown since to who listened in its place
    assert password_file(home).read_text() == second[SERVERS]
    assert password_file(home).stat().st_mode & 0o777 == 0o600
    monkeypatch.setenv(SERVERS, "admin:secret")
    assert environment_of(load_settings(), 4200)[CLIENTS] == "admin:secret"
    assert password_file(home).read_text() == "admin:secret"  # where commands beside it look
    monkeypatch.setenv(SERVERS, "admin:secret\n")
    assert environment_of(load_settings(), 4200)[SERVERS] == "admin:secret"
    monkeypatch.setenv(SERVERS, "admin:geheimnüs")  # Prefect would answer every request with 500
    with pytest.raises(ScorekeeperError, match="ASCII"):
        environment_of(load_settings(), 4200)


@pytest.mark.parametrize("how", ["open to others", "a link"])
def test_a_password_that_others_may_have_read_or_laid_there_is_refused(home: Path, how: str) -> None:
    environment_of(load_settings(), 4200)
    if how == "a link":
        password_file(home).rename(home / "elsewhere")
        password_file(home).symlink_to(home / "elsewhere")
    else:
        password_file(home).chmod(0o644)
    with pytest.raises(ScorekeeperError, match="delete it"):
        environment_of(load_settings(), 4200)


@pytest.mark.parametrize("how", ["a link", "another's"])
def test_a_place_that_another_user_may_change_is_not_used(tmp_path: Path, how: str) -> None:
    assert make_up_folder(tmp_path / "mine").is_dir()
    place = tmp_path / UP_FOLDER
    if how == "a link":
        place.symlink_to(tmp_path)
    elif os.geteuid() == 0:
        place.mkdir()
        os.chown(place, 65534, 65534)
    else:
        pytest.skip("only root gives folders away")
    with pytest.raises(ScorekeeperError, match="what others may change"):
        make_up_folder(tmp_path)


def test_bytecode_that_may_not_lie_beside_the_sources_lies_in_the_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, sources = tmp_path / "home", tmp_path / "sources"
    sources.mkdir()
    (sources / "imported.py").write_text("")
    monkeypatch.setenv("SCOREKEEPER_HOME", str(home))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    environment = os.environ | environment_of(load_settings(), 4200)
    subprocess.run([sys.executable, "-c", "import imported"], cwd=sources, env=environment, check=True)
    assert [path.name for path in sources.iterdir()] == ["imported.py"]
    assert list((home / "cache" / "python").rglob("imported.*.pyc"))


def test_what_is_handed_on_bears_the_mark_by_which_a_part_reads_no_env_file(home: Path) -> None:
    assert environment_of(load_settings(), 4200)[MARK] == str(home)


def test_an_option_of_up_wins_over_the_settings_of_each_system(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_system(tmp_path / "systems" / "alpha", "MARKET=ccxt:kraken\nFEE_BPS=3\n")
    monkeypatch.setenv("SYSTEMS_DIR", str(tmp_path / "systems"))
    monkeypatch.setenv("MARKET", "ccxt:okx")  # as --market sets it
    monkeypatch.setenv(BY_OPTION, "MARKET")
    with pytest.MonkeyPatch.context() as of_part:
        for name, value in environment_of(load_settings(), 4200).items():
            of_part.setenv(name, value)
        alpha = load_settings(system="alpha")
    assert (alpha.market, alpha.fee_bps) == ("ccxt:okx", 3)
