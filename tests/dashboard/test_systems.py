"""The dashboard of several systems: a first page over all, each system's pages below its name, and a switch."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from cli.dashboard_server import open_all_scores
from dashboard.app import static_and_login
from dashboard.security import METRICS, Access
from scorekeeper.settings import Settings, load_settings, settings_of_all
from scorekeeper.store import embedded
from scorekeeper.store.database import open_database
from scorekeeper.system_names import TAKEN
from tests.browser import open_tab
from tests.conftest import fresh_database
from tests.dashboard.serving import TOKEN, Served, serve_app
from tests.systems import write_system

HTML = {"Accept": "text/html"}
INSERT = (
    "INSERT INTO scorekeeper.decision (trade_id, content_sha256, source_name, source_line, received_at, symbol,"
    " raw_symbol, action, direction, price, opened_at, expires_at, version, reason) VALUES (:id, '', 's', 1, now(),"
    " 'A/B', 'A/B', 'HOLD', 0, 1, now(), now() + interval '1 hour', 'v', :id)"
)


@pytest.fixture(scope="module")
def systems(cluster: embedded.Lease, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Two systems with a decision each, and one whose schema is not there yet."""
    folder = tmp_path_factory.mktemp("systems")
    with pytest.MonkeyPatch.context() as patch, fresh_database(cluster) as url:
        patch.chdir(folder)
        patch.setenv("DATABASE_URL", url)
        patch.setenv("SYSTEMS_DIR", str(folder / "systems"))
        for name in ("alpha", "beta_2", "new"):
            write_system(folder / "systems" / name)
            if name != "new":
                with open_database(url, folder, system=name) as db, db.begin() as connection:
                    connection.execute(text(INSERT), {"id": f"only-of-{name}"})
        yield load_settings()


@pytest.fixture(scope="module")
def served(systems: Settings) -> Iterator[Served]:
    with open_all_scores(systems) as make, serve_app(make(Access(TOKEN))) as found:
        yield found


def get(served: Served, path: str, **headers: str) -> httpx.Response:
    return httpx.get(served.address + path, headers={**HTML, **headers}, timeout=60)


def test_each_system_has_its_own_pages(served: Served) -> None:
    first = get(served, "/")
    assert (first.status_code, first.text.count("no track has run yet")) == (200, 2)
    assert all(f'href="./{name}/"' in first.text for name in ("alpha", "beta_2", "new"))
    rows = {row["system"]: row for row in get(served, "/?format=json").json()}
    assert (list(rows), rows["alpha"]["win_rate"]) == (["alpha", "beta_2", "new"], None)
    assert "schema is not there" in rows["new"]["state"]
    for name, other in (("alpha", "beta_2"), ("beta_2", "alpha")):
        page = get(served, f"/{name}/decisions")
        assert (page.status_code, f"only-of-{name}" in page.text, f"only-of-{other}" in page.text) == (200, True, False)
        assert get(served, f"/{name}/decisions?format=json").json()[0]["trade_id"] == f"only-of-{name}"
    assert get(served, "/alpha").headers["location"] == "./alpha/"
    missing = get(served, "/new/")
    assert (missing.status_code, "no schema yet" in missing.text) == (503, True)
    for path in ("/gone/", "/gone", "/alpha/none", "/..%2Falpha", "/ALPHA/", "/systems/"):
        assert get(served, path).status_code == 404, path


def test_a_system_that_is_added_is_shown_and_one_that_is_removed_is_not(served: Served, systems: Settings) -> None:
    assert systems.systems_dir is not None
    added = write_system(systems.systems_dir / "late")
    wrong = write_system(systems.systems_dir / "wrong", "FEE_BPS=x\n")
    try:
        with open_database(systems.database_url, systems.scorekeeper_home, system="late"):
            pass
        assert get(served, "/late/").status_code == 200
        assert (get(served, "/wrong/").status_code, "FEE_BPS" in get(served, "/wrong/").text) == (503, True)
        assert ">late</a>" in get(served, "/alpha/?tz=local").text, "the switch has it"
    finally:
        shutil.rmtree(added)
        shutil.rmtree(wrong)
    assert get(served, "/late/").status_code == 404
    away = systems.systems_dir.rename(systems.systems_dir.with_name("away"))
    try:
        for path in ("/metrics", "/alpha/"):
            answer = get(served, path)
            assert (answer.status_code, "SYSTEMS_DIR" in answer.text) == (503, True), path
    finally:
        away.rename(systems.systems_dir)


def test_a_system_cannot_be_called_like_an_address_of_the_dashboard(served: Served, systems: Settings) -> None:
    addresses = {route.path.split("/")[1] for route in static_and_login()} | {METRICS.removeprefix("/"), "events"}
    assert addresses == set(TAKEN)
    assert systems.systems_dir is not None
    called = [write_system(systems.systems_dir / name) for name in TAKEN]
    try:
        usable, troubles = settings_of_all(systems)
        assert [one.system for one in usable] == ["alpha", "beta_2", "new"]
        assert troubles.keys() == set(TAKEN)
        assert all("addresses of the dashboard" in trouble for trouble in troubles.values())
        assert [get(served, f"/{name}/").status_code for name in TAKEN] == [404] * len(TAKEN)
    finally:
        for folder in called:
            shutil.rmtree(folder)


def test_a_database_that_is_away_is_said_of_its_systems_alone(served: Served, systems: Settings) -> None:
    assert systems.systems_dir is not None
    own = write_system(systems.systems_dir / "own", "DATABASE_URL=postgresql://127.0.0.1:9/x\n")
    try:
        with open_all_scores(systems) as make, serve_app(make(Access(TOKEN))) as fresh:
            rows = {row["system"]: row["state"] for row in get(fresh, "/?format=json").json()}
            assert "127.0.0.1:9" in rows["own"]
            assert rows["alpha"] == "no track has run yet"
            assert get(fresh, "/alpha/").status_code == 200
    finally:
        shutil.rmtree(own)


def test_who_may_not_look_at_one_system_may_not_look_at_any(systems: Settings) -> None:
    with open_all_scores(systems) as make, serve_app(make(Access(TOKEN, peers=False))) as guarded:
        for path in ("/", "/?format=json", "/alpha/", "/alpha/decisions", "/alpha/events", "/gone/"):
            answer = get(guarded, path)
            assert (path, answer.status_code) == (path, 303)
            assert "only-of" not in answer.text
        assert get(guarded, "/alpha/trades").headers["location"] == "../login?next=alpha%2Ftrades"
        with httpx.Client(base_url=guarded.address, headers=HTML, timeout=60) as client:
            done = client.post("/login", data={"token": TOKEN, "next": "alpha/trades"})
            assert (done.status_code, done.headers["location"]) == (303, "./alpha/trades")
            assert client.get("/alpha/trades").status_code == 200
            assert client.get("/beta_2/").status_code == 200
            hostile = client.post("/login", data={"token": TOKEN, "next": "//evil.example/x"})
            assert hostile.headers["location"] == "./"
        assert httpx.post(guarded.address + "/alpha/login", data={"token": TOKEN}).status_code == 405


def test_the_switch_keeps_the_page_and_pages_stay_live(served: Served, tmp_path: Path) -> None:
    with open_tab(tmp_path / "browser") as tab:
        tab.open(f"{served.address}/alpha/decisions", "only-of-alpha")
        tab.run("document.querySelector('.switch summary').click()")
        address = tab.run("[...document.querySelectorAll('.switch a')].find(a => a.textContent === 'beta_2').href")
        assert tab.run("document.querySelector('.switch').open") is True
        assert address == f"{served.address}/beta_2/decisions"
        tab.open(address, "only-of-beta_2")
        assert tab.run("document.querySelector('#live').dataset.events") == "events"
        tab.resize(360, phone=True)
        tab.open(f"{served.address}/", "no track has run yet")
        assert tab.run("document.documentElement.scrollWidth <= innerWidth") is True
