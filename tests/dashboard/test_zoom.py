"""Charts in a real browser: their values by the keyboard, and a zoom that stays when the page changes."""

import json
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import quote

import pytest

from scorekeeper.store import embedded
from tests.browser import BROWSER, Tab, open_tab
from tests.dashboard.hostile_world import World, open_world
from tests.dashboard.test_in_browser import AXE, LOOK
from tests.integration.trades.test_pipeline import track
from tests.waiting import wait_until

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no browser here")
SINK = "http://127.0.0.1:9"  # nobody listens there, and nobody is to ask


# How many pixels of the zoomed candles have the colour of one that rose or fell.
COLOURED = """(() => {
  const canvas = document.querySelector("#candles .zoomed canvas");
  const paint = document.createElement("canvas").getContext("2d");
  const wanted = ['good', 'bad'].map(name => {
    paint.fillStyle = getComputedStyle(document.documentElement).getPropertyValue('--c-' + name).trim();
    paint.fillRect(0, 0, 1, 1);
    return String(paint.getImageData(0, 0, 1, 1).data);
  });
  const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let found = 0;
  for (let i = 0; i < data.length; i += 4) if (wanted.includes(String(data.slice(i, i + 4)))) found++;
  return found;
})()"""


@pytest.fixture(scope="module")
def world(cluster: embedded.Lease, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with open_world(cluster, tmp_path_factory.mktemp("zoom"), SINK) as found:
        yield found


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with open_tab(tmp_path_factory.mktemp("browser") / "profile") as found:
        yield found


def settle(tab: Tab, address: str, chart: str) -> None:
    """Open a page and wait until its chart is drawn and its script has run."""
    tab.call("Page.navigate", url=address)
    ready = f"location.href === {address!r} && !!document.querySelector('#{chart} .zooming button')"
    assert wait_until(lambda: tab.run(ready) is True, 30), address


def click(tab: Tab, chart: str, says: str) -> None:
    button = f"document.querySelector('#{chart} .zooming [aria-label=\"{says}\"]')"
    assert wait_until(lambda: bool(tab.run(f"!!{button}")), 20), says
    tab.run(f"{button}.focus(); {button}.click(); 0")


def data_of(tab: Tab, chart: str) -> dict[str, str]:
    found: dict[str, str] = tab.run(f"({{...document.getElementById('{chart}').dataset}})")
    return found


def some_trade(world: World, condition: str) -> str:
    with world.db.begin() as connection:
        found = connection.exec_driver_sql(
            f"SELECT trade_id FROM scorekeeper.report_decisions WHERE {condition} ORDER BY opened_at DESC LIMIT 1"
        )
        return str(found.scalar_one())


def test_the_arrow_keys_read_a_charts_values_out(world: World, tab: Tab) -> None:
    settle(tab, world.served.address + "/", "equity")
    rows = tab.run("[...document.querySelectorAll('#equity table.data tbody tr')].map(r => r.cells[0].textContent)")
    tab.run("document.querySelector('#equity .drawing').focus(); 0")
    said = "document.querySelector('#equity .readout').textContent"
    tab.press("ArrowRight")
    assert tab.run(said).startswith(rows[0])
    tab.press("End", 35)
    assert tab.run(said).startswith(rows[-1])
    tab.press("ArrowLeft")
    assert tab.run(said).startswith(rows[-2])
    assert "sum of P&L, %" in tab.run(said)
    assert tab.run("document.querySelector('#equity .readout').getAttribute('aria-live')") == "polite"
    assert tab.run("document.querySelectorAll('#equity .strips .on').length") == 1


def test_a_zoomed_stretch_of_days_is_drawn_trade_by_trade(
    world: World, tab: Tab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.equity.FEW_TRADES", 10)  # more than that, and it is drawn by day
    settle(tab, world.served.address + "/?fees=net&tz=utc", "equity")
    height = "document.querySelector('#equity .drawing').getBoundingClientRect().height"
    before = tab.run(height)
    days = tab.run("document.querySelectorAll('#equity table.data tbody tr').length")
    tab.asked.clear()
    click(tab, "equity", "Zoom this chart")
    assert tab.run(height) == pytest.approx(before, abs=1)  # nothing below it moves
    click(tab, "equity", "Zoom in")
    assert wait_until(lambda: int(data_of(tab, "equity").get("points", 0)) > days + 5, 20), data_of(tab, "equity")
    assert any("/trades?" in one and "format=json" in one for one in tab.asked)
    tab.run("document.querySelector('#equity .drawing').focus(); 0")
    tab.press("Escape")
    assert tab.run("!!document.querySelector('#equity svg.plot')")
    assert tab.errors == []


def test_a_zoom_stays_when_the_page_changes(world: World, tab: Tab) -> None:
    last = f"timestamptz '{world.as_of - timedelta(minutes=10)}'"
    trade_id = some_trade(world, f"entry_price IS NOT NULL AND exit_time IS NULL AND opened_at < {last}")
    settle(tab, f"{world.served.address}/trade?id={quote(trade_id)}", "candles")
    click(tab, "candles", "Zoom this chart")
    click(tab, "candles", "Zoom in")
    zoomed = data_of(tab, "candles")["range"]
    assert zoomed != "whole"
    key = "document.getElementById('main').dataset.key"
    before = tab.run(key)
    rows = "document.querySelectorAll('#candles table.data tbody tr').length"
    candles = tab.run(rows)
    track(world.db, world.settings, world.market, world.as_of + timedelta(minutes=12))
    assert wait_until(lambda: tab.run(key) != before, 20)
    # A track is several transactions: the page may change before the candles are all there.
    assert wait_until(lambda: tab.run(rows) > candles, 20)
    # The chart is drawn again after the swap, on a busy machine some frames later.
    assert wait_until(lambda: tab.run("document.querySelectorAll('#candles .zoomed canvas').length") == 1, 20)
    assert wait_until(lambda: tab.run(COLOURED) > 30, 20)
    assert data_of(tab, "candles")["range"] == zoomed
    assert tab.run("document.activeElement.getAttribute('aria-label')") == "Zoom in"
    assert tab.run(COLOURED) > 30
    click(tab, "candles", "Done zooming")
    # What is shown now is the drawing of now.
    strips = "document.querySelectorAll('#candles svg.plot .strips rect').length"
    assert tab.run(strips) == tab.run(rows)
    assert tab.errors == []


def test_hostile_words_stay_words_in_a_zoomed_chart(world: World, tab: Tab) -> None:
    trade_id = some_trade(world, "exit_time IS NOT NULL")
    settle(tab, f"{world.served.address}/trade?id={quote(trade_id)}", "candles")
    tab.asked.clear()
    click(tab, "candles", "Zoom this chart")
    for says in ("Zoom in", "Later", "Earlier", "Zoom out", "Show the whole"):
        click(tab, "candles", says)
    assert data_of(tab, "candles")["range"] == "whole"
    seen = tab.look(SINK)
    assert seen["ran"] is None
    assert tab.dialogs == []
    assert all(one.startswith(world.served.address) for one in tab.asked)
    assert tab.errors == []


def test_on_a_phone_and_in_the_dark_a_zoomed_chart_fits_the_page(world: World, tab: Tab) -> None:
    trade_id = some_trade(world, "exit_time IS NOT NULL")
    tab.resize(375, phone=True)
    tab.prefer(dark=True, still=True)
    settle(tab, f"{world.served.address}/trade?id={quote(trade_id)}", "candles")
    click(tab, "candles", "Zoom this chart")
    assert wait_until(lambda: bool(tab.run("document.querySelectorAll('#candles canvas').length === 1")), 20)
    assert tab.run("document.documentElement.scrollWidth") <= 375
    assert tab.run(COLOURED) > 30
    small = tab.run("""[...document.querySelectorAll('.zooming button')].map(b => b.getBoundingClientRect())
      .filter(b => b.width < 24 || b.height < 24).length""")
    assert small == 0
    tab.run("document.querySelector('#candles .drawing').focus(); 0")
    tab.press("ArrowRight")
    tab.run(AXE + "; 0")
    assert json.loads(tab.run(LOOK)) == []
    tab.resize(1280)
    tab.prefer()
