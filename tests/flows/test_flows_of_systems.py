"""Several trading systems on one installation: each is scored as if it were alone, and none holds up another."""

import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import psutil
import pytest
from prefect.client.orchestration import get_client

from flows.close_trade import close_trade
from flows.ingest import ingest
from flows.track import track
from flows.verify_score import verify
from scorekeeper.errors import ScorekeeperError
from scorekeeper.settings import load_settings, settings_of_all
from scorekeeper.store.database import open_database
from scorekeeper.verify.run import compare
from tests.flows.test_flows import artifacts
from tests.loopback import Exchange, make_klines, open_exchange
from tests.systems import START, SYMBOLS, decisions, put_in, write_system

SUMS = (
    "SELECT count(*), count(t.exit_time), sum(t.pnl_pct), sum(d.horizon_return_pct), min(d.reason), max(d.reason) "
    "FROM scorekeeper.decision AS d LEFT JOIN scorekeeper.trade AS t USING (trade_id)"
)


@pytest.fixture
def exchange(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Exchange]:
    klines = {symbol.replace("/", ""): make_klines(START - timedelta(minutes=10), 300) for symbol in SYMBOLS}
    with open_exchange(START + timedelta(hours=3), klines) as found:
        monkeypatch.setenv("MARKET", "ccxt:binance")
        monkeypatch.setenv("EXCHANGE_OPTIONS", json.dumps(found.options))
        monkeypatch.setenv("SYSTEMS_DIR", str(home / "systems"))
        yield found


def run(flow_run: Any) -> Any:
    return asyncio.run(flow_run)


def sums(system: str) -> tuple[Any, ...]:
    settings = load_settings(system=system)
    with open_database(settings.database_url, settings.scorekeeper_home, system=system) as db, db.begin() as connection:
        return tuple(connection.exec_driver_sql(SUMS).one())


def test_each_system_is_scored_as_if_it_were_alone(
    home: Path, exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed, name in enumerate(("alpha", "beta_2", "gamma")):
        write_system(home / "systems" / name, "FEE_BPS=25\n" if name == "gamma" else "# the common settings\n")
        put_in(home / "systems" / name / "inbox", decisions(12, seed=seed))
    write_system(home / "systems" / "wrong", "FEE_BPS=x\n")
    write_system(home / "systems" / "Not A Name")
    write_system(home / "systems" / "twin", "INBOX_DIR=../alpha/inbox\n")
    failed = r"3 of 6 systems failed: Not A Name .*; twin \(INBOX_DIR is that of alpha too.*; wrong \(FEE_BPS: "
    with pytest.raises(ScorekeeperError, match=failed):
        run(ingest())
    for minutes in (5, 60):
        with pytest.raises(ScorekeeperError, match="3 of 6 systems failed"):
            run(track(START + timedelta(minutes=minutes)))
    asked = exchange.requests["/klines"]
    with pytest.raises(ScorekeeperError, match="3 of 6 systems failed"):
        run(track(START + timedelta(minutes=61)))
    assert exchange.requests["/klines"] == asked, "nothing waits for prices any more"
    rows = {row["system"]: row for row in json.loads(unescape(artifacts("systems")[0]))}
    assert (set(rows), rows["gamma"]["open"]) == ({"alpha", "beta_2", "gamma", "twin", "wrong", "Not A Name"}, "0")
    assert "FEE_BPS" in rows["wrong"]["trouble"]
    found, troubles = settings_of_all(load_settings())
    assert ([one.system for one in found], len(troubles)) == (["alpha", "beta_2", "gamma"], 3)
    several = {one.system: sums(one.system) for one in found}
    for seed, one in enumerate(found):
        with open_database(one.database_url, one.scorekeeper_home, system=one.system) as db:
            assert compare(db, one).differences == []
            assert one.log_path == home / "systems" / one.system / "logs" / "performance_summary.logl"
            text = one.dataset_path.read_text()
            assert f"of system {seed}" in text
            assert all(f"of system {other}" not in text for other in range(3) if other != seed)
            with db.begin() as connection:
                fees = set(connection.exec_driver_sql("SELECT fee_bps FROM scorekeeper.trade").scalars())
            assert fees == ({25.0} if one.system == "gamma" else {10.0})
    # The same decisions alone, without SYSTEMS_DIR, in the schema of the default system.
    monkeypatch.delenv("SYSTEMS_DIR")
    put_in(home / "inbox", decisions(12, seed=1))
    run(ingest())
    run(track(START + timedelta(minutes=61)))
    assert sums("") == several["beta_2"]


def test_a_flow_works_on_one_system_and_asks_which_one(home: Path, exchange: Exchange) -> None:
    for name in ("alpha", "beta"):
        write_system(home / "systems" / name)
        put_in(home / "systems" / name / "inbox", decisions(3, seed=1))
    assert run(ingest(system="alpha"))["decisions"] == 3
    assert run(track(START + timedelta(minutes=5), system="alpha"))["open"] == 2
    assert len(list((home / "systems" / "beta" / "inbox").iterdir())) == 1
    assert len(json.loads(artifacts("alpha-open-trades")[0])) == 2
    with pytest.raises(ScorekeeperError, match=r"which system.* alpha, beta"):
        run(close_trade("x"))
    assert run(close_trade("x", system="alpha")) == "unknown"
    with pytest.raises(ScorekeeperError, match=r"no folder 'delta'.* alpha, beta"):
        run(track(system="delta"))
    assert run(verify(system="alpha")) == 0


async def count_task_runs() -> int:
    async with get_client() as client:
        return len(await client.read_task_runs(limit=200))


@pytest.mark.long
def test_a_hundred_systems_live_on_one_database(
    home: Path, exchange: Exchange, capsys: pytest.CaptureFixture[str]
) -> None:
    """What it costs is printed: seconds, CPU of this process, requests to the exchange, memory."""
    me = psutil.Process()
    for seed in range(100):
        name = f"s{seed:02}"
        write_system(home / "systems" / name)
        put_in(home / "systems" / name / "inbox", decisions(20, seed=seed))
    assert sum(one["decisions"] for one in run(ingest())["systems"].values()) == 2_000
    tasks = asyncio.run(count_task_runs())
    for minutes in (20, 55, 56):
        before, asked, at = me.cpu_times(), sum(exchange.requests.values()), asyncio.run(_now())
        done = run(track(START + timedelta(minutes=minutes)))["systems"]
        after = me.cpu_times()
        with capsys.disabled():
            print(
                f"\n+{minutes}: {asyncio.run(_now()) - at:.1f} s, "
                f"CPU {after.user + after.system - before.user - before.system:.1f} s, "
                f"{sum(exchange.requests.values()) - asked} requests, {me.memory_info().rss >> 20} MB, "
                f"{sum(one['closed'] for one in done.values())} closed"
            )
    assert {one["open"] for one in done.values()} == {0}
    assert len(done) == 100
    assert asyncio.run(count_task_runs()) == tasks, "a system's steps are no task runs"
    asked = sum(exchange.requests.values())
    for one in settings_of_all(load_settings())[0]:
        with open_database(one.database_url, one.scorekeeper_home, system=one.system) as db:
            assert compare(db, one).differences == []
    assert sum(exchange.requests.values()) == asked
    assert (home / "systems" / "s99" / "datasets").is_dir()


async def _now() -> float:
    return asyncio.get_running_loop().time()
