"""22: the machine's clock is set back or ahead, and days of an odd length: what is refused, said, and goes on."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox import ingest
from scorekeeper.metrics import score_update
from scorekeeper.operations import health
from scorekeeper.settings import Settings, load_settings
from scorekeeper.store.database import Database
from scorekeeper.trades import fetch, settle
from scorekeeper.verify.run import verify
from tests.loopback import MINUTE, Exchange, make_klines, open_exchange

NOW = datetime(2025, 5, 1, 14, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
DECISION = {"symbol": "BTC/USDT", "type": "BUY", "price": 100.3, "timestamp": "2025-05-01T12:00:00Z"}


@pytest.fixture
def served() -> Iterator[Exchange]:
    with open_exchange(NOW, {"BTCUSDT": make_klines(NOW - 3 * HOUR, 600)}) as exchange:
        yield exchange


@pytest.fixture
def settings(served: Exchange, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inbox").mkdir()
    found = load_settings()
    return found.model_copy(update={"market": "ccxt:binance", "exchange_options": served.options})


def drop(settings: Settings, db: Database, **changed: object) -> None:
    (settings.inbox_dir / "a.json").write_text(json.dumps(DECISION | changed))
    assert ingest.ingest_files(db, settings, received_at=datetime.now(UTC) + MINUTE).decisions == 1


def track(db: Database, settings: Settings, local_clock: datetime) -> int:
    """A run of track by a local clock that stands there; trades closed."""
    as_of = local_clock.replace(second=0)
    asyncio.run(
        fetch.fetch_prices(
            db,
            settings,
            as_of,
            now=local_clock,
            tell=lambda level, words: None,
        )
    )
    done = db.transact(lambda c: settle.settle(c, as_of, suspect_price_pct=5))
    db.transact(lambda c: score_update.update_score(c, as_of))
    return done.closed


@pytest.mark.parametrize("back", [HOUR, DAY])
def test_a_clock_that_is_set_back_is_said_and_track_goes_on_where_it_was(
    db: Database, settings: Settings, served: Exchange, back: timedelta
) -> None:
    drop(settings, db)
    early = NOW - HOUR - MINUTE  # a minute before it expires
    served.clock = early
    assert track(db, settings, early) == 0
    wanted = r"lies before the last one, 2025-05-01 12:59 UTC: was a clock set back.*goes on by itself.*nothing is lost"
    with pytest.raises(ScorekeeperError, match=wanted):
        track(db, settings, early - back)
    served.clock = early + 20 * MINUTE
    assert track(db, settings, served.clock) == 1
    assert verify(db, settings) == []
    with db.begin() as connection:
        ages = connection.execute(text("SELECT price_age_seconds FROM scorekeeper.trade")).scalars().all()
    assert all(age >= 0 for age in ages)


@pytest.mark.parametrize("ahead", [HOUR, DAY])
def test_a_clock_set_ahead_is_compared_with_the_exchange_and_delays_nothing(
    db: Database, settings: Settings, served: Exchange, ahead: timedelta
) -> None:
    drop(settings, db)
    with pytest.raises(ScorekeeperError, match=r"ahead of the exchange's clock.*put this machine's clock right"):
        track(db, settings, NOW + ahead)
    assert track(db, settings, NOW) == 1
    served.clock = NOW + 2 * MINUTE
    assert track(db, settings, NOW + 4 * MINUTE) == 0  # a little ahead is no matter
    assert verify(db, settings) == []


def test_a_track_from_the_future_is_red_with_what_to_do() -> None:
    check = health.judge_track(NOW + HOUR, None, NOW, waits=True)
    assert (check.state, "has not reached" in check.says, "set the clock right" in check.do) == ("red", True, True)
    assert health.judge_track(NOW + timedelta(seconds=20), None, NOW, waits=True).state == "ok"


@pytest.mark.parametrize(
    ("opened", "zone", "utc"),
    [
        ("2024-02-29T23:55:00Z", "UTC", "2024-02-29T23:55:00"),
        ("2024-12-31T23:55:00Z", "UTC", "2024-12-31T23:55:00"),
        ("2025-03-30T03:05:00", "Europe/Berlin", "2025-03-30T01:05:00"),  # 02:00 to 03:00 was left out
        ("2025-10-26T02:55:00", "Europe/Berlin", "2025-10-26T00:55:00"),  # it came twice: the first one
    ],
)
def test_a_trade_over_a_leap_day_or_a_clock_change_lives_its_ten_minutes(
    db: Database, settings: Settings, opened: str, zone: str, utc: str
) -> None:
    at = datetime.fromisoformat(utc).replace(tzinfo=UTC)
    settings = settings.model_copy(update={"decision_timezone": zone})
    with open_exchange(at + HOUR, {"BTCUSDT": make_klines(at - HOUR, 180)}) as served:
        settings = settings.model_copy(update={"exchange_options": served.options})
        drop(settings, db, timestamp=opened, max_hold_minutes=10)
        assert track(db, settings, at + HOUR) == 1
    with db.begin() as connection:
        trade = connection.execute(text("SELECT opened_at, exit_time, price_age_seconds FROM scorekeeper.trade")).one()
        days = connection.execute(text("SELECT DISTINCT day FROM scorekeeper.daily_score")).scalars().all()
    assert (trade.opened_at, trade.exit_time, trade.price_age_seconds) == (at, at + 10 * MINUTE, 0)
    assert days == [(at + 10 * MINUTE).date()]
    assert verify(db, settings) == []
