"""A database moved to another: the same rows, the same score, and work goes on."""

import asyncio
import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox import ingest
from scorekeeper.metrics import score_update
from scorekeeper.operations.move_database import move_database
from scorekeeper.operations.sample import write_sample
from scorekeeper.publish import publish
from scorekeeper.settings import Settings, load_settings
from scorekeeper.store import embedded
from scorekeeper.store.database import Database, open_database
from scorekeeper.trades import fetch, settle
from scorekeeper.verify.run import verify


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MARKET", "replay:market")
    return load_settings()


@pytest.fixture
def empty_url(cluster: embedded.Lease) -> Iterator[str]:
    """A database without a schema."""
    host = str(cluster.socket_folder)
    with psycopg.connect(host=host, user=embedded.ROLE, dbname="postgres", autocommit=True) as admin:
        admin.execute("CREATE DATABASE test_target")
        yield f"postgresql://{embedded.ROLE}@/test_target?host={host}"
        admin.execute("DROP DATABASE test_target WITH (FORCE)")


def track(db: Database, settings: Settings, as_of: datetime) -> None:
    asyncio.run(
        fetch.fetch_prices(
            db,
            settings,
            as_of,
            now=as_of,
            tell=lambda *_: None,
        )
    )
    db.transact(lambda c: settle.settle(c, as_of, suspect_price_pct=5))
    db.transact(lambda c: score_update.update_score(c, as_of))
    publish.publish(db, log_path=settings.log_path, dataset_path=settings.dataset_path)


@pytest.fixture
def as_of(db: Database, settings: Settings) -> datetime:
    """A database with everything in it: trades open and closed, something refused, something published."""
    end = write_sample(settings.inbox_dir, settings.base_dir / "market")
    (settings.inbox_dir / "bad.json").write_text('{"symbol": "BTCUSDT", "type": "BUY", "price": NaN}')
    ingest.ingest_files(db, settings, received_at=datetime.now(UTC) + timedelta(seconds=6))
    track(db, settings, end - timedelta(hours=30))
    return end


def contents(db: Database) -> dict[str, list[str]]:
    """Every row of every table, as text."""
    with db.begin() as connection:
        names = connection.execute(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'scorekeeper' ORDER BY 1")
        ).scalars()
        found = names.all()
        return {
            name: list(connection.execute(text(f"SELECT t::text FROM scorekeeper.{name} AS t ORDER BY 1")).scalars())
            for name in found
            if not name.startswith("candle_2")  # they are in candle
        }


def test_everything_arrives_and_work_goes_on_there(
    db: Database, settings: Settings, as_of: datetime, empty_url: str, tmp_path: Path
) -> None:
    before = contents(db)
    filled = {name for name, rows in before.items() if rows}
    assert {"trade", "decision", "agent_signal", "equity", "event", "rejection", "publication", "market"} <= filled
    told: dict[str, int] = {}
    rows = move_database(db, empty_url, tmp_path, tell=told.__setitem__)
    assert contents(db) == before
    with open_database(empty_url, tmp_path) as target:
        assert contents(target) == before
        assert rows == sum(told.values()) == sum(len(found) for name, found in before.items())
        assert verify(target, settings) == []
        # Numbers go on where they stood, months come, trades close, files are appended to.
        late = {"symbol": "BTCUSDT", "type": "HOLD", "timestamp": as_of.isoformat()}
        (settings.inbox_dir / "new.json").write_text(json.dumps(late))
        os.utime(settings.inbox_dir / "new.json", (0, 0))
        assert ingest.ingest_files(target, settings, received_at=datetime.now(UTC)).decisions == 1
        track(target, settings, as_of)
        assert verify(target, settings) == []
        assert len(contents(target)["event"]) > len(before["event"])


@pytest.mark.usefixtures("as_of")
def test_a_target_that_is_not_empty_is_refused_and_left_alone(db: Database, other_db: Database, tmp_path: Path) -> None:
    url = other_db.engine.url.render_as_string(hide_password=False)
    with other_db.begin() as connection:
        connection.execute(text("INSERT INTO scorekeeper.stale_day VALUES ('system', '2025-05-01')"))
    before = contents(other_db)
    with pytest.raises(ScorekeeperError, match="stale_day has rows"):
        move_database(db, url, tmp_path)
    assert contents(other_db) == before
    with pytest.raises(ScorekeeperError, match="not empty"):
        move_database(db, db.engine.url.render_as_string(hide_password=False), tmp_path)


@pytest.mark.usefixtures("as_of")
def test_a_target_that_does_not_hold_the_same_in_the_end_holds_nothing(
    db: Database, other_db: Database, tmp_path: Path
) -> None:
    url = other_db.engine.url.render_as_string(hide_password=False)
    with other_db.begin() as connection:  # a server that changes what it is given
        connection.execute(
            text(
                "CREATE FUNCTION public.spoil() RETURNS trigger LANGUAGE plpgsql AS"
                " $$BEGIN NEW.fee_bps := NEW.fee_bps + 1e-9; RETURN NEW; END$$;"
                "CREATE TRIGGER spoil BEFORE INSERT ON scorekeeper.trade FOR EACH ROW EXECUTE FUNCTION public.spoil()"
            )
        )
    with pytest.raises(ScorekeeperError, match="trade is not the same in the target: nothing was moved"):
        move_database(db, url, tmp_path)
    assert not any(contents(other_db).values())


def test_a_writer_waits_until_the_move_is_done(
    db: Database, settings: Settings, as_of: datetime, empty_url: str
) -> None:
    def write(*_: object) -> None:
        address = db.engine.url.set(drivername="postgresql").render_as_string(False)
        with psycopg.connect(address) as connection:
            connection.execute("SET lock_timeout = 50")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                connection.execute("DELETE FROM scorekeeper.event")

    move_database(db, empty_url, settings.scorekeeper_home, tell=write)


def test_a_dump_restored_elsewhere_is_the_same_and_work_goes_on(
    db: Database, settings: Settings, as_of: datetime, empty_url: str, cluster: embedded.Lease, tmp_path: Path
) -> None:
    """As docs/operations/back-up.md says it, with the programs of the embedded Postgres."""
    place = embedded.Cluster(tmp_path / "unused", {})
    dump = str(cluster.socket_folder / "scorekeeper.dump")
    source = db.engine.url.database
    host = ["-h", str(cluster.socket_folder), "-U", embedded.ROLE]
    place._run("pg_dump", *host, "-Fc", "-f", dump, str(source))
    place._run("pg_restore", *host, "--no-owner", "--exit-on-error", "-d", "test_target", dump)
    Path(dump).unlink()
    with open_database(empty_url, tmp_path) as target:
        assert contents(target) == contents(db)
        track(target, settings, as_of)
        assert verify(target, settings) == []


def test_the_command_moves_says_what_to_do_next_and_refuses_while_up_runs(
    db: Database, settings: Settings, as_of: datetime, empty_url: str
) -> None:
    program = Path(sys.executable).with_name("scorekeeper")
    source = db.engine.url.render_as_string(hide_password=False)
    environment = {**os.environ, "DATABASE_URL": source, "NEW_DATABASE_URL": empty_url}

    def move() -> subprocess.CompletedProcess[str]:
        return subprocess.run([program, "move-database"], env=environment, capture_output=True, text=True)

    (settings.scorekeeper_home / "up").mkdir(parents=True)
    with (settings.scorekeeper_home / "up" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = move()
    assert (refused.returncode, "end it first" in refused.stderr) == (1, True)
    done = move()
    assert (done.returncode, done.stderr) == (0, "")
    assert "  decision: 420 rows" in done.stdout
    assert "set DATABASE_URL" in done.stdout
    again = move()
    assert (again.returncode, "not empty" in again.stderr) == (1, True)
