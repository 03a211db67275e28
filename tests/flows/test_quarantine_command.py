"""Refused files in Prefect's UI and on the command line: a table, an event, another try."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefect.settings import PREFECT_API_URL

from flows.ingest import ingest
from scorekeeper.inbox.ingest import ingest_files
from scorekeeper.settings import load_settings
from tasks import alert_events
from tasks.database import connect
from tests.flows.test_command import scorekeeper
from tests.flows.test_flows import artifacts, run
from tests.flows.test_watching import api
from tests.waiting import wait_until

GOOD: dict[str, Any] = {"symbol": "BTCUSDT", "type": "HOLD", "timestamp": "2025-05-05T10:00:00Z"}
HOSTILE = "<script>alert(1)</script>|`x`[a](javascript:b)\u202e\x1b[31m=1+1"


def refuse(home: Path, name: str = "a.json", **more: Any) -> None:
    path = home / "inbox" / name
    path.write_text(json.dumps(GOOD | {"max_hold_minutes": 0} | more))
    os.utime(path, (1_750_000_000, 1_750_000_000))


def told() -> list[dict[str, Any]]:
    found = api("POST", "/events/filter", {"filter": {"event": {"name": [alert_events.FILE_QUARANTINED]}}})["events"]
    return [event["payload"] for event in found]


def command(home: Path, *words: str) -> Any:
    return scorekeeper(
        home, *words, DATABASE_URL=os.environ["DATABASE_URL"], PREFECT_API_URL=str(PREFECT_API_URL.value())
    )


def test_refused_files_are_an_event_of_numbers_once_and_a_table_of_inert_text(home: Path) -> None:
    before = len(told())
    refuse(home, "<img src=x>.json", **{HOSTILE: 1, "type": HOSTILE, "price": HOSTILE})
    refuse(home, "b.json")
    run(ingest())
    run(ingest())
    assert wait_until(lambda: len(told()) > before, 20)
    (payload, *others) = told()
    assert len(others) == before
    assert (payload["files"], payload["rejected"], len(payload["ids"])) == (2, 2, 2)
    assert set(payload) == {"files", "rejected", "ids"}
    rows = json.loads(artifacts("quarantine")[0])
    assert {row["id"] for row in rows} == set(payload["ids"])
    assert all(isinstance(cell, str) for row in rows for cell in row.values())
    assert not set("<>|`[]\x1b\u202e") & set("".join(cell for row in rows for cell in row.values()))


def test_what_a_run_refused_that_was_killed_before_it_told_is_told_of_by_the_next(home: Path) -> None:
    before = len(told())
    refuse(home)
    settings = load_settings()
    with connect(settings) as db:
        ingest_files(db, settings, received_at=datetime.now(UTC))
    run(ingest())
    assert wait_until(lambda: len(told()) > before, 20)
    assert told()[0]["files"] == 1


def test_the_command_lists_shows_and_retries(home: Path) -> None:
    (home / "first.json").write_text(json.dumps(GOOD | {"trade_id": "t1"}))
    refuse(home)
    refuse(home, "e\x1b[31m.json", symbol=HOSTILE)
    run(ingest())
    listed = command(home, "quarantine", "list")
    assert (listed.returncode, "2 in quarantine" in listed.stdout) == (0, True)
    assert "a.json: 1 rejected" in listed.stdout
    assert "line 1, max_hold_minutes: 0.0 is not above 0" in listed.stdout
    assert "\x1b" not in listed.stdout
    (one,) = [o for o in json.loads(command(home, "quarantine", "list", "--json").stdout) if o["name"] == "a.json"]
    shown = command(home, "quarantine", "show", one["id"])
    assert (shown.returncode, one["files"][0] in shown.stdout, '_minutes": 0' in shown.stdout) == (0, True, True)

    again = command(home, "quarantine", "retry", one["id"])
    assert again.returncode == 1
    assert "1 files: 0 decisions, 0 duplicates, 1 rejected" in again.stdout
    assert again.stderr == f"error: 1 of 1 refused again: {one['id']}\n"

    path = Path(one["files"][0])
    path.write_text(path.read_text().replace('_minutes": 0', '_minutes": 60'))
    mended = command(home, "quarantine", "retry", one["id"])
    assert (mended.returncode, mended.stderr) == (0, "")
    assert "1 files: 1 decisions" in mended.stdout
    assert len(json.loads(command(home, "quarantine", "list", "--json").stdout)) == 1
    assert command(home, "quarantine", "show", one["id"]).returncode == 1
    assert command(home, "quarantine", "retry").returncode == 2


def test_everything_can_be_retried_at_once_and_nothing_is_no_error(home: Path) -> None:
    empty = command(home, "quarantine", "retry", "--all")
    assert (empty.returncode, empty.stdout) == (0, "nothing is in quarantine\n")
    refuse(home)
    refuse(home, "b.json", reason="b")
    run(ingest())
    done = command(home, "quarantine", "retry", "--all")
    assert (done.returncode, "2 of 2 refused again" in done.stderr) == (1, True)
