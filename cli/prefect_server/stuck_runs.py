"""Flow runs that nobody executes any more: each holds its deployment's slot, and the next ones are cancelled."""

from datetime import datetime, timedelta
from typing import Any

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType, WorkPool
from prefect.client.schemas.responses import DeploymentResponse
from prefect.states import Crashed

from scorekeeper.operations.health import Check

# A claimed run begins within seconds; one that is to be cancelled is so within Prefect's five minutes.
BEGINS_WITHIN, CANCELLED_WITHIN = timedelta(minutes=3), timedelta(minutes=10)
# A heart beats every 30 seconds; a run without one (a worker without PREFECT_FLOWS_HEARTBEAT_FREQUENCY) may take long.
SILENT, LONG = timedelta(minutes=3), timedelta(hours=1)
HEARTBEAT = "prefect.flow-run.heartbeat"
_AT_WORK = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]
_SHOWN = 3


async def find_stuck(client: PrefectClient, deployments: list[str], now: datetime) -> list[FlowRun]:
    """Runs of these deployments of which nothing more is to be expected."""
    runs = await client.read_flow_runs(
        deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=deployments)),
        flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_AT_WORK))),
        limit=200,
    )
    beats = await _last_beats(client, [run for run in runs if run.state is not None and run.state.is_running()])
    return [run for run in runs if is_stuck(run, beats.get(f"prefect.flow-run.{run.id}"), now)]


def is_stuck(run: FlowRun, beat: datetime | None, now: datetime) -> bool:
    """Whether a run at work, whose heart has last beaten then, has nothing more to expect."""
    if run.state is None or run.state.timestamp is None:
        return False
    since = now - run.state.timestamp
    if run.state.is_pending():
        return since > BEGINS_WITHIN
    if run.state.is_cancelling():
        return since > CANCELLED_WITHIN
    return since > LONG if beat is None else now - beat > SILENT


async def _last_beats(client: PrefectClient, runs: list[FlowRun]) -> dict[str, datetime]:
    """When the heart of each run has last beaten, by its resource; those without one are left out."""
    beats = {}
    for run in runs:
        name = f"prefect.flow-run.{run.id}"
        wanted = {"event": {"name": [HEARTBEAT]}, "resource": {"id": [name]}, "order": "DESC"}
        answer = await client.request("POST", "/events/filter", json={"filter": wanted, "limit": 1})
        for event in answer.json()["events"]:
            beats[name] = datetime.fromisoformat(event["occurred"])
    return beats


async def end_stuck(client: PrefectClient, runs: list[FlowRun]) -> None:
    """Mark them Crashed: it frees their slots. One that is alive after all goes on, and does no harm."""
    ended: Any = Crashed(message="nobody executes it any more (scorekeeper doctor --end-stuck); the next run goes on")
    for run in runs:
        await client.set_flow_run_state(run.id, ended, force=True)


def judge_runs(stuck: list[FlowRun], now: datetime) -> Check:
    """What doctor says of them."""
    if not stuck:
        return Check("runs", "ok", "none is stuck")
    named = [
        f"{run.name} ({run.state.name} for {(now - run.state.timestamp).total_seconds() // 60:.0f} min, {run.id})"
        for run in stuck[:_SHOWN]
        if run.state is not None and run.state.timestamp is not None
    ]
    more = f" and {len(stuck) - _SHOWN} more" if len(stuck) > _SHOWN else ""
    says = f"{len(stuck)} that nobody executes hold their slots: {'; '.join(named)}{more}"
    return Check("runs", "red", says, "scorekeeper doctor --end-stuck marks them Crashed, and frees the slots")


def is_strange(deployment: DeploymentResponse, entrypoints: dict[str, str]) -> bool:
    """Whether this is none of ours, by name and entrypoint, or runs something else; `entrypoints`: ours, by name."""
    steps = [name for step in deployment.pull_steps or [] for name in step]
    runs_more = any(name.endswith("run_shell_script") for name in steps) or "command" in deployment.job_variables
    return entrypoints.get(deployment.name) != deployment.entrypoint or runs_more


def has_strange_command(pool: WorkPool) -> bool:
    """Whether the pool's template lets its workers run another program than Prefect's for every run."""
    template = pool.base_job_template
    default = template.get("variables", {}).get("properties", {}).get("command", {}).get("default")
    asked = template.get("job_configuration", {}).get("command", "{{ command }}")
    return bool(default) or asked != "{{ command }}"


def judge_strangers(strangers: list[str]) -> Check:
    """What doctor says of deployments that are not ours, on a pool of ours: its worker runs what they say."""
    if not strangers:
        return Check("strangers", "ok", "no deployment but ours has work for our workers")
    says = f"the workers also run what others deployed: {', '.join(strangers[:10])}"
    return Check("strangers", "warning", says, "if they are not yours, delete them and change the password: see docs")
