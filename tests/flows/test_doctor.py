"""The doctor at a Prefect server, and the exit codes that monitors live by."""

import json
import os
from pathlib import Path
from typing import Any

from prefect.settings import PREFECT_API_URL

from tests.flows.test_command import scorekeeper
from tests.flows.test_deployments import deployed as deployed
from tests.flows.test_watching import api


def doctor(home: Path, *words: str) -> dict[str, dict[str, str]]:
    done = scorekeeper(
        home, "doctor", "--json", *words, DATABASE_URL=os.environ["DATABASE_URL"], MARKET="replay:market",
        PREFECT_API_URL=str(PREFECT_API_URL.value()),
    )  # fmt: skip
    answer = json.loads(done.stdout)
    red = {check["name"] for check in answer["checks"] if check["state"] == "red"}
    assert (done.returncode, answer["healthy"]) == (1 if red else 0, not red)
    return {check["name"]: check for check in answer["checks"]}


def test_deployments_that_are_not_there_paused_or_without_a_worker_are_red(
    home: Path, deployed: dict[str, Any]
) -> None:
    (home / "market").mkdir()
    checks = doctor(home, "--exchange")
    assert (checks["database"]["state"], checks["prefect"]["state"], checks["exchange"]["state"]) == ("ok",) * 3
    assert (checks["deployments"]["state"], checks["worker"]["says"]) == ("ok", "there is none")
    api("PATCH", f"/deployments/{deployed['track']['id']}", {"paused": True})
    assert doctor(home)["deployments"]["says"] == "paused: track"
    api("DELETE", f"/deployments/{deployed['ingest']['id']}")
    assert doctor(home)["deployments"]["says"] == "not there: ingest; paused: track"
    api("POST", "/work_pools/scorekeeper/workers/heartbeat", {"name": "w", "heartbeat_interval_seconds": 30})
    assert doctor(home)["worker"]["state"] == "ok"


def test_a_server_that_is_away_is_red_and_the_rest_is_said_all_the_same(home: Path) -> None:
    done = scorekeeper(
        home, "doctor", DATABASE_URL=os.environ["DATABASE_URL"], PREFECT_API_URL="http://u:canary-9c1d@127.0.0.1:1/api"
    )
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert any(line.startswith("ok      database") for line in lines)
    assert any(line.startswith("red     prefect") for line in lines)
    assert any("-> start it" in line for line in lines)
    assert "canary" not in done.stdout + done.stderr
    assert "\x1b" not in done.stdout


def test_status_as_json_says_whether_all_is_well(home: Path) -> None:
    done = scorekeeper(home, "status", "--json", DATABASE_URL=os.environ["DATABASE_URL"])
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["healthy"], answer["decisions"], answer["files_waiting"]) == (0, True, 0, 0)
    (home / "inbox").rmdir()
    done = scorekeeper(home, "status", "--json", DATABASE_URL=os.environ["DATABASE_URL"])
    assert (done.returncode, json.loads(done.stdout)["healthy"]) == (1, False)
    assert done.stderr == "error: not well: inbox\n"
