"""The doctor at a Prefect server, and the exit codes that monitors live by."""

import asyncio
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.settings import PREFECT_API_URL

from cli.prefect_server.run_counts import RunCounter
from cli.prefect_server.runs import find_stuck, is_stuck
from tests.flows.test_command import scorekeeper
from tests.flows.test_deployments import deployed as deployed
from tests.flows.test_watching import api
from tests.waiting import wait_until


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
    run = api("POST", f"/deployments/{deployed['track']['id']}/create_flow_run", {"state": {"type": "SCHEDULED"}})
    api("POST", f"/flow_runs/{run['id']}/set_state", {"state": {"type": "FAILED"}, "force": True})
    seen = RunCounter(str(PREFECT_API_URL.value()), None)()  # what /metrics shows of them
    assert seen.up
    assert seen.workers == 1
    assert seen.by_state["track", "Failed"] == 1
    assert not RunCounter("http://127.0.0.1:1/api", "scorekeeper:password")().up


def test_a_server_that_is_away_is_red_and_the_rest_is_said_all_the_same(home: Path) -> None:
    done = scorekeeper(
        home, "doctor", DATABASE_URL=os.environ["DATABASE_URL"], PREFECT_API_URL="http://u:canary-9c1d@127.0.0.1:1/api"
    )
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert any(line.startswith("ok      database") for line in lines)
    assert any(line.startswith("red     prefect") for line in lines)
    assert any("-> see that it runs" in line for line in lines)
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


def run_in(state: dict[str, Any], deployment: dict[str, Any], *, beat: datetime | None = None) -> str:
    """A run of the deployment in this state, whose heart has last beaten then; its id."""
    made = api("POST", f"/deployments/{deployment['id']}/create_flow_run", {})
    api("POST", f"/flow_runs/{made['id']}/set_state", {"state": state, "force": True})
    if beat is not None:
        event = {"event": "prefect.flow-run.heartbeat", "payload": {}, "id": str(uuid4()),
                 "resource": {"prefect.resource.id": f"prefect.flow-run.{made['id']}"},
                 "occurred": beat.isoformat()}  # fmt: skip
        api("POST", "/events", [event])
    return str(made["id"])


def test_runs_that_nobody_executes_are_red_and_ended_when_asked_and_no_other(
    home: Path, deployed: dict[str, Any]
) -> None:
    """A worker that is killed leaves its runs so, for good."""
    (home / "market").mkdir()
    running = {"type": "RUNNING"}
    dead = run_in(running, deployed["verify"], beat=datetime.now(UTC) - timedelta(minutes=15))
    claimed = run_in({"type": "PENDING", "name": "Submitting"}, deployed["analyze"])
    unheard = run_in(running, deployed["prune"])  # of a worker that sends no heartbeats
    beating = run_in(running, deployed["track"], beat=(now := datetime.now(UTC)))

    def stuck(minutes: float) -> set[str]:
        async def look() -> set[str]:
            async with get_client() as client:
                found = await find_stuck(client, list(deployed), now + timedelta(minutes=minutes))
                return {str(run.id) for run in found}

        return asyncio.run(look())

    assert wait_until(lambda: stuck(1) == {dead}, 30)
    assert wait_until(lambda: stuck(4) == {dead, claimed, beating}, 30)
    assert stuck(62) == {dead, claimed, beating, unheard}
    check = doctor(home)["runs"]
    assert (check["state"], dead in check["says"], claimed in check["says"]) == ("red", True, False)
    assert "--end-stuck" in check["do"]
    assert doctor(home, "--end-stuck")["runs"]["state"] == "ok"
    states = {run: api("GET", f"/flow_runs/{run}")["state_type"] for run in (dead, beating, claimed, unheard)}
    assert list(states.values()) == ["CRASHED", "RUNNING", "PENDING", "RUNNING"]


@pytest.mark.parametrize("minutes", [5, 9, 11, 600])
def test_a_run_that_is_to_be_cancelled_is_stuck_after_ten_minutes(minutes: float) -> None:
    since = datetime.now(UTC) - timedelta(minutes=minutes)
    leaving = FlowRun(flow_id=uuid4(), state=State(type=StateType.CANCELLING, timestamp=since))
    assert is_stuck(leaving, None, datetime.now(UTC)) == (minutes > 10)


def test_what_others_deployed_for_our_workers_is_pointed_out(home: Path, deployed: dict[str, Any]) -> None:
    (home / "market").mkdir()
    assert doctor(home)["strangers"]["state"] == "ok"
    shell = {"prefect.deployments.steps.run_shell_script": {"script": "id"}}
    flow = deployed["track"]["flow_id"]
    for name, entrypoint, steps in (("evil", "x.py:x", [shell]), ("track", "x.py:x", []), ("prune", "", [shell])):
        body = {"name": name, "flow_id": flow, "work_pool_name": "scorekeeper", "entrypoint": entrypoint}
        if name == "prune":  # ours, with a shell before it
            api("PATCH", f"/deployments/{deployed['prune']['id']}", {"pull_steps": steps})
        else:
            api("POST", "/deployments/", body | {"pull_steps": steps})
        check = doctor(home)["strangers"]
        assert (check["state"], name in check["says"]) == ("warning", True)
    pool = api("GET", "/work_pools/scorekeeper")["base_job_template"]
    pool["variables"]["properties"]["command"]["default"] = "sh -c id"
    api("PATCH", "/work_pools/scorekeeper", {"base_job_template": pool})
    assert "the command of the pool scorekeeper" in doctor(home)["strangers"]["says"]
