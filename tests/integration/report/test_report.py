"""The report from a real database, and in a real browser."""

import os
import re
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from scorekeeper.metrics import query
from scorekeeper.operations.sample import write_sample
from scorekeeper.report import build_report, write_report
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from tests.browser import BROWSER, BROWSERS
from tests.integration.trades.test_pipeline import take, track
from tests.levels import long
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
        metrics = query.system_metrics(connection)
    page = Reader(path.read_text(encoding="utf-8"))
    n = metrics["completed_trades"]
    assert f"n = {n} closed trades" in page.text
    assert "2025-05-08T00:00:00Z" in page.text
    equity, after = (line["y"] for line in page.figures["figure-1"]["data"] if line.get("showlegend", True))
    assert equity[-1] == pytest.approx(metrics["total_pnl_pct"], rel=1e-5)
    assert after[-1] == pytest.approx(metrics["net"]["total_pnl_pct"], rel=1e-5)
    drawdown = next(line["y"] for line in page.figures["figure-1"]["data"] if not line.get("showlegend", True))
    assert -min(drawdown) == pytest.approx(metrics["max_drawdown_pct"], rel=1e-5)
    called = [figure for figure in page.figures.values() if "error_y" in figure["data"][0]]
    said = sum(sum(n for n, _ in figure["data"][0]["customdata"]) for figure in called)
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
    """The page's document after its scripts have run."""
    assert BROWSER is not None
    home = page.parent / "browser"
    home.mkdir(exist_ok=True)
    command = [
        BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", f"--user-data-dir={home}",
        "--virtual-time-budget=10000", *options, "--dump-dom", page.as_uri(),
    ]  # fmt: skip
    environment = {**os.environ, "HOME": str(home)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=environment, check=True)
    return done.stdout


@in_a_browser
@pytest.mark.parametrize("options", [[], *long(["--blink-settings=preferredColorScheme=0"])], ids=["light", "dark"])
def test_a_browser_draws_every_figure(scored: Database, settings: Settings, options: list[str]) -> None:
    path = write_report(scored, settings.reports_dir)
    document = open_in_browser(path, *options)
    drawn = re.search(r'<html[^>]* data-drawn="(\d+)"', document)
    figures = Reader(path.read_text(encoding="utf-8")).figures
    assert drawn is not None
    assert int(drawn[1]) == len(figures) == 10
    assert document.count('class="main-svg"') >= len(figures)


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
    assert 'data-drawn="' in document
    for tag, attrs in Reader(document).elements:
        assert tag not in ("img", "iframe", "object", "embed", "link", "base", "form", "a"), (tag, attrs)
        for name, value in attrs.items():
            assert not name.startswith("on"), (tag, attrs)
            if name in ("src", "href", "xlink:href"):
                assert str(value).startswith(("#", "data:image/png")), (tag, attrs)
    # The axis of the attribution shows the name itself.
    assert ">&lt;script&gt;alert(1)&lt;/script&gt;</text>" in document


@in_a_browser
@pytest.mark.parametrize("width", [390, *long(1280)])
def test_the_page_fits_its_window(tmp_path: Path, width: int) -> None:
    (tmp_path / "report.html").write_text(hostile_page(), encoding="utf-8")
    frame = tmp_path / "frame.html"
    # In a frame, because a window of a browser cannot be as narrow as a telephone.
    frame.write_text(
        f'<iframe id="f" src="report.html" style="width:{width}px;height:800px"></iframe>'
        "<script>addEventListener('load', () => { const d = document.getElementById('f').contentDocument;"
        "document.title = d.documentElement.dataset.drawn + ' ' + d.documentElement.scrollWidth; })</script>"
    )
    document = open_in_browser(frame, "--allow-file-access-from-files", "--window-size=1400,900")
    title = re.search(r"<title>(\d+) (\d+)</title>", document)
    assert title is not None
    assert int(title[1]) > 0
    assert int(title[2]) <= width
