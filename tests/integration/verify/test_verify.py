"""Whatever is damaged of what is stored or published, `verify` names it."""

import json
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from scorekeeper.analysis.run import analyze
from scorekeeper.inbox import ingest, quarantine
from scorekeeper.locks import Lock, hold
from scorekeeper.metrics import scorecard
from scorekeeper.operations.sample import write_sample
from scorekeeper.settings import Settings, load_settings
from scorekeeper.store import embedded
from scorekeeper.store.database import Database, open_database
from scorekeeper.verify import progress
from scorekeeper.verify.run import CHECKS, compare, verify
from tests.conftest import fresh_database
from tests.integration.trades.test_pipeline import take, track
from tests.waiting import wait_until

DECISION = {"symbol": "BTC/USDT", "type": "HOLD", "price": 96_000, "timestamp": "2025-05-05T10:00:00Z"}


Whole = tuple[Database, Settings]


@pytest.fixture(scope="module")
def built(cluster: embedded.Lease, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Settings]]:
    """An installation in which everything holds, made once: its database's name, and its settings."""
    home = tmp_path_factory.mktemp("whole")
    (home / "inbox").mkdir()
    with pytest.MonkeyPatch.context() as here, fresh_database(cluster) as url:
        here.chdir(home)
        settings = load_settings()
        with open_database(url, home) as db:
            live_through(db, settings)
            assert verify(db, settings) == []
            name = db.engine.url.database
        assert name is not None
        yield name, settings


def live_through(db: Database, settings: Settings) -> None:
    """Decisions tracked and analysed, with something in quarantine."""
    folder = settings.inbox_dir.parent / "market"
    as_of = write_sample(settings.inbox_dir, folder)
    naive = DECISION | {
        "timestamp": "2025-05-05T11:00:00",
        "max_hold_minutes": 30,
        "version": "v9",
        "n": [1.0, 1e22, 1e23, 1.7e308, 5e-324, -0.0, 10**20],
        "agent_analyses": {"A": {"signal": "BUY", "n": 1e23}},
    }
    (settings.inbox_dir / "naive.json").write_text(json.dumps(naive))
    bad = [DECISION | {"max_hold_minutes": 0}, DECISION | {"reason": "good"}]
    (settings.inbox_dir / "bad.jsonl").write_text("\n".join(map(json.dumps, bad)) + "\n")
    take(db, settings)
    with pytest.MonkeyPatch.context() as once:
        once.setattr(scorecard, "OPEN_DAYS", timedelta(0))  # the sample lasts for three
        track(db, settings, folder, as_of - timedelta(hours=20))
        track(db, settings, folder, as_of)
        db.transact(lambda connection: analyze(connection, as_of))


def test_verify_says_how_far_it_is(whole: Whole, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "TELL_EVERY", 100)
    said: list[str] = []
    assert compare(*whole, said.append).differences == []
    begun = [words for words in said if not any(letter.isdigit() for letter in words.partition(": ")[2])]
    assert [words.partition(":")[0] for words in begun] == [f"check {n} of {CHECKS}" for n in range(1, CHECKS + 1)]
    assert f"check 2 of {CHECKS}: 400 decisions" in said
    files = next(words.partition(":")[0] for words in begun if words.endswith(": files"))
    assert any(words.startswith(f"{files}: 4") and words.endswith("decisions of archived files") for words in said)


@pytest.fixture
def whole(cluster: embedded.Lease, built: tuple[str, Settings], tmp_path: Path) -> Iterator[Whole]:
    """A copy of it, to be damaged."""
    name, settings = built
    home = settings.inbox_dir.parent
    shutil.copytree(home, tmp_path / "kept")
    with fresh_database(cluster, template=name) as url, open_database(url, tmp_path) as db:
        yield db, settings
    for folder in home.iterdir():
        shutil.rmtree(folder)
    shutil.copytree(tmp_path / "kept", home, dirs_exist_ok=True)  # under the same names, which the database knows


ROWS = [
    ("DELETE FROM scorekeeper.agent_daily_score", "agent_daily_score"),
    ("UPDATE scorekeeper.agent_daily_score SET calls = calls - 1, correct = 0", "calls"),
    ("UPDATE scorekeeper.daily_score SET sum_squares = sum_squares * 9", "sum_squares"),
    ("UPDATE scorekeeper.daily_score SET path_fall_pct = 99, longest_losses = 40", "path_fall_pct"),
    ("UPDATE scorekeeper.daily_score SET trailing_wins = trailing_wins + 1", "trailing_wins"),
    ("UPDATE scorekeeper.decision SET reference_price = 1", "reference_price"),
    ("UPDATE scorekeeper.decision SET horizon_price = 1 WHERE horizon_price IS NOT NULL", "horizon_price"),
    ("UPDATE scorekeeper.decision SET horizon_return_pct = 1 WHERE horizon_price IS NOT NULL", "horizon_return"),
    ("UPDATE scorekeeper.trade SET exit_price = exit_price * 1.001 WHERE exit_time IS NOT NULL", "exit_price"),
    ("UPDATE scorekeeper.trade SET mfe_pct = 77 WHERE exit_time IS NOT NULL", "mfe_pct"),
    ("UPDATE scorekeeper.candle SET high = high * 2", "mfe_pct"),
    ("DELETE FROM scorekeeper.event WHERE kind = 'outcome'", "no line is published of its exit"),
    ("DELETE FROM scorekeeper.trade WHERE exit_time IS NOT NULL", "its trade is missing"),
    ("UPDATE scorekeeper.scorecard SET answer = '{}'", "scorecard"),
    (
        "UPDATE scorekeeper.scorecard SET before = jsonb_set(before::jsonb, '{gross,daily,cubes}', '\"1\"')",
        "stored sums of earlier days",
    ),
    # What a file said.
    ("UPDATE scorekeeper.decision SET confidence = 1 WHERE confidence > 1", "confidence is not what"),
    ("UPDATE scorekeeper.decision SET reason = reason || '!'", "reason is not what"),
    ("UPDATE scorekeeper.decision SET extra = '{}' WHERE extra IS NOT NULL", "extra is not what"),
    ("UPDATE scorekeeper.decision SET version = 'x' WHERE version = 'v9'", "version is not what"),
    ("UPDATE scorekeeper.agent_signal SET direction = -direction", "its agents' signals are not what"),
    ("DELETE FROM scorekeeper.agent_signal WHERE ordinal = 1", "its agents' signals are not what"),
    ("DELETE FROM scorekeeper.decision WHERE direction = 0", "holds it, and it is not stored"),
    # What a trade copies of its decision.
    ("UPDATE scorekeeper.trade SET entry_price = entry_price * 1.0001 WHERE stop_loss IS NULL", "entry_price is"),
    ("UPDATE scorekeeper.trade SET expires_at = expires_at + interval '1 second'", "its decision's"),
    ("UPDATE scorekeeper.trade SET version = 'x'", "version is x, its decision's"),
    # The ledger of files.
    ("UPDATE scorekeeper.file_arrival SET decisions = decisions + 1", "name it as their source"),
    ("UPDATE scorekeeper.decision SET source_name = 'another'", "name it as their source"),
    ("DELETE FROM scorekeeper.file_arrival WHERE name = 'naive.json'", "and never arrived"),
    ("UPDATE scorekeeper.decision_file SET finished_at = null", "was never read to its end"),
    ("UPDATE scorekeeper.file_arrival SET outcome = 'reading', moved_at = null", "was read to its end"),
    ("DELETE FROM scorekeeper.rejection", "has no rejections"),
    ("UPDATE scorekeeper.rejection SET reason = 'no reason'", "does not name its rejections"),
    ("UPDATE scorekeeper.file_arrival SET outcome = 'ingested' WHERE rejected > 0", "1 refusals are kept"),
    ("UPDATE scorekeeper.file_arrival SET rejected = 2 WHERE rejected > 0", "had 2 decisions refused"),
    # Candles, lines and marks.
    ("UPDATE scorekeeper.candle_coverage SET sealed_from = sealed_from + interval '1 hour'", "outside of what"),
    ("DELETE FROM scorekeeper.candle_coverage", "outside of what is sealed"),
    ("UPDATE scorekeeper.candle_coverage SET sealed_until = sealed_until + interval '1 hour'", "no track has got"),
    (
        "INSERT INTO scorekeeper.candle_revision "
        "SELECT 'X/USDT', minute_at, minute_at, open, high, low, close, volume FROM scorekeeper.candle LIMIT 1",
        "of which nothing is sealed",
    ),
    ("UPDATE scorekeeper.event SET line_no = line_no + 100000 WHERE line_no > 40", "are numbered up to"),
    (
        "UPDATE scorekeeper.trade SET exit_time = null, exit_price = null, exit_reason = null, exit_known_at = null, "
        "price_source = null, ambiguous_exit = null, pnl_pct = null, net_pnl_pct = null, mfe_pct = null, "
        "mae_pct = null WHERE exit_time IS NOT NULL",
        "its outcome is published, and is not known",
    ),
    ("UPDATE scorekeeper.publication SET published_line_no = 100000", "is published up to line 100000"),
    ("UPDATE scorekeeper.equity SET marked_trades = open_trades + 1", "cannot have been known then"),
    ("UPDATE scorekeeper.equity SET as_of = as_of + interval '1 year'", "cannot have been known then"),
    ("UPDATE scorekeeper.market SET begun_as_of = begun_as_of - interval '1 hour'", "lies after the last one begun"),
    # Analyses.
    ("UPDATE scorekeeper.analysis SET document = jsonb_set(document, '{figures, system}', '{}')", "other figures"),
    ("UPDATE scorekeeper.analysis SET document = jsonb_set(document, '{trades}', '7')", "finds something else"),
]  # fmt: skip


@pytest.mark.parametrize(("damage", "said"), ROWS, ids=[said + str(n) for n, (_, said) in enumerate(ROWS)])
def test_verify_names_rows_that_were_damaged(whole: Whole, damage: str, said: str) -> None:
    db, settings = whole
    with db.begin() as connection:
        assert connection.execute(text(damage)).rowcount > 0
    differences = verify(db, settings)
    assert any(said in line for line in differences), differences[:3]


def archived(settings: Settings, suffix: str) -> Path:
    return next(settings.archive_dir.rglob(f"*{suffix}"))


def edit(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"BTC", b"ETH"))


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


FILES: dict[str, tuple[Callable[[Settings], object], str]] = {
    "an archived file is edited": (lambda s: edit(archived(s, ".json")), "has changed since it came in"),
    "an archived file is cut": (lambda s: cut_off(archived(s, ".json")), "has changed since it came in"),
    "an archived file is gone": (lambda s: archived(s, ".json").unlink(), "where it was moved to"),
    "the report of a refusal is gone": (
        lambda s: next(s.quarantine_dir.glob("*.error.json")).unlink(), "error.json cannot be read"
    ),
    "the report of a refusal is torn": (
        lambda s: cut_off(next(s.quarantine_dir.glob("*.error.json"))), "error.json is no error file"
    ),
    "the log is edited": (lambda s: edit(s.log_path), "is not as it was published"),
    "the dataset is cut": (lambda s: cut_off(s.dataset_path), "is not as it was published"),
}  # fmt: skip


@pytest.mark.parametrize("what", FILES)
def test_verify_names_files_that_were_damaged(whole: Whole, what: str) -> None:
    db, settings = whole
    damage, said = FILES[what]
    damage(settings)
    differences = verify(db, settings)
    assert any(said in line for line in differences), differences


def test_what_was_mended_or_taken_out_of_quarantine_is_no_difference(whole: Whole) -> None:
    db, settings = whole
    (refused,) = settings.quarantine_dir.glob("*.jsonl")
    edit(refused)
    assert verify(db, settings) == []
    refused.unlink()
    assert verify(db, settings) == []


def test_days_of_the_archive_that_were_given_up_are_no_difference(whole: Whole) -> None:
    db, settings = whole
    day = archived(settings, ".json").parent
    moved = day.with_name("elsewhere")
    day.rename(moved)
    assert any("where it was moved to" in line for line in verify(db, settings))
    assert verify(db, settings.model_copy(update={"keep_archive_days": 1})) == []


def test_a_doubtful_file_is_looked_at_again_once_no_ingest_is_at_work(whole: Whole) -> None:
    db, settings = whole
    day = archived(settings, ".json").parent
    waiting = f"SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = {Lock.INGEST}"

    def waits() -> bool:
        with db.begin() as connection:
            return bool(connection.execute(text(waiting)).all())

    with ThreadPoolExecutor(1) as thread:
        with hold(db.engine, Lock.INGEST):
            moved = day.rename(day.with_name("elsewhere"))
            found = thread.submit(verify, db, settings)
            assert wait_until(lambda: found.done() or waits(), 60)
            assert not found.done()
            moved.rename(day)
        assert found.result(60) == []


def test_an_archive_that_has_moved_with_its_inbox_is_found(whole: Whole, tmp_path: Path) -> None:
    db, settings = whole
    new = tmp_path / "new"
    new.mkdir()
    settings.archive_dir.rename(new / "archive")
    assert verify(db, settings.model_copy(update={"inbox_dir": new / "inbox"})) == []


def test_files_that_grow_come_twice_or_are_tried_again_are_no_difference(db: Database, settings: Settings) -> None:
    def lines(*reasons: str) -> str:
        return "".join(json.dumps(DECISION | {"reason": reason}) + "\n" for reason in reasons)

    log = settings.inbox_dir / "log.jsonl"
    log.write_text(lines("a", "b"))
    now = datetime.now(UTC)
    ingest.ingest_files(db, settings, received_at=now)  # it may still be written to, and stays
    assert verify(db, settings) == []
    log.write_text(lines("a", "b", "c") + "{}\n")
    ingest.ingest_files(db, settings, received_at=now)
    assert verify(db, settings) == []
    (settings.inbox_dir / "again.jsonl").write_text(lines("c", "d"))
    take(db, settings)
    assert verify(db, settings) == []
    with db.begin() as connection:
        (refused,) = quarantine.list_quarantined(connection, settings)
    quarantine.put_back(db, settings, refused, now)
    assert verify(db, settings) == []
    take(db, settings)
    assert verify(db, settings) == []
    ingest.ingest_files(db, settings, received_at=now, paths=list(settings.archive_dir.rglob("*.jsonl")))
    assert verify(db, settings) == []
