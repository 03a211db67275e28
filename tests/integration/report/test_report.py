"""The report from a real database, and in a real browser."""

import os
import re
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from scorekeeper.metrics.query import system_metrics
from scorekeeper.operations.sample import write_sample
from scorekeeper.report import build_report, write_report
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from tests.browser import BROWSER, BROWSERS, open_tab
from tests.integration.trades.test_pipeline import take, track
from tests.unit.report.test_report_page import Reader, hostile_page

in_a_browser = pytest.mark.skipif(BROWSER is None, reason=f"no browser here: none of {', '.join(BROWSERS)} is on PATH")


@pytest.fixture
def scored(db: Database, settings: Settings) -> Database:
    """The sample, tracked to its end."""
    as_of = write_sample(settings.inbox_dir, settings.inbox_dir.parent / "market")
    take(db, settings)
    track(db, settings, settings.inbox_dir.parent / "market", as_of)
    return db


def test_the_report_counts_what_the_metrics_count(scored: Database, settings: Settings) -> None:
    path = write_report(scored, settings.reports_dir)
    assert path == settings.log_dir.parent / "reports" / "report.html"
    with scored.begin() as connection:
        metrics = system_metrics(connection)
    page = Reader(path.read_text(encoding="utf-8"))
    n = metrics["completed_trades"]
    assert f"n = {n} closed trades" in page.text
    assert "2025-05-08T00:00:00Z" in page.text
    equity = [[float(cell.replace("\u2212", "-").replace(",", "")) for cell in row[1:]] for row in page.charts[0][1:]]
    total, net = metrics["total_pnl_pct"], metrics["net"]["total_pnl_pct"]
    assert [equity[-1][0], equity[-1][2]] == pytest.approx([total, net], abs=0.005)
    assert -min(row[1] for row in equity) == pytest.approx(metrics["max_drawdown_pct"], abs=0.005)
    called = [rows for rows in page.charts if rows[0][0].startswith("stated confidence")]
    said = sum(int(row[-1].replace(",", "")) for rows in called for row in rows[1:])
    # Every call of the sample has a confidence.
    assert said == sum(one["correct"] + one["incorrect"] for one in metrics["agent_performance"].values())


def test_written_again_it_is_the_same_file_and_nothing_else_lies_there(scored: Database, settings: Settings) -> None:
    first = write_report(scored, settings.reports_dir).read_bytes()
    assert write_report(scored, settings.reports_dir).read_bytes() == first
    assert [path.name for path in settings.reports_dir.iterdir()] == ["report.html"]


def test_one_version_has_a_report_of_its_own(scored: Database, settings: Settings, tmp_path: Path) -> None:
    path = write_report(scored, settings.reports_dir, version="v0.2.0", output=tmp_path / "mine" / "r.html")
    assert path == tmp_path / "mine" / "r.html"
    assert "version v0.2.0" in Reader(path.read_text(encoding="utf-8")).text
    unheard = Reader(build_report(scored, version="unheard of"))
    assert "No trade has closed yet" in unheard.text


def test_nothing_ever_tracked_has_a_report_too(db: Database) -> None:
    page = Reader(build_report(db))
    assert "never tracked" in page.text
    assert "No trade has closed yet" in page.text


class Listener(BaseHTTPRequestHandler):
    """Notes whatever asks."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def listener() -> Iterator[tuple[str, list[str]]]:
    """An address on this machine, and what has been asked of it."""
    asked: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Noting", (Listener,), {"asked": asked}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


def open_in_browser(page: Path, *options: str) -> str:
    """The page's document as the browser has read it."""
    assert BROWSER is not None
    home = page.parent / "browser"
    home.mkdir(exist_ok=True)
    command = [
        BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", f"--user-data-dir={home}",
        "--virtual-time-budget=10000", *options, "--dump-dom", page.as_uri(),
    ]  # fmt: skip
    environment = {**os.environ, "HOME": str(home)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, check=True)
    return done.stdout


SEEN = """(() => [...document.querySelectorAll('svg.plot')].map(plot => {
  const line = plot.querySelector('.line, .bar, .bars rect, .marks *, .cell');
  const box = line.getBoundingClientRect(), whole = plot.getBoundingClientRect();
  return {text: getComputedStyle(plot.querySelector("text")).fill,
          inside: box.width > 0 && box.left >= whole.left - 2 && box.right <= whole.right + 2};
}))()"""


@in_a_browser
def test_a_browser_draws_every_chart_in_its_box_light_and_dark(
    scored: Database, settings: Settings, tmp_path: Path
) -> None:
    path = write_report(scored, settings.reports_dir)
    pictures = Reader(path.read_text(encoding="utf-8")).pictures
    seen = {}
    with open_tab(tmp_path / "browser") as tab:
        for scheme in ("light", "dark"):
            tab.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
            tab.open(path.as_uri(), "Equity and drawdown")
            found = tab.call("Runtime.evaluate", expression=SEEN, returnByValue=True)["result"]["value"]
            seen[scheme] = found
            assert len(found) == len(pictures) == 10
            assert all(one["inside"] for one in found)
        assert tab.errors == []
    assert all(a["text"] != b["text"] for a, b in zip(seen["light"], seen["dark"], strict=True))


@in_a_browser
def test_in_a_browser_hostile_names_are_text_and_nothing_is_asked_for(
    tmp_path: Path, listener: tuple[str, list[str]]
) -> None:
    address, asked = listener
    control = tmp_path / "control.html"
    control.write_text(f'<img src="{address}/control">')
    open_in_browser(control)
    assert asked == ["/control"], "the browser does not reach the listener: then this test shows nothing"
    asked.clear()
    page = tmp_path / "report.html"
    page.write_text(hostile_page().replace("http://evil.example", address), encoding="utf-8")
    document = open_in_browser(page)
    assert asked == []
    for tag, attrs in Reader(document).elements:
        assert tag not in ("img", "iframe", "object", "embed", "link", "base", "form", "a"), (tag, attrs)
        for name, value in attrs.items():
            assert not name.startswith("on"), (tag, attrs)
            if name in ("src", "href", "xlink:href"):
                assert str(value).startswith(("#", "data:image/png")), (tag, attrs)
    # The attribution shows the name itself.
    assert ">&lt;script&gt;alert(1)&lt;/script&gt;</text>" in document


@in_a_browser
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_fits_its_window(tmp_path: Path, width: int) -> None:
    (tmp_path / "report.html").write_text(hostile_page(), encoding="utf-8")
    frame = tmp_path / "frame.html"
    # In a frame, because a window of a browser cannot be as narrow as a telephone.
    frame.write_text(
        f'<iframe id="f" src="report.html" style="width:{width}px;height:800px"></iframe>'
        "<script>addEventListener('load', () => { const d = document.getElementById('f').contentDocument;"
        "document.title = d.querySelectorAll('svg.plot').length + ' ' + d.documentElement.scrollWidth; })</script>"
    )
    document = open_in_browser(frame, "--allow-file-access-from-files", "--window-size=1400,900")
    title = re.search(r"<title>(\d+) (\d+)</title>", document)
    assert title is not None
    assert int(title[1]) > 0
    assert int(title[2]) <= width
