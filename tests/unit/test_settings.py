"""Where a setting comes from, and what it is relative to."""

from pathlib import Path

import pytest

from scorekeeper.errors import ScorekeeperError
from scorekeeper.settings import Settings, load_settings


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_defaults_lie_in_the_working_directory(clean: Path) -> None:
    settings = load_settings()
    assert settings.inbox_dir == clean / "inbox"
    assert settings.log_path == clean / "logs" / "performance_summary.logl"
    assert (settings.fee_bps, settings.max_hold_time_minutes, settings.database_url) == (10, 60, None)


def test_a_dotenv_is_relative_to_itself_and_foreign_keys_are_no_matter(
    clean: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = clean / "home"
    home.mkdir()
    (home / ".env").write_text("INBOX_DIR=in\nMARKET=replay:m\nOPENAI_API_KEY=x\nFEE_BPS=25\n")
    monkeypatch.setenv("SCOREKEEPER_HOME", "home")
    settings = load_settings()
    assert (settings.inbox_dir, settings.market) == (home / "in", f"replay:{home / 'm'}")
    assert settings.fee_bps == 25
    assert settings.scorekeeper_home == home


def test_the_environment_wins_over_the_file_relative_to_the_working_directory(
    clean: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (clean / ".env").write_text("FEE_BPS=25\nINBOX_DIR=in\nMARKET=replay:m\n")
    monkeypatch.setenv("FEE_BPS", "7")
    monkeypatch.setenv("INBOX_DIR", "elsewhere")
    monkeypatch.setenv("MARKET", "replay:n")
    settings = load_settings()
    assert (settings.fee_bps, settings.inbox_dir) == (7, clean / "elsewhere")
    assert settings.market == f"replay:{clean / 'n'}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FEE_BPS", "x"), ("FEE_BPS", "-1"), ("MAX_HOLD_TIME_MINUTES", "0"), ("DECISION_TIMEZONE", "Mars/Base"),
        ("SIGNALS", "x"), ("CALENDAR", "%"), ("MAX_HOLD_SESSIONS", "2"), ("MAX_HOLD_SESSIONS", "0"),
    ],
)  # fmt: skip
def test_a_wrong_value_names_its_variable(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ScorekeeperError, match=name):
        load_settings()


def test_who_set_the_home_is_known(clean: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().home_from == "the default, in the working directory"
    (clean / ".env").write_text("FEE_BPS=25\n")
    assert load_settings().home_from == f"the default, beside {clean / '.env'}"
    (clean / ".env").write_text("SCOREKEEPER_HOME=.scorekeeper\n")
    assert load_settings().home_from == f"SCOREKEEPER_HOME in {clean / '.env'}"
    monkeypatch.setenv("SCOREKEEPER_HOME", "elsewhere")
    assert load_settings().home_from == "SCOREKEEPER_HOME in the environment, or --home"
