"""What the checks see in a real installation."""

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from scorekeeper.inbox import ingest
from scorekeeper.operations import health
from scorekeeper.settings import Settings, load_settings
from scorekeeper.store.database import Database

DECISION = {"symbol": "BTCUSDT", "type": "BUY", "price": 100.0}


@pytest.fixture
def settings(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_url)
    (tmp_path / "inbox").mkdir()
    return load_settings()


def look(settings: Settings, later: timedelta = timedelta(0)) -> dict[str, health.Check]:
    return {check.name: check for check in health.check_all(settings, lambda: datetime.now(UTC) + later)}


def states(checks: dict[str, health.Check]) -> dict[str, str]:
    return {name: check.state for name, check in checks.items() if check.state != "ok"}


def drop(settings: Settings, db: Database, **more: object) -> ingest.Summary:
    at = datetime.now(UTC)
    path = settings.inbox_dir / f"{at.timestamp()}.json"
    path.write_text(json.dumps(DECISION | {"timestamp": at.isoformat()} | more))
    return ingest.ingest_files(db, settings, received_at=at)


def test_a_new_installation_is_well(settings: Settings) -> None:
    checks = look(settings)
    assert checks["database"].says.startswith("Postgres 1")
    assert "/tmp" in checks["database"].says  # a socket's folder: what pg_dump asks for
    machines = {"disk", "left over"}  # its own affair
    assert set(states(checks)) <= machines
    assert set(checks) | machines == machines | {
        "home", "database", "migrations", "clock", "track", "learning", "prices", "words", "confidence", "notes",
        "restored", "quarantine", "inbox",
    }  # fmt: skip


def test_decisions_that_nobody_tracks_are_red_after_ten_minutes_with_what_to_do(
    settings: Settings, db: Database
) -> None:
    drop(settings, db)
    assert not {"track", "prices"} & set(states(look(settings)))
    checks = look(settings, timedelta(minutes=20))
    assert (checks["track"].state, checks["prices"].state, checks["clock"].state) == ("red", "red", "red")
    assert "scorekeeper track" in checks["track"].do
    assert "BTC/USDT" in checks["prices"].says


def test_prices_are_judged_by_what_the_last_track_could_know(settings: Settings, db: Database) -> None:
    """A symbol that was last traded days ago is not red in the minute between its next decision and the track."""
    drop(settings, db)
    now = datetime.now(UTC)
    with db.begin() as connection:
        bound = {"at": now - timedelta(minutes=1), "old": now - timedelta(days=3)}
        connection.execute(
            text(
                "INSERT INTO scorekeeper.market (name, bound_at, begun_as_of, last_as_of) VALUES ('m', :at, :at, :at)"
            ),
            bound,
        )
        connection.execute(
            text("INSERT INTO scorekeeper.candle_coverage VALUES ('BTC/USDT', :old, :old, :old, true)"), bound
        )
    assert look(settings)["prices"].state == "ok"
    with db.begin() as connection:
        connection.execute(text("UPDATE scorekeeper.market SET last_as_of = :at"), {"at": datetime.now(UTC)})
    assert look(settings)["prices"].state == "red"


def test_files_that_nobody_takes_are_red_by_their_arrival_not_by_their_content(settings: Settings) -> None:
    path = settings.inbox_dir / "a.json"
    path.write_text("{}")
    os.utime(path, (0, 0))
    assert look(settings)["inbox"].state == "ok"
    late = look(settings, timedelta(minutes=11))["inbox"]
    assert (late.state, late.says) == ("red", "1 files wait, for 11 minutes")
    shutil.rmtree(settings.inbox_dir)
    assert "does not exist" in look(settings)["inbox"].says


def test_what_was_refused_and_what_cannot_be_moved_is_said(settings: Settings, db: Database) -> None:
    drop(settings, db, max_hold_minutes=0)
    settings.archive_dir.write_text("in the way")
    assert drop(settings, db).trouble
    checks = look(settings)
    assert (checks["quarantine"].state, checks["quarantine"].do) == ("warning", "scorekeeper quarantine list")
    assert "archive" not in checks
    assert "1 files were read" in look(settings, timedelta(minutes=11))["archive"].says


def test_another_schema_is_said_and_left_as_it_is(settings: Settings, db: Database) -> None:
    with db.begin() as connection:
        connection.execute(text("UPDATE public.scorekeeper_version SET version_num = '0000'"))
    check = look(settings)["migrations"]
    assert (check.state, check.do) == ("red", "run scorekeeper migrate first")
    with db.begin() as connection:
        assert connection.execute(text("SELECT version_num FROM public.scorekeeper_version")).scalar() == "0000"


def test_a_doctor_in_an_empty_folder_makes_and_starts_nothing(tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("scorekeeper")
    ours = {name.upper() for name in Settings.model_fields} | {"PREFECT_API_URL", "PREFECT_HOME"}
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    done = subprocess.run([command, "doctor", "--json"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    answer = json.loads(done.stdout)
    red = {check["name"]: check for check in answer["checks"] if check["state"] == "red"}
    assert set(red) == {"inbox"}
    assert "there is none yet" in next(check["says"] for check in answer["checks"] if check["name"] == "database")
    assert all(check["do"] for check in red.values())
    assert not answer["healthy"]
    assert done.stderr.startswith("error: not well: inbox")
    assert list(tmp_path.iterdir()) == []
