"""Every page, reached by following links: each is there, and says what it cannot read."""

import csv
import io
import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urldefrag, urljoin, urlsplit

import httpx
import pytest

from dashboard.app import find_pages
from scorekeeper.store import embedded
from scorekeeper.store.database import open_database
from tests.conftest import fresh_database
from tests.dashboard.hostile_world import PREFECT, World, open_world
from tests.dashboard.serving import serve

SINK = "http://127.0.0.1:9"  # nobody listens there, and nobody is to ask
LISTS = ("trades", "decisions", "open", "breakdown", "agents", "versions", "calendar", "learning")
EACH = 12  # addresses of each page that are followed


class Links(HTMLParser):
    """What a page leads to, what it loads, and the names that lie twice in it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.forms: list[str] = []
        self.loads: list[str] = []
        self.ids: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("href", "src", "action", "xlink:href"):
                {"a": self.links, "form": self.forms}.get(tag, self.loads).append(value or "")


@pytest.fixture(scope="module")
def world(cluster: embedded.Lease, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with open_world(cluster, tmp_path_factory.mktemp("pages"), SINK) as found:
        yield found


def test_every_link_of_every_page_leads_to_a_page(world: World) -> None:
    address, waiting = world.served.address, [world.served.address + "/"]
    seen: dict[str, int] = {}
    with httpx.Client(headers={"Accept": "text/html"}, timeout=60) as browser:
        while waiting:
            here = waiting.pop()
            path = urlsplit(here).path
            if here in seen or sum(urlsplit(one).path == path for one in seen) >= EACH:
                continue
            answer = browser.get(here)
            seen[here] = answer.status_code
            assert answer.status_code == 200, (here, answer.text[-2_000:])
            if path == "/report":
                continue
            if "text/html" not in answer.headers["content-type"]:
                continue
            found = Links(answer.text)
            assert len(found.ids) == len(set(found.ids)), (here, sorted(found.ids))
            for link in found.links:
                target = urldefrag(urljoin(here, link)).url
                assert target.startswith((f"{address}/", f"{PREFECT}/")), (here, link)
                if target.startswith(f"{address}/"):
                    waiting.insert(0, target)
            assert {urlsplit(urljoin(here, form)).path for form in found.forms} <= {path}
            for load in found.loads:
                assert urljoin(here, load).startswith(f"{address}/static/"), (here, load)
                assert urlsplit(urljoin(here, load)).path != urlsplit(here).path
    reached = {urlsplit(one).path for one in seen}
    assert reached >= {route.path for route in find_pages()}
    assert len(seen) > 60


@pytest.mark.parametrize("page", LISTS)
def test_every_list_is_there_as_csv_and_json_with_the_same_rows(world: World, page: str) -> None:
    query = "?by=side&" if page == "breakdown" else "?"
    as_json = httpx.get(f"{world.served.address}/{page}{query}format=json", timeout=60)
    as_csv = httpx.get(f"{world.served.address}/{page}{query}format=csv", timeout=60)
    assert as_json.status_code == as_csv.status_code == 200, as_json.text[:500]
    assert as_json.headers["content-type"].startswith("application/json")
    assert as_csv.headers["content-type"].startswith("text/csv")
    rows, lines = as_json.json(), list(csv.DictReader(io.StringIO(as_csv.text)))
    assert len(rows) == len(lines) > 0
    assert set(rows[0]) == set(lines[0])
    for line in lines:
        for cell in line.values():
            assert cell[:1] not in ("=", "@", "\t", "\r"), cell
            assert cell[:1] not in ("+", "-") or cell[1:].replace(".", "").replace("e-", "").isdigit(), cell


def test_a_page_is_made_once_a_change_and_a_browser_that_has_it_gets_304(world: World) -> None:
    address = world.served.address + "/trades?fees=net"
    first = httpx.get(address, timeout=30)
    again = httpx.get(address, headers={"If-None-Match": first.headers["etag"]}, timeout=30)
    assert (again.status_code, again.content) == (304, b"")
    other = httpx.get(address + "&tz=local", headers={"If-None-Match": first.headers["etag"]}, timeout=30)
    assert other.status_code == 200
    assert first.headers["cache-control"] == "private, no-cache"


def test_a_list_in_a_cell_of_csv_is_json(world: World) -> None:
    answer = httpx.get(world.served.address + "/agents?format=csv", timeout=30)
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    intervals = [json.loads(row["accuracy_ci95"]) for row in rows if row["accuracy_ci95"]]
    assert intervals
    assert all(low <= high for low, high in intervals)


def test_health_says_that_it_knows_the_present_alone(world: World) -> None:
    for page, words in (("health", "knows the present alone"), ("trades", "This is what was known then")):
        assert words in httpx.get(f"{world.served.address}/{page}?as_of=2025-05-01", timeout=30).text


@pytest.mark.parametrize(("page", "lacks"), [("trade", "id"), ("agent", "name")])
def test_a_page_of_one_thing_says_what_its_address_lacks(world: World, page: str, lacks: str) -> None:
    answer = httpx.get(f"{world.served.address}/{page}", timeout=30)
    assert (answer.status_code, f"The address lacks {lacks}" in answer.text) == (400, True)


UNREADABLE = ("since=yesterday", "fees=some", "side=up", "confidence=7", "nonsense=1", "symbol=A&symbol=B")


@pytest.mark.parametrize("query", UNREADABLE)
def test_a_filter_that_cannot_be_read_is_named_and_never_ignored(world: World, query: str) -> None:
    name = query.partition("=")[0]
    for page in ("", "trades", "decisions", "agents", "calendar", "versions"):
        answer = httpx.get(f"{world.served.address}/{page}?{query}", timeout=30)
        assert answer.status_code == 400, page
        assert f"The filter {name} cannot be read" in answer.text
    answer = httpx.get(f"{world.served.address}/trades?{query}&format=json", timeout=30)
    assert (answer.status_code, name in answer.json()["error"]) == (400, True)


def test_what_is_not_there_is_said_with_the_way_back(world: World) -> None:
    for path in ("/none", "/trade?id=none", "/deep/er", "/trades/"):
        answer = httpx.get(world.served.address + path, timeout=30)
        assert answer.status_code == 404, path
        links = [urljoin(world.served.address + path, link) for link in Links(answer.text).links]
        assert f"{world.served.address}/" in links, links


def test_an_empty_database_teaches_what_to_do_next_on_every_page(cluster: embedded.Lease, tmp_path: Path) -> None:
    with fresh_database(cluster) as url, open_database(url, tmp_path) as db, serve(db) as served:
        for route in find_pages():
            answer = httpx.get(served.address + route.path, headers={"Accept": "text/html"}, timeout=30)
            wanted = 400 if route.path in ("/trade", "/agent") else 404 if route.path == "/report" else 200
            assert (route.path, answer.status_code) == (route.path, wanted), answer.text[-1500:]
        first = httpx.get(served.address, timeout=30).text
        assert "No decision has come in yet" in first
        assert "scorekeeper up --demo" in first
        assert "no track has run yet" in first
