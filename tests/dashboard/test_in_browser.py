"""The dashboard in a real browser: read by everybody, kept up live, harmless, and of use without its script."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg
import pytest

from dashboard.security import Access
from scorekeeper.store import embedded
from tests.browser import BROWSER, Tab, open_tab
from tests.dashboard.hostile_world import World, open_world
from tests.dashboard.serving import TOKEN, serve
from tests.dashboard.tls_proxy import NAME, open_proxy
from tests.integration.report.test_report import Listener
from tests.integration.trades.test_pipeline import take
from tests.waiting import wait_until

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no browser here")
AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LOOK = f"""(() => {{
const node = n => `${{n.target}} ${{n.html.slice(0, 200)}} ${{n.failureSummary}}`;
return axe.run(document, {{runOnly: {json.dumps(RULES)}, resultTypes: ['violations']}})
  .then(found => JSON.stringify(found.violations.map(v => [v.id, v.nodes.slice(0, 3).map(node)])));
}})()"""
OURS = ("href", "value")  # links of ours carry strangers' words as parameters; where they lead is looked at elsewhere
SWAP_SECONDS = 1.5  # from a commit to the page that shows it, on a machine that does nothing else
PATIENCE = 4  # times as long where others work beside


@pytest.fixture(scope="module")
def asked() -> Iterator[tuple[str, list[str]]]:
    """An address on this machine that every attack of the world would ask, and what has been asked of it."""
    heard: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Noting", (Listener,), {"asked": heard}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", heard
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def world(
    cluster: embedded.Lease, tmp_path_factory: pytest.TempPathFactory, asked: tuple[str, list[str]]
) -> Iterator[World]:
    with open_world(cluster, tmp_path_factory.mktemp("world"), asked[0]) as found:
        yield found


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with open_tab(tmp_path_factory.mktemp("browser") / "profile", "--ignore-certificate-errors") as found:
        yield found


@pytest.fixture
def fresh(tab: Tab) -> Iterator[Tab]:
    """The tab as it is at first: a wide window, light, with scripts, online."""
    yield tab
    tab.allow_scripts(True)
    tab.cut_network(False)
    tab.prefer()
    tab.live_in("UTC")
    tab.resize(1280)


def addresses(world: World) -> list[str]:
    """Every page, those of a thing with the first that there is."""
    with world.db.begin() as connection:
        rows = connection.exec_driver_sql(
            "SELECT t.trade_id, min(s.agent), min(t.version), max(t.version) FROM scorekeeper.report_trades AS t"
            " INNER JOIN scorekeeper.report_agent_signals AS s ON t.trade_id = s.trade_id"
            " GROUP BY 1, t.version ORDER BY 1 LIMIT 1"
        ).one()
        versions = connection.exec_driver_sql("SELECT DISTINCT version FROM scorekeeper.report_trades ORDER BY 1").all()
    one, other = quote(versions[0][0]), quote(versions[-1][0])
    pages = ["", "trades", "decisions?action=HOLD", "open", f"trade?id={quote(rows[0])}", "agents",
             f"agent?name={quote(rows[1])}", "versions", f"compare?a={one}&b={other}", "breakdown?by=symbol",
             "calendar", "health", "learning", "trades?since=yesterday", "none", "login",
             "?as_of=2025-05-04T12:00Z"]  # fmt: skip
    return [f"{world.served.address}/{page}" for page in pages]


def settle(tab: Tab, address: str) -> None:
    """Open an address and wait until it is drawn."""
    tab.call("Page.navigate", url=address)

    def is_drawn() -> bool:
        try:
            here = tab.run("[location.href, document.readyState, !!document.getElementById('main')]")
        except AssertionError:  # the old document has just gone
            return False
        return bool(here[0] == address and here[1] == "complete" and here[2])

    assert wait_until(is_drawn, 30), address


def test_every_page_is_read_by_everybody_and_fits_a_phone(world: World, fresh: Tab) -> None:
    found: dict[str, Any] = {}
    for address in addresses(world):
        for dark in (False, True):
            fresh.prefer(dark=dark, still=True)
            fresh.resize(1280 if not dark else 375, phone=dark)
            if not dark:
                settle(fresh, address)
            fresh.run(AXE + "; 0")
            if violations := json.loads(fresh.run(LOOK)):
                found[f"{address} {'dark, 375' if dark else 'light, 1280'}"] = violations
        for width in (320, 375):
            fresh.resize(width, phone=True)
            wide = fresh.run("document.documentElement.scrollWidth")
            if wide > width:
                found[f"{address} {width}"] = f"{wide} pixels wide: {fresh.run(WIDE)}"
            if cut := fresh.run(CUT):
                found[f"{address} {width} cuts"] = cut
    assert found == {}, json.dumps(found, indent=1)[:6_000]


# Labels of axes that are partly out of sight; names of curves are strangers' words, and may be.
CUT = """[...document.querySelectorAll('.drawing .tick')].filter(e => {
  const [one, all] = [e, e.closest('.drawing')].map(some => some.getBoundingClientRect());
  return one.width && e.textContent.length < 16 && (one.left < all.left - 1 || one.right > all.right + 1);
}).slice(0, 5).map(e => e.textContent)"""
WIDE = """[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1
  && !e.closest('.scroll, nav')).slice(0, 3).map(e => e.outerHTML.slice(0, 150)).join(' | ')"""


def test_what_strangers_wrote_runs_nothing_and_fetches_nothing(
    world: World, fresh: Tab, asked: tuple[str, list[str]]
) -> None:
    fresh.asked.clear()
    for address in addresses(world):
        settle(fresh, address)
        seen = fresh.look(asked[0], "evil.example")
        assert seen["ran"] is None, address
        assert [one for one in seen["found"] if one.partition(" of ")[0] not in OURS] == [], address
    assert [one for one in fresh.asked if not one.startswith((world.served.address, "data:image/"))] == []
    assert (asked[1], fresh.dialogs) == ([], [])
    assert fresh.errors == []


def test_a_keyboard_reaches_everything_and_the_content_at_once(world: World, fresh: Tab) -> None:
    settle(fresh, world.served.address + "/")
    fresh.press("Tab")
    assert fresh.run("document.activeElement.textContent") == "Skip to the content"
    assert fresh.run("getComputedStyle(document.activeElement).clipPath") == "none"  # it is seen once it has the focus
    fresh.press("Enter")
    assert wait_until(lambda: bool(fresh.run("document.activeElement.id") == "main"), 10)
    reach = """[...document.querySelectorAll('main a[href], main summary, main button')]
      .filter(e => e.checkVisibility()).map(e => e.outerHTML.slice(0, 80))"""
    wanted = fresh.run(reach)
    met = []
    for _ in range(len(wanted) + 40):
        fresh.press("Tab")
        met.append(fresh.run("document.activeElement.outerHTML.slice(0, 80)"))
        outlined = fresh.run("getComputedStyle(document.activeElement).outlineStyle")
        assert outlined != "none", met[-1]
        if not fresh.run("!!document.activeElement.closest('main')"):
            break
    assert [one for one in wanted if one not in met] == []


def test_without_a_script_all_is_there_and_filters_work(world: World, fresh: Tab) -> None:
    fresh.allow_scripts(False)
    settle(fresh, world.served.address + "/trades")
    assert fresh.run("document.querySelectorAll('main tbody tr').length") > 5
    fresh.run("document.querySelector('details.filters').open = true; 0")
    fresh.run("document.querySelector('select[name=fees]').value = 'net'; 0")
    fresh.run("document.querySelector('.filters form').submit(); 0")
    assert wait_until(lambda: "fees=net" in fresh.run("location.href"), 20)
    assert wait_until(lambda: "fees: net" in fresh.run("document.body && document.body.innerText"), 20)
    settle(fresh, world.served.address + "/?tz=local")
    assert "this browser runs no script" in fresh.run("document.body.innerText")


def test_times_are_of_utc_and_of_the_browser_where_that_is_asked_for(world: World, fresh: Tab) -> None:
    fresh.live_in("America/St_Johns")
    shown = "document.querySelector('#main time[data-form=minute]')"
    settle(fresh, world.served.address + "/open")
    at = fresh.run(f"{shown}.getAttribute('datetime')")
    assert fresh.run(f"{shown}.textContent") == at[:16].replace("T", " ") + " UTC"
    settle(fresh, world.served.address + "/open?tz=local")
    assert fresh.run(f"{shown}.textContent").endswith(" UTC\u22122:30")
    assert "America/St_Johns" in fresh.run("document.querySelector('footer').innerText")


def test_a_page_is_still_for_who_asks_for_that_and_is_plain_on_paper(world: World, fresh: Tab) -> None:
    settle(fresh, world.served.address + "/")
    fresh.run("document.querySelector('tbody tr').classList.add('fresh'); 0")
    moves = "getComputedStyle(document.querySelector('tr.fresh')).animationName"
    assert fresh.run(moves) == "fresh"
    fresh.prefer(still=True)
    assert fresh.run(moves) == "none"
    fresh.prefer(printed=True)
    gone = "['.top nav', '.filters', '#live', 'footer'].map(s => getComputedStyle(document.querySelector(s)).display)"
    assert fresh.run(gone) == ["none"] * 4
    assert fresh.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_a_commit_is_on_the_page_at_once_and_what_the_reader_did_stays(world: World, fresh: Tab) -> None:
    settle(fresh, world.served.address + "/decisions")
    assert wait_until(lambda: fresh.run("document.getElementById('live').dataset.state") in ("stale", "live"), 10)
    fresh.run("""document.querySelector('details.filters').open = true;
      document.querySelector('input[name=symbol]').value = 'half a wo';
      document.querySelector('input[name=symbol]').focus(); scrollTo(0, 240); 0""")
    key = "document.getElementById('main').dataset.key"
    before, where = fresh.run(key), fresh.run("scrollY")
    decision = {"symbol": "BTC/USDT", "type": "HOLD", "price": 1.0, "timestamp": "2025-05-06T00:00:00Z",
                "trade_id": "the newest of all"}  # fmt: skip
    (world.settings.inbox_dir / "late.json").write_text(json.dumps(decision))
    take(world.db, world.settings)
    began = time.monotonic()
    while fresh.run(key) == before and time.monotonic() - began < SWAP_SECONDS * PATIENCE:
        time.sleep(0.02)
    took = time.monotonic() - began
    assert fresh.run(key) != before
    assert took < SWAP_SECONDS * PATIENCE
    assert fresh.run("[document.activeElement.name, document.activeElement.value, scrollY]") == [
        "symbol", "half a wo", where
    ]  # fmt: skip
    assert fresh.run("document.querySelector('details.filters').open")
    print(f"from the commit to the page: {took:.2f} s")


def test_a_server_that_goes_is_said_in_words_and_comes_back_by_itself(world: World, fresh: Tab) -> None:
    state = "document.getElementById('live').innerText"
    with serve(world.db) as served:
        settle(fresh, served.address + "/open")
        assert wait_until(lambda: "last track" in fresh.run(state), 10)
    began = time.monotonic()
    assert wait_until(lambda: "connection to the dashboard is lost" in fresh.run(state), 15)
    assert time.monotonic() - began < 5 + 2
    with serve(world.db, port=served.port):
        assert wait_until(lambda: "last track" in fresh.run(state), 20)


def let_in(world: World, allowed: bool) -> None:
    """Whether anybody may connect to the world's database; connections that stand are ended."""
    url = world.db.engine.url
    with psycopg.connect(host=str(url.query["host"]), user=url.username, dbname="postgres", autocommit=True) as admin:
        admin.execute(f'ALTER DATABASE "{url.database}" ALLOW_CONNECTIONS {allowed}')
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (url.database,))


def test_a_database_that_goes_is_said_in_words_and_the_page_stays(world: World, fresh: Tab) -> None:
    state = "document.getElementById('live').innerText"
    settle(fresh, world.served.address + "/open")
    rows = fresh.run("document.querySelectorAll('tbody tr').length")
    let_in(world, False)
    began = time.monotonic()
    try:
        assert wait_until(lambda: "database does not answer" in fresh.run(state), 15)
        assert time.monotonic() - began < 5 + 2
        assert fresh.run("document.querySelectorAll('tbody tr').length") == rows
    finally:
        let_in(world, True)
    assert wait_until(lambda: "last track" in fresh.run(state), 20)


def test_behind_a_proxy_with_tls_and_a_path_all_of_it_works(world: World, fresh: Tab, tmp_path: Path) -> None:
    access = Access(TOKEN, (NAME,), peers=False)
    with serve(world.db, access) as served, open_proxy(served.port, "/score/board", tmp_path) as address:
        fresh.asked.clear()
        fresh.call("Page.navigate", url=f"{address}/trades?fees=net")
        assert wait_until(lambda: "login" in fresh.run("location.pathname"), 20)
        assert wait_until(lambda: bool(fresh.run("!!document.querySelector('input[name=token]')")), 20)
        fresh.run(f"document.querySelector('input[name=token]').value = '{TOKEN}'; 0")
        fresh.run("document.querySelector('form').submit(); 0")
        assert wait_until(lambda: fresh.run("location.href") == f"{address}/trades?fees=net", 20)
        assert wait_until(lambda: "last track" in fresh.run("document.body.innerText"), 20)
        cookie = fresh.call("Network.getCookies", urls=[address + "/"])["cookies"][0]
        assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (True, True, "Strict")
        assert cookie["path"] == "/score/board"
        settle(fresh, f"{address}/")
        leads = fresh.run("[...document.querySelectorAll('a')].map(a => a.href)")
        assert leads
        assert all(one.startswith(f"{address}/") for one in leads)
        assert TOKEN not in "".join(fresh.asked)
        assert {urlsplit(one).path for one in fresh.asked} >= {"/score/board/events", "/score/board/static/app.css"}
