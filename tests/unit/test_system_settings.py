"""The settings of each trading system: what is common, what is its own, and what is refused."""

from pathlib import Path

import pytest

from scorekeeper.errors import ScorekeeperError
from scorekeeper.settings import Settings, check_one, list_systems, load_settings, settings_of_all
from scorekeeper.system_names import BY_OPTION
from tests.systems import write_system


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """SYSTEMS_DIR of an installation whose common settings are in a `.env` beside it."""
    for name in (*(name.upper() for name in Settings.model_fields), BY_OPTION):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    common = "SYSTEMS_DIR=systems\nFEE_BPS=7\nMARKET=replay:prices\nINBOX_DIR=common\nDASHBOARD_URL=http://host/x/\n"
    (tmp_path / ".env").write_text(common)
    return tmp_path / "systems"


def test_a_system_has_the_common_settings_and_its_own_over_them(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_system(folder / "alpha")
    write_system(folder / "beta", 'FEE_BPS=25\nMARKET=replay:m\nLOG_DIR=out\nWORDS={"MOON": "up"}\nOTHER_KEY=x\n')
    monkeypatch.setenv("FEE_BPS", "9")  # the environment wins over the common file, and a system's file over both
    alpha, beta = load_settings(system="alpha"), load_settings(system="beta")
    assert (alpha.fee_bps, beta.fee_bps) == (9, 25)
    assert (alpha.market, beta.market) == (f"replay:{tmp_path / 'prices'}", f"replay:{folder / 'beta' / 'm'}")
    assert (alpha.inbox_dir, alpha.log_dir) == (folder / "alpha" / "inbox", folder / "alpha" / "logs")
    assert (beta.log_dir, beta.datasets_dir) == (folder / "beta" / "out", folder / "beta" / "datasets")
    assert (beta.words, alpha.words) == ({"MOON": "up"}, {})
    assert alpha.scorekeeper_home == beta.scorekeeper_home == tmp_path / ".scorekeeper"
    assert (alpha.system, alpha.dashboard_url) == ("alpha", "http://host/x/alpha")
    monkeypatch.setenv("SYSTEM", "beta")
    assert load_settings() == beta
    monkeypatch.setenv(BY_OPTION, "FEE_BPS")  # an option of the command wins over all
    assert load_settings().fee_bps == 9


def test_without_a_name_the_common_settings_are_read_and_the_systems_listed(folder: Path, tmp_path: Path) -> None:
    for name in ("b", "a", ".hidden"):
        write_system(folder / name)
    (folder / "no_settings").mkdir()
    (folder / "a_file").write_text("")
    common = load_settings()
    assert (common.system, common.inbox_dir, list_systems(folder)) == ("", tmp_path / "common", ["a", "b"])
    with pytest.raises(ScorekeeperError, match=r"which system\? .* a, b"):
        check_one(common)
    check_one(load_settings(system="a"))
    assert [one.system for one in settings_of_all(load_settings(system="a"))[0]] == ["a"]


def test_two_systems_never_share_an_archive(folder: Path) -> None:
    for name, prefix in (("alpha", "alpha"), ("beta", "beta"), ("gamma", "gamma/inbox")):
        write_system(folder / name, f"INBOX_DIR=s3://trading/{prefix}\n")
    found, troubles = settings_of_all(load_settings())
    assert ([one.system for one in found], list(troubles)) == (["alpha", "gamma"], ["beta"])
    assert "s3://trading/archive, beside it, is the archive of alpha too" in troubles["beta"]


def test_the_common_standby_is_not_that_of_a_database_of_its_own(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_system(folder / "alpha", "DATABASE_URL=postgresql://own/x\n")
    write_system(folder / "beta")
    monkeypatch.setenv("DATABASE_URL", "postgresql://common/x")
    monkeypatch.setenv("DASHBOARD_DATABASE_URL", "postgresql://standby/x")
    read = [one.scores_url and one.scores_url.get_secret_value() for one in settings_of_all(load_settings())[0]]
    assert read == ["postgresql://own/x", "postgresql://standby/x"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("SCOREKEEPER_HOME=x", "SCOREKEEPER_HOME in .* all systems share it"),
        ("DASHBOARD_TOKEN=secret-word", "DASHBOARD_TOKEN in .* all systems share it"),
        ("SYSTEM=beta", "SYSTEM in .* all systems share it"), ("FEE_BPS=x", "FEE_BPS: "), ("WORDS=x", "words.*JSON"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_one_system_is_named_and_spares_the_others(folder: Path, line: str, says: str) -> None:
    write_system(folder / "alpha", f"{line}\n")
    write_system(folder / "beta")
    with pytest.raises(ScorekeeperError, match=says) as refused:
        load_settings(system="alpha")
    assert "secret-word" not in str(refused.value)
    found, troubles = settings_of_all(load_settings())
    assert ([one.system for one in found], list(troubles)) == (["beta"], ["alpha"])


def test_a_name_that_the_dashboard_has_a_page_for_is_refused(folder: Path) -> None:
    for name in ("login", "healthz", "static", "metrics", "metrics_2"):
        write_system(folder / name)
    found, troubles = settings_of_all(load_settings())
    assert ([one.system for one in found], sorted(troubles)) == (
        ["metrics_2"], ["healthz", "login", "metrics", "static"]
    )  # fmt: skip


@pytest.mark.parametrize("name", ["../alpha", "alpha/../alpha", "Alpha", "", " ", "."])
def test_a_name_never_leads_out_of_the_folder(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write_system(folder / "alpha")
    monkeypatch.setenv("SYSTEM", name)
    if not name:
        assert load_settings().system == ""
        return
    with pytest.raises(ScorekeeperError, match="SYSTEM"):
        load_settings()


def test_a_folder_of_systems_that_is_away_is_said(folder: Path) -> None:
    with pytest.raises(ScorekeeperError, match=r"SYSTEMS_DIR: .* cannot be read"):
        settings_of_all(load_settings())
