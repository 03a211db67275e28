"""What lies in deploy/observability: each query runs on a real Postgres or a real Prometheus, and finds something."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from sqlalchemy import text

from dashboard.app import Dashboard, make_pages
from dashboard.metrics.families import METRICS, PREFIX, Runs
from dashboard.security import Access
from scorekeeper.inbox.ingest import Period, ingest_files
from scorekeeper.learning.run import learn
from scorekeeper.operations.sample import write_sample
from scorekeeper.publish.publish import publish
from scorekeeper.settings import load_settings
from scorekeeper.store import embedded
from scorekeeper.store.database import Database, open_database
from tests.conftest import fresh_database
from tests.dashboard.lived import track
from tests.dashboard.serving import TOKEN, Served, serve_app
from tests.servers import free_port, miss
from tests.waiting import wait_until

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "observability"
RULES = FOLDER / "alerts.yml"
SCRAPER = "a-token-for-metrics-of-more-than-thirty-two-characters"
SUFFIXES = r"(?:_total|_bucket|_sum|_count)?"
NAME = re.compile(rf"\b{PREFIX}\w+")


@dataclass
class World:
    """A database that was lived through, and its dashboard."""

    db: Database
    served: Served
    as_of: datetime


@pytest.fixture(scope="module")
def world(cluster: embedded.Lease, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("observed")
    with pytest.MonkeyPatch.context() as patch, fresh_database(cluster) as url, open_database(url, home) as db:
        patch.chdir(home)
        patch.setattr("dashboard.metrics.scrape.LOOK_SECONDS", 0.0)
        settings = load_settings(market=f"replay:{home / 'market'}")
        as_of = write_sample(settings.inbox_dir, home / "market")
        (settings.inbox_dir / "refused.json").write_text("{}")
        at_once = Period(as_of - timedelta(days=400), as_of)  # received when made: what is late is not learned
        ingest_files(db, settings, received_at=datetime.now(UTC) + timedelta(seconds=10), replay=at_once)
        for minute in (as_of - timedelta(minutes=100), as_of - timedelta(minutes=40)):
            track(db, settings, minute, as_of)
            publish(db, log_path=settings.log_path, dataset_path=settings.dataset_path)
        learn(db, as_of)
        with db.begin() as connection:
            connection.execute(text("INSERT INTO scorekeeper.price_trouble VALUES ('A/B', 'failed', 'says', now())"))
            connection.execute(text("INSERT INTO scorekeeper.alert VALUES ('scorekeeper.price-stale', 'A/B', now())"))
        access, runs = Access(TOKEN, peers=False, scraper=SCRAPER), Runs(True, 1, {("track", "Completed"): 60})
        pages = make_pages(db.engine, access, inbox=lambda: 0, runs=lambda: runs)
        with serve_app(Dashboard(pages, access)) as served:
            yield World(db, served, as_of)


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((FOLDER / "grafana-dashboard.json").read_text(encoding="utf-8"))["panels"]
    return found


def queries(kind: str) -> list[tuple[str, str]]:
    """The title of its panel and the text of each query of the dashboard to a datasource."""
    return [
        (panel["title"], target["expr"] if kind == "prometheus" else target["rawSql"])
        for panel in panels()
        for target in panel.get("targets", ())
        if target["datasource"]["type"] == kind
    ]


def rules() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"][0]["rules"]
    return found


def test_the_dashboards_panels_have_an_id_a_place_and_a_datasource_of_their_own() -> None:
    whole = json.loads((FOLDER / "grafana-dashboard.json").read_text(encoding="utf-8"))
    assert len({panel["id"] for panel in panels()}) == len(panels()) > 20
    cells = [
        (x, y)
        for panel in panels()
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert {x for x, _ in cells} == set(range(24))
    names = {variable["name"] for variable in whole["templating"]["list"]}
    for panel in panels():
        for target in panel.get("targets", ()):
            assert target["datasource"] == panel["datasource"]
            assert target["datasource"]["uid"].strip("${}") in names
    for _, words in (*queries("prometheus"), *queries("grafana-postgresql-datasource")):
        assert set(re.findall(r"\$(?!__)\{?(\w+)", words)) <= names


def test_every_query_of_the_dashboard_finds_rows_in_the_views_of_a_reader(world: World) -> None:
    found = queries("grafana-postgresql-datasource")
    assert len(found) > 6
    since, until = "'2000-01-01'::timestamptz", "'2100-01-01'::timestamptz"
    for title, words in found:
        assert set(re.findall(r"\b(?:FROM|JOIN) (?!\$\{schema\}\.report_)\S+", words)) == set(), title
        plain = re.sub(r"\$__timeFilter\(((?:[^()]|\([^()]*\))*)\)", rf"\1 BETWEEN {since} AND {until}", words)
        plain = plain.replace("${schema}", "scorekeeper")
        assert "$" not in plain, title
        with world.db.begin() as connection:
            rows = connection.execute(text(plain.replace(":", r"\:").replace(r"\:\:", "::"))).all()
        assert rows, title
        if " AS metric" in words:
            assert all(row.time is not None and row.metric for row in rows)


def test_every_metric_that_a_query_or_a_rule_names_is_there(world: World) -> None:
    given = {"Authorization": f"Bearer {SCRAPER}"}
    shown = set(NAME.findall(httpx.get(f"{world.served.address}/metrics", headers=given, timeout=30).text))
    asked = [words for _, words in queries("prometheus")] + [rule["expr"] for rule in rules()]
    named = {name for words in asked for name in NAME.findall(words)}
    assert named <= shown
    assert {re.sub(rf"^{PREFIX}|{SUFFIXES}$", "", name) for name in named} <= METRICS.keys()
    alerts = {f'alert="{name}"' for words in asked for name in re.findall(r'alert="([\w-]+)"', words)}
    text_of_all = httpx.get(f"{world.served.address}/metrics", headers=given, timeout=30).text
    assert all(alert in text_of_all for alert in alerts)
    for rule in rules():
        assert rule["annotations"].keys() == {"summary", "do"}


@pytest.fixture(scope="module")
def prometheus(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Prometheus that collects the dashboard's metrics once a second, with our rules; its address."""
    program = shutil.which("prometheus") or miss("there is no prometheus: apt-get install -y prometheus")
    folder = tmp_path_factory.mktemp("prometheus")
    ours = yaml.safe_load((FOLDER / "prometheus.yml").read_text(encoding="utf-8"))
    ours["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    (scraped,) = ours["scrape_configs"]
    scraped["static_configs"] = [{"targets": [world.served.address.removeprefix("http://")]}]
    (folder / scraped["authorization"]["credentials_file"]).write_text(SCRAPER)
    shutil.copy(RULES, folder / "alerts.yml")
    (folder / "prometheus.yml").write_text(yaml.safe_dump(ours))
    address = f"127.0.0.1:{free_port()}"
    server = subprocess.Popen(
        [program, "--config.file=prometheus.yml", "--storage.tsdb.path=data", f"--web.listen-address={address}"],
        cwd=folder, stdout=subprocess.DEVNULL, stderr=(folder / "log").open("wb"),
    )  # fmt: skip
    try:
        yield f"http://{address}"
    finally:
        server.terminate()
        server.wait(30)


def ask(prometheus: str, expression: str) -> list[Any]:
    answer = httpx.get(f"{prometheus}/api/v1/query", params={"query": expression}, timeout=30).json()
    assert answer["status"] == "success", (expression, answer)
    found: list[Any] = answer["data"]["result"]
    return found


def has_result(prometheus: str, expression: str) -> bool:
    return bool(ask(prometheus, expression))


def has_scraped(prometheus: str) -> bool:
    try:
        return bool(ask(prometheus, "count_over_time(scorekeeper_database_up[2m]) >= 4"))
    except (httpx.HTTPError, ValueError):  # it is starting
        return False


def test_a_real_prometheus_collects_and_answers_every_query_and_rule(prometheus: str) -> None:
    assert wait_until(lambda: has_scraped(prometheus), 60)
    assert ask(prometheus, "scorekeeper_database_up")[0]["value"][1] == "1"
    for title, words in queries("prometheus"):
        # Runs and workers have no system: they are shown whichever one is chosen.
        of_runs = any(name in words for name in ("prefect_up", "workers_online", "flow_runs"))
        assert of_runs is ("$system" not in words), title
        plain = words.replace("$__rate_interval", "2m").replace("$system", ".*")
        # A scrape that took too long on a busy machine leaves nothing to show until the next one.
        assert wait_until(partial(has_result, prometheus, plain), 30), title
    loaded = httpx.get(f"{prometheus}/api/v1/rules", timeout=30).json()["data"]["groups"][0]["rules"]
    assert {rule["name"] for rule in loaded} == {rule["alert"] for rule in rules()}
    assert {rule["health"] for rule in loaded} <= {"ok", "unknown"}
    late = next(rule for rule in loaded if rule["name"] == "ScorekeeperTrackLate")
    assert wait_until(lambda: late["state"] == "pending" or bool(ask(prometheus, "ALERTS")), 30)


def test_each_rule_fires_when_it_should_and_not_before() -> None:
    program = shutil.which("promtool") or miss("there is no promtool: apt-get install -y prometheus")
    checked = subprocess.run([program, "check", "rules", str(RULES)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    cases = Path(__file__).with_name("alert_rules.yml")
    tried = subprocess.run([program, "test", "rules", str(cases)], capture_output=True, text=True, check=False)
    assert tried.returncode == 0, tried.stdout + tried.stderr
