"""What the documented commands make of prefect.yaml on a fresh server."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect.settings import PREFECT_API_URL

from tests.flows.test_watching import api

ROOT = Path(__file__).resolve().parents[2]


def prefect(*words: str) -> None:
    program = Path(sys.executable).with_name("prefect")
    environment = {**os.environ, "PREFECT_API_URL": str(PREFECT_API_URL.value())}
    done = subprocess.run([program, "--no-prompt", *words], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def deployed() -> Iterator[dict[str, dict[str, Any]]]:
    """Each deployment by its name, after a second deploy of the same; other tests' events are to trigger nothing."""
    prefect("work-pool", "create", "scorekeeper", "--type", "process", "--overwrite")  # another module made it
    prefect("deploy", "--all")
    prefect("deploy", "--all")
    yield {one["name"]: one for one in api("POST", "/deployments/filter", {})}
    prefect("deployment", "delete", "--all")


def test_each_flow_is_deployed_to_the_process_pool_with_words_of_its_own(deployed: dict[str, Any]) -> None:
    by_hand = {"close-trade", "void-decision", "import-dataset"}
    assert set(deployed) == {"ingest", "track", "analyze", "learn", "verify", "prune", "publish-parquet"} | by_hand
    for one in deployed.values():
        assert one["work_pool_name"] == "scorekeeper"
        assert one["tags"] == ["scorekeeper"]
        assert one["description"]
        assert not one["paused"]


def test_each_that_is_scheduled_runs_as_often_as_it_is_said(
    deployed: dict[str, Any],
) -> None:
    (sweep,) = deployed["ingest"]["schedules"]
    (minute,) = deployed["track"]["schedules"]
    assert (sweep["schedule"]["interval"], sweep["active"]) == (300, True)
    assert (minute["schedule"]["cron"], minute["schedule"]["timezone"], minute["active"]) == ("* * * * *", "UTC", True)
    (hour,), (next_hour,), (night,) = (deployed[name]["schedules"] for name in ("analyze", "learn", "prune"))
    assert (hour["schedule"]["cron"], hour["schedule"]["timezone"], hour["active"]) == ("7 * * * *", "UTC", True)
    assert (next_hour["schedule"]["cron"], next_hour["schedule"]["timezone"]) == ("12 * * * *", "UTC")
    (parquet,) = deployed["publish-parquet"]["schedules"]
    assert (parquet["schedule"]["cron"], parquet["active"]) == ("37 * * * *", True)
    assert (night["schedule"]["cron"], night["schedule"]["timezone"], night["active"]) == ("17 3 * * *", "UTC", True)
    assert deployed["close-trade"]["schedules"] == deployed["import-dataset"]["schedules"] == []


def test_one_run_of_each_that_is_scheduled_at_a_time(deployed: dict[str, Any]) -> None:
    for name in ("ingest", "track", "analyze", "learn", "prune"):
        assert deployed[name]["global_concurrency_limit"]["limit"] == 1
        assert deployed[name]["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"


def test_arrivals_trigger_ingest_and_deploying_again_adds_no_second_trigger(deployed: dict[str, Any]) -> None:
    automations = api("POST", "/automations/filter", {})
    ingest = deployed["ingest"]["id"]  # another module's deployment has left one of its own
    (ours,) = [one for one in automations if ingest in {action.get("deployment_id") for action in one["actions"]}]
    assert ours["trigger"]["expect"] == ["decision-file.arrived"]
    assert ours["enabled"]
    assert ours["trigger"]["match"] == {"prefect.resource.id": "scorekeeper.inbox"}
    (action,) = ours["actions"]
    assert (action["type"], action["deployment_id"]) == ("run-deployment", deployed["ingest"]["id"])


def test_the_ones_run_by_hand_ask_for_what_they_need(deployed: dict[str, Any]) -> None:
    close = deployed["close-trade"]["parameter_openapi_schema"]
    assert set(close["properties"]) == {"trade_id", "as_of", "system"}
    assert close["required"] == ["trade_id"]
    assert set(deployed["void-decision"]["parameter_openapi_schema"]["required"]) == {"trade_id", "why"}
    assert deployed["import-dataset"]["parameter_openapi_schema"]["required"] == ["path"]
