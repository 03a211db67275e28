"""`verify` reads one moment: beside work it finds nothing that is none, and what waits is counted, not wrong."""

import asyncio
import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from scorekeeper.analysis.run import analyze
from scorekeeper.inbox import ingest
from scorekeeper.market import binding
from scorekeeper.market.replay import ReplayMarket
from scorekeeper.metrics import score_update
from scorekeeper.operations.prune import prune
from scorekeeper.operations.sample import START, write_sample
from scorekeeper.publish import publish
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database, open_database
from scorekeeper.trades import close_requests, fetch, settle
from scorekeeper.verify.run import compare, verify
from tests.integration.trades.test_pipeline import take, track

GOOD = {"symbol": "BTC/USDT", "type": "BUY", "price": 96_000.0, "max_hold_minutes": 45}
PLANT = """
UPDATE scorekeeper.trade SET exit_price = exit_price * :factor
WHERE trade_id = (SELECT min(trade_id) FROM scorekeeper.trade WHERE exit_time IS NOT NULL)
"""


def track_in_steps(db: Database, settings: Settings, folder: Path, as_of: datetime) -> None:
    """As the flow does it: each step is a transaction of its own, and others look on between them."""
    market = ReplayMarket(str(folder), settings.candle_grace_minutes)
    with db.begin() as connection:
        binding.bind_market(connection, market.name, as_of)
    with db.begin() as connection:
        needs = fetch.select_needs(connection, as_of)
    for need in needs:
        asyncio.run(fetch.fetch_symbol(db, market, need, as_of, suspect_price_pct=5))
    with db.begin() as connection:
        settle.settle(connection, as_of, suspect_price_pct=5)
    with db.begin() as connection:
        score_update.update_score(connection, as_of)
    publish.publish(db, log_path=settings.log_path, dataset_path=settings.dataset_path)


@contextmanager
def at_work(*jobs: Callable[[threading.Event], None]) -> Iterator[None]:
    """Jobs in threads of their own, until they are told to end; what one of them raised is raised at the end."""
    end, failures = threading.Event(), list[BaseException]()

    def run(job: Callable[[threading.Event], None]) -> None:
        try:
            job(end)
        except BaseException as failed:
            failures.append(failed)

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        end.set()
        for thread in threads:
            thread.join()
    assert failures == []


@pytest.mark.parametrize("seconds", [12])
def test_beside_work_there_is_never_a_difference_and_a_planted_one_is_found(
    db: Database, database_url: str, settings: Settings, seconds: float, seed: int, tally: Counter[str]
) -> None:
    chance = random.Random(seed)
    folder = settings.inbox_dir.parent / "market"
    last = write_sample(settings.inbox_dir, folder)
    whole = [json.loads(line) for line in (settings.inbox_dir / "decisions-1.jsonl").read_text().splitlines()]
    for path in settings.inbox_dir.iterdir():
        path.unlink()
    reached = [START + timedelta(hours=2)]
    other = settings.model_copy(update={"keep_candles_days": 30, "keep_archive_days": 30})

    def arrive(end: threading.Event) -> None:
        with open_database(database_url, settings.inbox_dir.parent) as mine:
            number = 0
            while not end.wait(chance.uniform(0, 0.15)):
                number += 1
                some = [one | {"n": number} for one in chance.sample(whole, 5)] + [{"symbol": "?"}] * (number % 7 == 0)
                (settings.inbox_dir / f"f{number}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in some))
                take(mine, settings)
                publish.publish(mine, log_path=settings.log_path, dataset_path=settings.dataset_path)

    def follow(end: threading.Event) -> None:
        with open_database(database_url, settings.inbox_dir.parent) as mine:
            while not end.wait(chance.uniform(0, 0.1)):
                reached[0] = min(reached[0] + timedelta(minutes=chance.choice([0, 1, 17, 60, 200])), last)
                track_in_steps(mine, settings, folder, reached[0])
                mine.transact(lambda connection: analyze(connection, reached[0]))
                prune(mine, other, reached[0])

    found: Counter[str] = Counter()
    with at_work(arrive, follow):
        until = datetime.now(UTC) + timedelta(seconds=seconds)
        while datetime.now(UTC) < until:
            verified = compare(db, settings)
            assert verified.differences == [], f"--seed {seed}"
            found["runs"] += 1
            found["in which something waits"] += bool(verified.waits)
        with db.begin() as connection:
            assert connection.execute(text(PLANT), {"factor": 1.001}).rowcount == 1
        assert any("exit_price" in line for line in verify(db, settings))
        with db.begin() as connection:
            connection.execute(text("UPDATE scorekeeper.decision SET reference_price = 1 WHERE tracked"))
        assert any("reference_price is 1" in line for line in verify(db, settings))
    assert found["runs"] > 3
    assert found["in which something waits"]
    tally.update({f"verify {words} beside work": number for words, number in found.items()})


def test_candles_that_are_pruned_while_it_looks_are_not_missed(
    db: Database, database_url: str, settings: Settings
) -> None:
    folder = settings.inbox_dir.parent / "market"
    as_of = write_sample(settings.inbox_dir, folder)
    take(db, settings)
    track(db, settings, folder, as_of)
    months: list[str] = []

    def give_up(end: threading.Event) -> None:
        with open_database(database_url, settings.inbox_dir.parent) as mine:
            old = settings.model_copy(update={"keep_candles_days": 1})
            months.extend(prune(mine, old, as_of + timedelta(days=40)).months)

    seen = set()
    with at_work(give_up):
        for _ in range(6):
            verified = compare(db, settings)
            assert verified.differences == []
            seen.add(verified.pruned is not None)
    assert months == ["2025-05"]
    assert True in seen


def bring(settings: Settings, name: str, *decisions: dict[str, Any]) -> None:
    (settings.inbox_dir / name).write_text("".join(json.dumps(GOOD | one) + "\n" for one in decisions))


def test_what_was_ingested_and_not_tracked_yet_waits_and_is_not_wrong(db: Database, settings: Settings) -> None:
    folder = settings.inbox_dir.parent / "market"
    as_of = write_sample(settings.inbox_dir, folder)
    take(db, settings)
    track(db, settings, folder, as_of)
    db.transact(lambda connection: analyze(connection, as_of))
    assert compare(db, settings).waits == []
    past = [{"timestamp": f"2025-05-06T{hour:02}:00:30Z"} for hour in range(4)]
    bring(settings, "late.jsonl", *past, {"timestamp": "2025-05-06T04:00:30Z", "type": "HOLD"})
    take(db, settings)
    verified = compare(db, settings)
    assert (verified.differences, verified.waits) == ([], ["5 decisions wait for the next track"])
    # The same again, at the very same as_of: the analysis from before they came is no difference either.
    track(db, settings, folder, as_of)
    assert compare(db, settings) == (type(verified))([], [], None)
    # Of a symbol without candles, and of a time that no track has come to yet.
    bring(settings, "other.jsonl", {"symbol": "DOGE/USDT", "timestamp": "2025-05-06T10:00:00Z"})
    bring(settings, "next.jsonl", {"timestamp": "2025-05-09T10:00:00Z"})
    take(db, settings)
    with db.begin() as connection:
        settle.settle(connection, as_of, suspect_price_pct=5)
    verified = compare(db, settings)
    assert verified.differences == []
    assert verified.waits == ["1 decision waits for the next track", "1 decision waits for a price of the symbol"]


def test_a_close_that_was_asked_for_waits_and_is_not_wrong(db: Database, settings: Settings) -> None:
    folder = settings.inbox_dir.parent / "market"
    as_of = write_sample(settings.inbox_dir, folder) - timedelta(hours=3)
    for path in settings.inbox_dir.iterdir():
        path.unlink()
    bring(settings, "a.jsonl", {"trade_id": "a", "timestamp": "2025-05-07T20:00:30Z", "max_hold_minutes": 600})
    take(db, settings)
    track(db, settings, folder, as_of)
    asked = db.transact(lambda connection: close_requests.request_close(connection, "a", as_of - timedelta(minutes=9)))
    verified = compare(db, settings)
    assert (asked, verified.differences, verified.waits) == ("requested", [], ["1 decision waits for the next track"])
    assert track(db, settings, folder, as_of).closed == 1
    assert compare(db, settings).waits == []


def test_what_a_settlement_has_seen_and_left_undone_is_wrong(db: Database, settings: Settings) -> None:
    folder = settings.inbox_dir.parent / "market"
    as_of = write_sample(settings.inbox_dir, folder)
    bring(settings, "held.jsonl", {"timestamp": "2025-05-07T23:30:00Z", "type": "HOLD", "max_hold_minutes": 600})
    take(db, settings)
    track(db, settings, folder, as_of)
    with db.begin() as connection:
        undone = "UPDATE scorekeeper.decision SET reference_price = null WHERE horizon_known_at IS NULL"
        assert connection.execute(text(undone)).rowcount == 1
    (difference,) = verify(db, settings)
    assert "reference_price is None, recomputed" in difference


def test_a_track_that_was_killed_between_its_steps_leaves_what_waits(db: Database, settings: Settings) -> None:
    folder = settings.inbox_dir.parent / "market"
    as_of = write_sample(settings.inbox_dir, folder)
    take(db, settings)
    track(db, settings, folder, as_of - timedelta(hours=5))
    market = ReplayMarket(str(folder), settings.candle_grace_minutes)
    with db.begin() as connection:
        binding.bind_market(connection, market.name, as_of)
        needs = fetch.select_needs(connection, as_of)
    for need in needs:
        asyncio.run(fetch.fetch_symbol(db, market, need, as_of, suspect_price_pct=5))
    verified = compare(db, settings)
    assert verified.differences == []
    assert "3 symbols wait with new candles for the next track" in verified.waits
    with db.begin() as connection:
        settle.settle(connection, as_of, suspect_price_pct=5)
    verified = compare(db, settings)
    assert verified.differences == []
    assert any("to be scored" in words for words in verified.waits)
    track(db, settings, folder, as_of)
    assert compare(db, settings).waits == []


def test_the_same_bytes_refused_twice_for_other_lines_leave_each_arrival_its_report(
    db: Database, settings: Settings
) -> None:
    now = datetime.now(UTC)
    ahead = [{"timestamp": (now + timedelta(minutes=minutes)).isoformat()} for minutes in (10, 40)]
    bring(settings, "a.jsonl", *ahead)
    ingest.ingest_files(db, settings, received_at=now + timedelta(seconds=10))
    bring(settings, "b.jsonl", *ahead)
    ingest.ingest_files(db, settings, received_at=now + timedelta(minutes=20))
    first, second = sorted(settings.quarantine_dir.glob("*.error.json"))
    assert [len(json.loads(report.read_text())["rejected"]) for report in (first, second)] == [2, 1]
    assert verify(db, settings) == []
    first.write_text(first.read_text().replace("timestamp", "price"))
    assert any("has changed" in line for line in verify(db, settings))
    bring(settings, "c.jsonl", *ahead)
    first.unlink()
    first.with_name(first.name.removesuffix(".error.json")).unlink()
    ingest.ingest_files(db, settings, received_at=now + timedelta(hours=1))
    assert verify(db, settings) == []
