"""What Prometheus collects: every metric there is, true to what happened, harmless, cheap, and for whom."""

import asyncio
import json
import os
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from cli.dashboard_server import make_access, open_all_scores
from dashboard.app import Dashboard, make_pages
from dashboard.metrics.families import COUNTS, METRICS, PREFIX, Look, Runs, make_families
from dashboard.security import Access
from scorekeeper.inbox.ingest import ingest_files
from scorekeeper.inbox.places.choose import count_waiting
from scorekeeper.market import exchange_client
from scorekeeper.operations import alerts
from scorekeeper.operations.sample import write_sample
from scorekeeper.publish.publish import publish
from scorekeeper.settings import Settings, load_settings
from scorekeeper.store import embedded
from scorekeeper.store.database import Database, open_database
from tests.conftest import fresh_database
from tests.dashboard.lived import track
from tests.dashboard.serving import TOKEN, Served, serve, serve_app
from tests.loopback import make_klines, open_exchange
from tests.systems import decisions, put_in, write_system
from tests.waiting import wait_until

SCRAPER = "a-token-for-metrics-of-more-than-thirty-two-characters"
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "operations" / "observability.md"
Values = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def scrape(served: Served, **headers: str) -> tuple[httpx.Response, Values]:
    """The answer, and what Prometheus' own reader makes of it."""
    answer = httpx.get(f"{served.address}/metrics", headers=headers, timeout=30)
    found: Values = {}
    for family in text_string_to_metric_families(answer.text) if answer.status_code == 200 else ():
        for sample in family.samples:
            key = (sample.name.removeprefix(PREFIX), tuple(sorted(sample.labels.items())))
            assert key not in found, "a series comes twice"
            found[key] = sample.value
    return answer, found


def value(found: Values, name: str, **labels: str) -> float:
    return found[name, tuple(sorted(labels.items()))]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    return load_settings()


@contextmanager
def looked_at(db: Database, settings: Settings) -> Iterator[Served]:
    """A dashboard that also counts the inbox, and looks at each scrape."""
    access = Access(TOKEN, peers=False, scraper=SCRAPER)
    pages = make_pages(db.engine, access, inbox=lambda: count_waiting(settings, often=True))
    with serve_app(Dashboard(pages, access)) as served:
        yield served


def take_in(db: Database, settings: Settings, count: int = 1) -> None:
    ingest_files(db, settings, received_at=datetime.now(UTC) + timedelta(seconds=10 * count))


def test_what_happened_is_counted_once_and_shown_as_it_is(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("dashboard.metrics.scrape.LOOK_SECONDS", 0.0)
    settings = load_settings(market=f"replay:{tmp_path / 'market'}")
    auth = {"Authorization": f"Bearer {SCRAPER}"}
    with looked_at(db, settings) as served:
        _, empty = scrape(served, **auth)
        assert value(empty, "database_up") == 1
        for name, (_, parts) in COUNTS.items():
            label = METRICS[name].labels[0]
            assert {value(empty, f"{name}_total", **{label: part}) for part in parts} == {0}
        assert not any(name.startswith(("last_track", "win_rate", "price_age")) for name, _ in empty)  # undefined

        as_of = write_sample(settings.inbox_dir, tmp_path / "market")
        old = time.time() - 100
        os.utime(settings.inbox_dir / "decisions-1.jsonl", (old, old))
        lines = (settings.inbox_dir / "decisions-1.jsonl").read_text().splitlines()
        refused = json.dumps({"symbol": "BTC/USDT", "type": "BUY", "price": -1})
        (settings.inbox_dir / "some-refused.jsonl").write_text(f"{lines[0]}\n{refused}\n")
        _, before = scrape(served, **auth)
        assert value(before, "inbox_files") == 23
        take_in(db, settings)
        (settings.inbox_dir / "again.jsonl").write_text("\n".join(lines) + "\n")
        take_in(db, settings, 2)
        half, whole = as_of - timedelta(days=3), as_of
        for minute in (half, half, whole):
            track(db, settings, minute, whole)
            for _ in range(2):  # a repeat counts nothing
                publish(db, log_path=settings.log_path, dataset_path=settings.dataset_path)
        answer, found = scrape(served, **auth)
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    with db.begin() as connection:

        def count(words: str) -> Counter[str]:
            return Counter(dict(connection.execute(text(words)).tuples().all()))

        arrivals = count("SELECT outcome, count(*) FROM scorekeeper.file_arrival GROUP BY 1")
        closes = count("SELECT exit_reason, count(*) FROM scorekeeper.trade WHERE exit_time IS NOT NULL GROUP BY 1")
        events = count("SELECT kind, count(*) FROM scorekeeper.event GROUP BY 1")
        decisions = connection.execute(text("SELECT count(*) FROM scorekeeper.decision")).scalar_one()
        open_trades = connection.execute(text("SELECT count(*) FROM scorekeeper.trade WHERE exit_time IS NULL"))
        assert value(found, "open_trades") == open_trades.scalar_one()
        sealed = connection.execute(text("SELECT symbol, sealed_until FROM scorekeeper.candle_coverage")).tuples().all()
    assert len(closes) > 2
    for name, label, counted in (("arrivals", "outcome", arrivals), ("closes", "reason", closes)):
        shown = {part: value(found, f"{name}_total", **{label: part}) for part in COUNTS[name][1]}
        assert shown == {part: counted[part] for part in COUNTS[name][1]}
    assert {kind: value(found, "events_total", kind=kind) for kind in events} == events
    assert (arrivals["quarantined"], arrivals.total()) == (1, 24)
    assert value(found, "entries_total", outcome="accepted") == decisions
    assert value(found, "entries_total", outcome="refused") == 1
    assert value(found, "entries_total", outcome="duplicate") == 1 + len(lines)
    assert value(found, "arrival_seconds_count") == 24
    assert value(found, "arrival_seconds_bucket", le="300") - value(found, "arrival_seconds_bucket", le="60") == 1
    assert 100 < value(found, "arrival_seconds_sum") < 100 + 24 * 60
    assert value(found, "published_lines_total", file="log") == events.total()
    assert value(found, "last_track_timestamp_seconds") == whole.timestamp()
    assert {value(found, "sealed_until_timestamp_seconds", symbol=symbol) for symbol, _ in sealed} == {
        until.timestamp() for _, until in sealed
    }
    assert value(found, "inbox_files") == 0
    assert value(found, "price_patience_seconds") == 900
    assert value(found, "completed_trades") == closes.total()


def test_requests_of_an_exchange_are_counted_by_what_came_of_them(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(exchange_client, "LONGEST_WAIT_SECONDS", 0.05)
    monkeypatch.setattr("dashboard.metrics.scrape.LOOK_SECONDS", 0.0)
    start = datetime(2025, 5, 1, 12, tzinfo=UTC)
    hostile = 'X"},\n\\scorekeeper_database_up 0 # \u202e/USDT'
    with open_exchange(start + timedelta(hours=2), {"BTCUSDT": make_klines(start, 600)}) as exchange:
        settings = load_settings(market="ccxt:binance", exchange_options=exchange.options)
        settings.inbox_dir.mkdir()
        at = (start + timedelta(minutes=5)).isoformat()
        decision = {"symbol": "BTC/USDT", "type": "BUY", "price": 100.0, "timestamp": at}
        (settings.inbox_dir / "one.json").write_text(json.dumps(decision))
        take_in(db, settings)
        exchange.fail_next = [429]
        with looked_at(db, settings) as served:
            track(db, settings, start + timedelta(minutes=30), exchange.clock)
            _, found = scrape(served, Authorization=f"Bearer {SCRAPER}")
            assert value(found, "exchange_requests_total", result="answered") > 2
            exchange.broken.add("BTCUSDT")
            track(db, settings, start + timedelta(minutes=35), exchange.clock)
            exchange.html = True
            with pytest.raises(Exception, match="JSON"):  # no clock: the whole track fails, and is counted
                track(db, settings, start + timedelta(minutes=40), exchange.clock)
            with db.begin() as connection:
                connection.execute(
                    text("INSERT INTO scorekeeper.price_trouble VALUES (:symbol, 'failed', 'says', now())"),
                    {"symbol": hostile},
                )
            answer, after = scrape(served, Authorization=f"Bearer {SCRAPER}")
    shown = {part: value(after, "exchange_requests_total", result=part) for part in COUNTS["exchange_requests"][1]}
    assert {kind for kind, times in shown.items() if times} == {"answered", "rate_limit", "unavailable", "bad_response"}
    attempts = exchange_client.ATTEMPTS
    assert (shown["rate_limit"], shown["unavailable"], shown["bad_response"]) == (1, attempts, attempts)
    listed = {exchange_client.ANSWERED, *exchange_client.KINDS.values(), exchange_client.REFUSED}
    assert set(COUNTS["exchange_requests"][1]) == listed
    assert value(after, "database_up") == 1  # the hostile name has added no line
    shown_as = hostile.replace("\n", "\\n").replace("\u202e", "\\u202e")
    assert {dict(labels)["symbol"] for name, labels in after if name == "price_trouble"} == {"BTC/USDT", shown_as}
    assert len(answer.text.splitlines()) == len(answer.text.split("\n")) - 1


def test_metrics_open_by_their_own_token_and_it_opens_nothing_else(db: Database, settings: Settings) -> None:
    with looked_at(db, settings) as served:
        given = {"Authorization": f"Bearer {SCRAPER}"}
        assert scrape(served)[0].status_code == 401
        assert scrape(served, Authorization=f"Bearer {SCRAPER}x")[0].status_code == 401
        assert scrape(served, **given)[0].status_code == 200
        assert scrape(served, Authorization=f"Bearer {TOKEN}")[0].status_code == 200
        assert scrape(served, Host="evil.example", **given)[0].status_code == 400
        for path in ("/", "/trades?format=json", "/metrics/", "/metricsx", "/a/b/metrics", "/events", "/health"):
            assert httpx.get(served.address + path, headers=given, timeout=30).status_code == 401, path
        openmetrics = scrape(served, Accept="application/openmetrics-text; version=1.0.0", **given)[0]
        assert openmetrics.headers["content-type"].startswith("application/openmetrics-text")
        assert openmetrics.text.endswith("# EOF\n")


def test_a_database_that_is_away_is_told_and_the_answer_comes_back(
    cluster: embedded.Lease, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.metrics.scrape.LOOK_SECONDS", 0.0)
    with fresh_database(cluster) as url, open_database(url, tmp_path) as db, serve(db) as served:
        assert value(scrape(served)[1], "database_up") == 1
        with db.begin() as connection:
            connection.execute(text("ALTER SCHEMA scorekeeper RENAME TO away"))
        down = scrape(served)[1]
        assert value(down, "database_up") == 0
        assert {name for name, _ in down} == {"database_up", "build_info", "scrape_seconds"}
        with db.begin() as connection:
            connection.execute(text("ALTER SCHEMA away RENAME TO scorekeeper"))
        assert value(scrape(served)[1], "database_up") == 1


def test_a_server_of_prefects_that_hangs_makes_the_database_no_less_there(
    db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.metrics.scrape.LOOK_SECONDS", 0.0)
    monkeypatch.setattr("dashboard.metrics.scrape.BESIDE_SECONDS", 0.2)
    answers = threading.Event()

    def ask() -> Runs:
        answers.wait(60)
        return Runs(True, 2, {("track", "Failed"): 3})

    with serve_app(Dashboard(make_pages(db.engine, Access(TOKEN), runs=ask), Access(TOKEN))) as served:
        seen = scrape(served)[1]
        assert value(seen, "database_up") == 1
        assert not any(name == "prefect_up" for name, _ in seen)
        answers.set()
        assert wait_until(lambda: ("prefect_up", ()) in scrape(served)[1], 30)
        assert value(scrape(served)[1], "flow_runs", flow="track", state="Failed") == 3


def test_several_systems_share_each_metric_and_differ_by_a_label(db: Database, settings: Settings) -> None:
    look = asyncio.run(make_pages(db.engine, Access(TOKEN)).state.monitor.look())[0][""]
    alone = list(make_families({"": look}))
    both = list(make_families({"alpha": look, "beta": Look("1", None, 6.0)}))
    assert [family.name for family in both] == [family.name for family in alone]
    assert not any("system" in sample.labels for family in alone for sample in family.samples)
    up = {sample.labels["system"]: sample.value for sample in both[1].samples}
    assert (both[1].name, up) == (f"{PREFIX}database_up", {"alpha": 1, "beta": 0})
    for family, single in zip(both, alone, strict=True):
        counts = Counter(sample.labels["system"] for sample in family.samples)
        assert counts["alpha"] == len(single.samples)


def test_each_system_of_an_installation_has_its_own_counts(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text_of in (("SYSTEMS_DIR", "systems"), ("DATABASE_URL", database_url), ("METRICS_TOKEN", SCRAPER)):
        monkeypatch.setenv(name, text_of)
    for name in ("alpha", "beta", "gamma"):
        write_system(tmp_path / "systems" / name)
    write_system(tmp_path / "systems" / "wrong", "FEE_BPS=x\n")
    for name, many in (("alpha", 5), ("beta", 2)):
        put_in(tmp_path / "systems" / name / "inbox", decisions(many, seed=1))
        one = load_settings(system=name)
        with open_database(one.database_url, one.scorekeeper_home, system=name) as db:
            take_in(db, one)
    put_in(tmp_path / "systems" / "beta" / "inbox", decisions(3, seed=2))
    settings = load_settings()
    with open_all_scores(settings) as make, serve_app(make(make_access(settings, "127.0.0.1", 4210))) as served:
        given = {"Authorization": f"Bearer {SCRAPER}", "X-Forwarded-For": "192.0.2.7"}  # not as this system user
        answer, found = scrape(served, **given)
        assert answer.status_code == 200
        up = {dict(labels)["system"]: shown for (name, labels), shown in found.items() if name == "database_up"}
        assert up == {"alpha": 1, "beta": 1, "gamma": 0, "wrong": 0}  # the last two: never migrated, and not read
        assert value(found, "entries_total", outcome="accepted", system="alpha") == 5
        assert value(found, "entries_total", outcome="accepted", system="beta") == 2
        assert value(found, "inbox_files", system="beta") == 1
        own = httpx.get(f"{served.address}/alpha/metrics", headers=given, timeout=30)
        assert 'scorekeeper_entries_total{outcome="accepted",system="alpha"} 5.0' in own.text
        assert "beta" not in own.text
        assert httpx.get(f"{served.address}/alpha/trades", headers=given, timeout=30).status_code == 401


def test_the_document_names_the_metrics_that_there_are() -> None:
    named = re.findall(rf"^\| `{PREFIX}(\w+)`", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    shown = [f"{name}_total" if said.kind == "counter" else name for name, said in METRICS.items()]
    assert sorted(named) == sorted(shown)
    assert len(set(alerts.NAMES)) == 6
