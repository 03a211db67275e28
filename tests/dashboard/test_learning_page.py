"""The page of what was learned, in a real browser: read by everybody, harmless, and equal to what the command says."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from scorekeeper.learning.learned import read_learned
from scorekeeper.learning.sentences import write_sentences
from scorekeeper.store import embedded
from scorekeeper.store.database import Database, open_database
from tests.browser import BROWSER, Tab, open_tab
from tests.conftest import fresh_database
from tests.dashboard.serving import Served, serve
from tests.dashboard.test_in_browser import AXE, CUT, LOOK, OURS, settle
from tests.learned_rows import BEGIN, insert_learned
from tests.waiting import wait_until

HOSTILE = (
    "<script>window.ran=1</script>", '"><img src="http://127.0.0.1:9/x" onerror="window.ran=2">',
    "javascript:alert(1)//\u202eevil", "W" * 200, "agent {{ 7 * 7 }} ' ; DROP TABLE", "🦊 كلب agent",
)  # fmt: skip


@pytest.fixture(scope="module")
def served(cluster: embedded.Lease, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, Served]]:
    folder = tmp_path_factory.mktemp("learned")
    with fresh_database(cluster) as url, open_database(url, folder) as db:
        with db.begin() as connection:
            insert_learned(connection, version="adopted", excess=0.6, prefix="a")
            insert_learned(connection, version="early", days=1, excess=0.2, prefix="b")
            insert_learned(connection, version=HOSTILE[0], agents=HOSTILE, excess=-0.3, prefix="c")
        with serve(db) as found:
            yield db, found


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    if BROWSER is None:
        pytest.skip("no browser here")
    with open_tab(tmp_path_factory.mktemp("browser") / "profile") as found:
        yield found


def pages(served: Served) -> dict[str, str]:
    versions = {"adopted": "adopted", "early": "early", "hostile": HOSTILE[0], "missing": "none"}
    return {name: f"{served.address}/learning?version={quote(version)}" for name, version in versions.items()}


def test_the_page_is_read_by_everybody_fits_a_phone_and_is_harmless(
    served: tuple[Database, Served], tab: Tab
) -> None:
    found: dict[str, Any] = {}
    tab.asked.clear()
    for name, address in pages(served[1]).items():
        for dark in (False, True):
            tab.prefer(dark=dark, still=True)
            tab.resize(375 if dark else 1280, phone=dark)
            if not dark:
                settle(tab, address)
            tab.run(AXE + "; 0")
            if violations := json.loads(tab.run(LOOK)):
                found[f"{name} {'dark' if dark else 'light'}"] = violations
        for width in (320, 375):
            tab.resize(width, phone=True)
            if (wide := tab.run("document.documentElement.scrollWidth")) > width:
                found[f"{name} {width}"] = f"{wide} pixels wide"
            if cut := tab.run(CUT):
                found[f"{name} {width} cuts"] = cut
        seen = tab.look("127.0.0.1:9", "evil")
        assert seen["ran"] is None, name
        assert [one for one in seen["found"] if one.partition(" of ")[0] not in OURS] == [], name
    assert found == {}, json.dumps(found, indent=1)[:6_000]
    assert [one for one in tab.asked if not one.startswith((served[1].address, "data:image/"))] == []
    assert (tab.errors, tab.dialogs) == ([], [])


def test_the_page_says_what_the_rows_say_then_and_now(served: tuple[Database, Served], tab: Tab) -> None:
    db, dashboard = served
    moment = BEGIN + timedelta(days=1, hours=5, minutes=59)
    for at, address in (
        (None, f"{dashboard.address}/learning?version=adopted"),
        (moment, f"{dashboard.address}/learning?version=adopted&as_of={moment:%Y-%m-%dT%H:%MZ}"),
    ):
        with db.begin() as connection:
            learned = read_learned(connection, fee_bps=10, version="adopted", at=at)
        assert learned is not None
        assert learned.adopted == (at is None)
        settle(tab, address)
        shown = tab.run("document.getElementById('main').innerText")
        assert [one for one in write_sentences(learned, str) if one not in shown] == []
        assert ("Adopted" if at is None else "Not adopted") in shown
        rows = httpx.get(f"{address}&format=json").json()
        assert {one["agent"]: one["weight"] for one in rows} == {one.agent: one.weight for one in learned.agents}
        charts = tab.run("[...document.querySelectorAll('figure.chart')].map(e => e.id)")
        assert charts[:2] == ["weights", "evidence"]


def test_what_the_page_does_not_select_by_is_said_or_refused(served: tuple[Database, Served]) -> None:
    plain = httpx.get(f"{served[1].address}/learning?version=adopted").text
    for words, said in (("symbol=A/B", "Symbol selects"), ("since=2025-05-02&suspect=yes", "Since, suspect select")):
        answer = httpx.get(f"{served[1].address}/learning?version=adopted&{words}")
        assert answer.status_code == 200
        assert f"{said} nothing here." in answer.text
        assert "nothing here" not in plain
        assert httpx.get(f"{served[1].address}/learning?version=adopted&{words}&format=json").json() == httpx.get(
            f"{served[1].address}/learning?version=adopted&format=json"
        ).json()
    refused = httpx.get(f"{served[1].address}/learning?side=long", headers={"Accept": "text/html"})
    assert refused.status_code == 400
    away = httpx.get(f"{served[1].address}/learning?version=none")
    assert away.status_code == 200
    assert "Nothing was learned of this version" in away.text


def test_a_change_of_what_is_learned_changes_the_page(served: tuple[Database, Served]) -> None:
    db, dashboard = served
    address = f"{dashboard.address}/learning?version=early"
    before = httpx.get(address).headers["etag"]
    assert httpx.get(address, headers={"If-None-Match": before}).status_code == 304
    with db.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO scorekeeper.stale_learning VALUES ('early', timestamptz '2025-05-01 03:00Z')"
        )
    assert wait_until(lambda: httpx.get(address).headers["etag"] != before, 10)
    assert "Something before 2025-05-02T00:00:00Z has changed" in httpx.get(address).text
