"""A backtest says what a live run would have said, and leaves the installation as it is."""

import asyncio
import fcntl
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from scorekeeper.decisions.decision import DecisionContext
from scorekeeper.decisions.parse import parse_decision
from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox import ingest, store_decisions
from scorekeeper.inbox.ingest import Period
from scorekeeper.metrics import query, score_update, voiding
from scorekeeper.operations.backtest import BacktestResult, replay, run_backtest
from scorekeeper.operations.sample import START as SAMPLE_START
from scorekeeper.operations.sample import write_sample
from scorekeeper.publish import publish
from scorekeeper.settings import Settings, load_settings
from scorekeeper.store import embedded
from scorekeeper.store.database import Database
from scorekeeper.trades import close_requests, settle
from scorekeeper.trades.fetch import fetch_prices
from scorekeeper.verify.run import verify
from tests.levels import long
from tests.loopback import make_klines, open_exchange
from tests.universes import HOLD_MINUTES, START, Universe, make_universe, write_replay

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
TRADES = """
SELECT
    d.trade_id, d.opened_at, d.expires_at, d.reference_price, coalesce(d.price_suspect, false), d.horizon_price,
    d.horizon_return_pct, t.exit_time, t.exit_price, t.exit_reason, t.ambiguous_exit, t.price_age_seconds, t.pnl_pct,
    t.net_pnl_pct, t.mfe_pct, t.mae_pct, t.fee_bps, t.close_requested_at,
    (SELECT array_agg(s.* ORDER BY s.ordinal) FROM scorekeeper.agent_signal AS s WHERE s.trade_id = d.trade_id)
FROM scorekeeper.decision AS d LEFT JOIN scorekeeper.trade AS t ON d.trade_id = t.trade_id
ORDER BY d.trade_id
"""


@pytest.fixture
def settings(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("MARKET", "replay:market")
    for name in ("inbox", "market"):
        (tmp_path / name).mkdir()
    return load_settings()


def say_nothing(_level: int, _words: str) -> None:
    pass


def backtest(db: Database, settings: Settings, since: datetime, until: datetime, *paths: Path) -> BacktestResult:
    return replay(db, settings, Period(since, until), now=NOW, paths=paths or None, tell=say_nothing)


def track(db: Database, settings: Settings, as_of: datetime) -> None:
    asyncio.run(
        fetch_prices(
            db,
            settings,
            as_of,
            now=NOW,
            tell=say_nothing,
        )
    )
    db.transact(lambda c: settle.settle(c, as_of, suspect_price_pct=settings.suspect_price_pct))
    db.transact(lambda c: score_update.update_score(c, as_of))


def live_through(
    db: Database, settings: Settings, universe: Universe, period: Period, looks: Iterable[datetime]
) -> None:
    """Every decision of the period comes in at the first look after it was decided, every close when asked for."""
    context = DecisionContext(NOW, "v1", HOLD_MINUTES, ZoneInfo("UTC"), None)
    decisions = [parse_decision(document, context=context) for document in universe.decisions]
    waiting = sorted((d for d in decisions if period.since <= d.opened_at < period.until), key=lambda d: d.opened_at)
    closes = sorted(universe.closes, key=lambda close: close[1])
    for as_of in (*looks, period.until):
        arriving = [d for d in waiting if d.opened_at <= as_of]
        waiting = waiting[len(arriving) :]
        with db.begin() as connection:
            where: dict[str, Any] = {"source_name": "live", "source_sha256": None, "fee_bps": settings.fee_bps}
            store_decisions.record(connection, arriving, received_at=as_of, **where)
        while closes and closes[0][1] <= as_of:
            trade_id, at = closes.pop(0)
            with db.begin() as connection:
                close_requests.request_close(connection, trade_id, at)
        track(db, settings, as_of)


def trades(db: Database) -> list[tuple[Any, ...]]:
    with db.begin() as connection:
        return [tuple(row) for row in connection.execute(text(TRADES))]


def metrics(db: Database) -> dict[str, Any]:
    with db.begin() as connection:
        return query.system_metrics(connection)


def everything(db: Database) -> dict[str, str | None]:
    """A fingerprint of each table."""
    with db.begin() as connection:
        names = connection.execute(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'scorekeeper' ORDER BY tablename")
        ).scalars()
        return {
            name: connection.execute(
                text(f"SELECT md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM scorekeeper.{name} AS t")
            ).scalar()
            for name in names.all()
        }


def write_decisions(universe: Universe, path: Path) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in universe.decisions))
    return path


@pytest.mark.parametrize("seed", [200, 201, *long(*range(202, 216))])
def test_a_universe_lived_through_and_the_same_from_its_files(
    db: Database, other_db: Database, settings: Settings, tmp_path: Path, seed: int
) -> None:
    universe = make_universe(seed)
    universe.closes.clear()  # a file of decisions knows nothing of closes by hand
    period = Period(START, universe.end) if seed % 2 else Period(START + 61 * MINUTE, START + 240 * MINUTE)
    write_replay(universe, tmp_path / "market")
    looks = [look for look in universe.schedule if period.since < look < period.until]
    live_through(db, settings, universe, period, looks)
    found = backtest(other_db, settings, period.since, period.until, write_decisions(universe, tmp_path / "d.jsonl"))
    assert trades(other_db) == trades(db)
    assert found.metrics == metrics(db) | {"late_decisions": 0}
    assert found.taken.decisions + found.taken.outside == len(universe.decisions)
    assert verify(other_db, settings) == []
    # Written piece by piece beside other work, and all at once when that is done: the same.
    paths = {"log_path": found.log_path, "dataset_path": found.dataset_path}
    written = [path.read_bytes() for path in paths.values()]
    publish.rebuild(other_db, **paths)
    assert [path.read_bytes() for path in paths.values()] == written


@pytest.mark.parametrize("seed", [240, 241, *long(*range(242, 256))])
def test_a_universe_lived_through_and_the_same_from_what_the_installation_holds(
    db: Database, other_db: Database, settings: Settings, tmp_path: Path, seed: int
) -> None:
    universe = make_universe(seed)
    period = Period(START, universe.end)
    write_replay(universe, tmp_path / "market")
    live_through(db, settings, universe, period, universe.schedule)
    before = everything(db)
    found = backtest(other_db, settings, period.since, period.until)
    assert trades(other_db) == trades(db)
    assert found.metrics == metrics(db) | {"late_decisions": 0}
    assert found.taken.decisions == len(universe.decisions)
    assert everything(db) == before
    assert verify(other_db, settings) == []


def test_a_backtest_of_the_sample_scores_as_track_does_with_nothing_late(
    db: Database, settings: Settings, tmp_path: Path
) -> None:
    as_of = write_sample(tmp_path / "log", tmp_path / "market")
    later = datetime.now(UTC) + timedelta(seconds=10)
    ingest.ingest_files(db, settings, received_at=later, paths=sorted((tmp_path / "log").iterdir()))
    track(db, settings, as_of)
    live, before = metrics(db), everything(db)
    assert live["late_decisions"] == 420
    period = Period(SAMPLE_START, as_of)
    bytes_of = []
    server = embedded.acquire(settings.scorekeeper_home)  # held, so that it starts and stops once
    for paths in ([tmp_path / "log"], [tmp_path / "log"], None):
        found = run_backtest(settings, period, now=later, paths=paths, tell=say_nothing)
        assert found.metrics == live | {"late_decisions": 0}
        assert (found.taken.decisions, found.taken.outside, found.open_trades, found.unpriced) == (420, 0, 0, [])
        bytes_of.append((found.log_path.read_bytes(), found.dataset_path.read_bytes()))
    assert not embedded.Cluster(settings.scorekeeper_home, {}).has_database("backtest")
    server.release()
    assert bytes_of[0] == bytes_of[1]
    assert [len(lines.splitlines()) for lines in bytes_of[2]] == [len(lines.splitlines()) for lines in bytes_of[0]]
    assert sorted(path.name for path in found.dataset_path.parent.iterdir()) == ["performance_dataset.jsonl"]
    assert everything(db) == before
    assert not settings.log_path.exists()


def decide(opened: datetime, **fields: Any) -> dict[str, Any]:
    return {"symbol": "BTC/USDT", "type": "BUY", "price": 100.0, "timestamp": opened.isoformat(), **fields}


def write_market(folder: Path, symbol: str, minutes: int) -> None:
    rows = ["timestamp,open,high,low,close,volume", *(",".join(map(str, k)) for k in make_klines(START, minutes))]
    (folder / f"{symbol}.csv").write_text("\n".join(rows) + "\n")


def test_the_first_moment_is_in_the_last_is_out_and_open_trades_stay_open(
    other_db: Database, settings: Settings, tmp_path: Path
) -> None:
    write_market(tmp_path / "market", "BTC-USDT", 300)
    since, until = START + 10 * MINUTE, START + 100 * MINUTE
    microsecond = timedelta(microseconds=1)
    below = tmp_path / "archive" / "2025" / "05"
    below.mkdir(parents=True)
    lines = [
        decide(since - microsecond, trade_id="before"),
        decide(since, trade_id="first"),
        decide(until - microsecond, trade_id="last"),
        decide(until, trade_id="after"),
        decide(until - 60 * MINUTE, trade_id="due at the end"),
        decide(until - 59 * MINUTE, trade_id="due a minute later"),
    ]
    (below / "a.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (tmp_path / "archive" / "b.json").write_text(json.dumps(decide(since, price=-1)))
    found = backtest(other_db, settings, since, until, tmp_path / "archive")
    assert {row[0]: row[9] for row in trades(other_db)} == {
        "first": "expired", "due at the end": "expired", "last": None, "due a minute later": None,
    }  # fmt: skip
    assert (found.taken.decisions, found.taken.outside, found.taken.rejected) == (4, 2, 1)
    assert found.taken.rejections[0]["file"] == "b.json"
    assert (found.open_trades, found.overdue, found.metrics["active_trades"]) == (2, 0, 2)
    assert (below / "a.jsonl").exists()


def test_symbols_without_prices_are_named_and_their_trades_counted(
    other_db: Database, settings: Settings, tmp_path: Path
) -> None:
    write_market(tmp_path / "market", "BTC-USDT", 300)
    write_market(tmp_path / "market", "ETH-USDT", 0)
    (tmp_path / "market" / "SOL-USDT.csv").write_text("no candles\n")
    names = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT")
    decisions = [decide(START + 5 * MINUTE, symbol=name) for name in names]
    (tmp_path / "d.json").write_text(json.dumps(decisions))
    found = backtest(other_db, settings, START, START + 200 * MINUTE, tmp_path / "d.json")
    assert [line.split()[0].rstrip(":") for line in found.unpriced] == ["ETH/USDT", "SOL/USDT", "XRP/USDT"]
    assert "no candle of that time" in found.unpriced[0]
    assert "does not know it" in found.unpriced[2]
    assert (found.metrics["completed_trades"], found.open_trades, found.overdue) == (1, 3, 3)


def test_a_backtest_leaves_out_voids_and_later_closes_and_keeps_the_fee(
    db: Database, other_db: Database, settings: Settings, tmp_path: Path
) -> None:
    write_market(tmp_path / "market", "BTC-USDT", 300)
    context = DecisionContext(NOW, "v1", 60, ZoneInfo("UTC"), None)
    ids = ("void", "closed in time", "closed later", "plain", "by quote", "too early")
    documents = [decide(START + 5 * MINUTE, trade_id=name, extra_word='tab\tand \\ "quotes"') for name in ids]
    documents[-1]["timestamp"] = START.isoformat()
    until = START + 60 * MINUTE
    with db.begin() as connection:
        where: dict[str, Any] = {"source_name": "live", "source_sha256": b"s" * 32, "received_at": NOW}
        parsed = [parse_decision(document, context=context) for document in documents]
        store_decisions.record(connection, parsed, fee_bps=7, **where)
        voiding.void_decision(connection, "void", "a test", NOW)
        close_requests.request_close(connection, "closed in time", until)
        close_requests.request_close(connection, "closed later", until + MINUTE)
        asked = START + 20 * MINUTE
        settle.close_by_quote(connection, "by quote", price=1.0, at=asked, as_of=asked, reason="manual")
    found = backtest(other_db, settings, START + MINUTE, until)
    assert (found.taken.decisions, found.taken.outside, found.voided) == (4, 1, 1)
    exits = {row[0]: (row[7], row[9], row[16]) for row in trades(other_db)}
    assert exits == {
        "closed in time": (until, "manual", 7), "closed later": (None, None, 7), "plain": (None, None, 7),
        "by quote": (asked, "manual", 7),
    }  # fmt: skip
    kept = "SELECT source_sha256, extra FROM scorekeeper.decision WHERE trade_id = 'plain'"
    with db.begin() as connection, other_db.begin() as other:
        assert connection.execute(text(kept)).one() == other.execute(text(kept)).one()


def test_an_exchange_is_filled_back_with_progress(other_db: Database, tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "d.json").write_text(json.dumps(decide(START + 5 * MINUTE)))
    until = START + 3_000 * MINUTE
    with open_exchange(until + MINUTE, {"BTCUSDT": make_klines(START, 3_002)}) as served:
        on = settings.model_copy(update={"market": "ccxt:binance", "exchange_options": served.options})
        told: list[str] = []
        found = replay(
            other_db, on, Period(START, until), now=NOW, paths=[tmp_path / "d.json"], tell=lambda _, w: told.append(w)
        )
    assert found.metrics["completed_trades"] == 1
    assert "1 of 1 symbols, 2996 new candles" in told


@pytest.mark.parametrize("seed", [280, *long(*range(281, 286))])
def test_sealed_candles_count_whatever_the_market_answers_today(
    db: Database, other_db: Database, settings: Settings, tmp_path: Path, seed: int
) -> None:
    universe = make_universe(seed)
    universe.closes.clear()
    write_replay(universe, tmp_path / "market")
    period = Period(START, START + 200 * MINUTE)
    live_through(db, settings, universe, period, [START + 100 * MINUTE])
    wanted = trades(db), metrics(db)
    track(db, settings, max(universe.end, period.until))  # what is known by now is none of the backtest's business
    for path in (tmp_path / "market").iterdir():
        header, *rows = path.read_text().splitlines()
        path.write_text("\n".join([header, *(row.split(",")[0] + ",7,7,7,7,1" for row in rows)]) + "\n")
    found = backtest(other_db, settings, period.since, period.until)
    assert trades(other_db) == wanted[0]
    assert found.metrics == wanted[1] | {"late_decisions": 0}


def test_candles_of_another_market_are_not_taken(
    db: Database, other_db: Database, settings: Settings, tmp_path: Path
) -> None:
    universe = make_universe(286)
    write_replay(universe, tmp_path / "market")
    live_through(db, settings, universe, Period(START, universe.end), [])
    settings = settings.model_copy(update={"market": f"replay:{tmp_path}"})
    found = backtest(other_db, settings, START, universe.end)
    with db.begin() as connection:
        symbols = set(connection.execute(text("SELECT DISTINCT symbol FROM scorekeeper.decision")).scalars())
    assert {line.partition(": ")[0] for line in found.unpriced} == symbols


def test_an_installation_of_another_schema_is_refused_and_not_migrated(
    db: Database, other_db: Database, settings: Settings
) -> None:
    with db.begin() as connection:
        connection.execute(text("UPDATE public.scorekeeper_version SET version_num = '0000'"))
    with pytest.raises(ScorekeeperError, match=r"has schema 0000.*scorekeeper migrate"):
        backtest(other_db, settings, START, START + 60 * MINUTE)
    with db.begin() as connection:
        assert connection.execute(text("SELECT version_num FROM public.scorekeeper_version")).scalar_one() == "0000"


def test_two_at_once_are_one_too_many(settings: Settings) -> None:
    folder = settings.scorekeeper_home / "backtest"
    folder.mkdir(parents=True)
    with (folder / "run.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(ScorekeeperError, match="another backtest"):
            run_backtest(settings, Period(START, START + MINUTE), now=NOW, tell=say_nothing)
