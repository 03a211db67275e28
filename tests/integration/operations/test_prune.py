"""What is old goes, and only that: no score changes, and nothing that is open loses its prices."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from scorekeeper.errors import DatabaseError, ScorekeeperError
from scorekeeper.market import binding
from scorekeeper.metrics import query, score_update
from scorekeeper.operations.prune import prune, prune_candles
from scorekeeper.settings import Settings, load_settings
from scorekeeper.store.database import Database
from scorekeeper.trades import settle
from scorekeeper.verify.run import count_pruned, verify
from tests.integration.trades.test_at_once import MINUTE, decide, store_prices

MARCH = datetime(2025, 3, 31, 23, 0, tzinfo=UTC)
JUNE = datetime(2025, 6, 1, 0, 2, tzinfo=UTC)
NOW = datetime(2025, 6, 15, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KEEP_CANDLES_DAYS", "30")
    monkeypatch.setenv("KEEP_ARCHIVE_DAYS", "30")
    return load_settings()


@pytest.fixture
def lived(db: Database) -> Database:
    """A trade of March and one of June of one symbol, closed and scored; another symbol has been silent since March."""
    with db.begin() as connection:
        binding.bind_market(connection, "replay:test", NOW)
        decide(connection, {"trade_id": "old", "timestamp": MARCH.isoformat()})
        decide(connection, {"trade_id": "silent", "timestamp": MARCH.isoformat(), "symbol": "ETH/USDT"})
        decide(connection, {"trade_id": "new", "timestamp": JUNE.isoformat()})
        spring = {MARCH + i * MINUTE: 101.0 for i in range(70)}
        # The last close before June, by which its decision is judged, is one of April.
        store_prices(connection, spring | {JUNE + 8 * MINUTE: 100.0}, until=NOW)
        store_prices(connection, spring, until=MARCH + 70 * MINUTE, symbol="ETH/USDT")
        assert settle.settle(connection, NOW, suspect_price_pct=5).closed == 3
        score_update.update_score(connection, NOW)
    return db


def partitions(db: Database) -> list[str]:
    with db.begin() as connection:
        found = connection.execute(
            text("SELECT relid::text FROM pg_partition_tree('scorekeeper.candle') WHERE isleaf ORDER BY 1")
        )
        return [name.rpartition("candle_")[2] for name in found.scalars()]


def test_months_that_are_old_go_and_every_score_stays(lived: Database, settings: Settings) -> None:
    with lived.begin() as connection:
        before = query.system_metrics(connection)
    assert partitions(lived) == ["2025_03", "2025_04", "2025_06"]
    assert prune(lived, settings, NOW).months == ["2025-03", "2025-04"]
    assert partitions(lived) == ["2025_06", "2025_07"]
    with lived.begin() as connection:
        assert query.system_metrics(connection) == before
        covered = connection.execute(text("SELECT symbol, sealed_from FROM scorekeeper.candle_coverage")).all()
    assert [tuple(row) for row in covered] == [("BTC/USDT", datetime(2025, 5, 1, tzinfo=UTC))]
    assert [line for line in verify(lived, settings) if "recomputed" in line] == []
    assert count_pruned(lived) == (datetime(2025, 5, 1, tzinfo=UTC), 2)
    assert prune(lived, settings, NOW).months == []


def test_verify_still_notices_what_changed_in_the_months_that_are_kept(lived: Database, settings: Settings) -> None:
    prune(lived, settings, NOW)
    with lived.begin() as connection:
        connection.execute(text("UPDATE scorekeeper.trade SET exit_price = 99 WHERE trade_id IN ('old', 'new')"))
    assert [line for line in verify(lived, settings) if "exit_price" in line] == [
        "trade new: exit_price is 99.0, recomputed 100.0"
    ]


def test_a_dry_run_says_what_would_go_and_leaves_it(lived: Database, settings: Settings) -> None:
    old = settings.archive_dir / "2025" / "01" / "31"
    old.mkdir(parents=True)
    done = prune(lived, settings, NOW, dry_run=True)
    assert (done.months, done.days) == (["2025-03", "2025-04"], [old])
    assert partitions(lived) == ["2025_03", "2025_04", "2025_06"]
    assert old.is_dir()


@pytest.mark.parametrize("what", ["open", "undecided", "unsettled"])
def test_what_somebody_waits_for_is_kept(lived: Database, what: str) -> None:
    with lived.begin() as connection:
        if what == "unsettled":
            connection.execute(text("UPDATE scorekeeper.candle_coverage SET settled_until = sealed_from"))
        else:
            action = "BUY" if what == "open" else "HOLD"
            waiting = {"trade_id": "w", "timestamp": MARCH.isoformat(), "type": action, "max_hold_minutes": 200_000}
            decide(connection, waiting)
        assert prune_candles(connection, NOW, 30) == []
    assert "2025_03" in partitions(lived)


def test_a_session_that_reads_candles_for_long_holds_up_prune_alone(lived: Database, settings: Settings) -> None:
    """What comes after a DROP that waits would wait behind it: it gives up before that matters."""
    with lived.begin() as connection:
        connection.execute(
            text("ALTER FUNCTION scorekeeper.drop_candle_partition(integer, integer) SET lock_timeout = '100ms'")
        )
    with lived.begin() as reading:
        reading.execute(text("SELECT count(*) FROM scorekeeper.report_open_trades"))
        with pytest.raises(DatabaseError, match=r"other sessions held a lock .*: try again"):
            prune(lived, settings, NOW)
        assert lived.transact(lambda c: settle.settle(c, NOW, suspect_price_pct=5)).closed == 0
    assert prune(lived, settings, NOW).months == ["2025-03", "2025-04"]


def test_what_is_not_set_is_kept(lived: Database, settings: Settings) -> None:
    kept = settings.model_copy(update={"keep_candles_days": None, "keep_archive_days": None})
    old = settings.archive_dir / "2001" / "01" / "31"
    old.mkdir(parents=True)
    done = prune(lived, kept, NOW)
    assert (done.months, done.days) == ([], [])
    assert old.is_dir()
    assert count_pruned(lived) is None


def test_old_days_of_the_archive_go_and_nothing_else(db: Database, settings: Settings) -> None:
    archive = settings.archive_dir
    for name in ("2025/04/30", "2025/05/15", "2025/05/17", "2025/13/45", "mine/04/30"):
        (archive / name).mkdir(parents=True)
        (archive / name / "a.json").write_text("{}")
    (archive / "2024").mkdir()
    (archive / "2024" / "04").mkdir()
    (archive / "2024" / "04" / "01").symlink_to(archive / "mine")
    done = prune(db, settings, NOW)
    assert done.days == [archive / "2025/04/30", archive / "2025/05/15"]
    left = {str(path.parent.relative_to(archive)) for path in archive.rglob("a.json")}
    assert left == {"2025/05/17", "2025/13/45", "mine/04/30"}
    assert not (archive / "2025" / "04").exists()


def test_a_folder_that_cannot_be_removed_is_one_clear_line(
    db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = settings.archive_dir / "2025" / "01" / "01"
    old.mkdir(parents=True)
    monkeypatch.setattr("os.rmdir", _refuse)  # a mount point, say
    with pytest.raises(ScorekeeperError, match="2025/01/01 cannot be removed: "):
        prune(db, settings, NOW)


def _refuse(*_: object, **__: object) -> None:
    raise PermissionError(1, "Operation not permitted")


def test_the_candle_that_a_price_was_judged_by_may_go_with_its_month(lived: Database, settings: Settings) -> None:
    with lived.begin() as connection:
        reference = "SELECT reference_price FROM scorekeeper.decision WHERE trade_id = 'new'"
        before = connection.execute(text(reference)).scalar_one()
    prune(lived, settings, NOW)
    assert [line for line in verify(lived, settings) if "reference_price" in line] == []
    with lived.begin() as connection:
        assert connection.execute(text(reference)).scalar_one() == before
