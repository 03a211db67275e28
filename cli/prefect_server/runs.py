"""Flow runs that no process executes any more: each holds its deployment's slot, so that later runs are cancelled."""

from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterName,
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.states import Crashed

from cli.prefect_server.deployments import POOL
from tasks.warm_runs import is_warm

# A claimed run starts within seconds. A cancelled one ends within the five minutes that Prefect gives it.
BEGINS_WITHIN, CANCELLED_WITHIN = timedelta(minutes=3), timedelta(minutes=10)
# A run sends a heartbeat every 30 seconds. One without (PREFECT_FLOWS_HEARTBEAT_FREQUENCY is unset) may take long.
SILENT, LONG = timedelta(minutes=3), timedelta(hours=1)
HEARTBEAT = "prefect.flow-run.heartbeat"
_PAGE = 200
_AT_WORK = (StateType.PENDING, StateType.RUNNING, StateType.CANCELLING)


class Executor(Enum):
    """What executes runs: the worker, the watcher's warm process, or either."""

    EITHER = "either"
    WORKER = "worker"
    WARM = "warm"


async def clear_runs(executor: Executor) -> tuple[int, int]:
    """Mark the unfinished runs of `executor` as Crashed, and delete those that are overdue: (crashed, deleted).

    Call it only while `executor` does not run. A dead run would hold its deployment's slot. The next run of a schedule
    does the work of those that it missed.
    """
    scope: dict[str, Any] = (
        {}
        if executor is Executor.EITHER
        else {"work_pool_filter": WorkPoolFilter(name=WorkPoolFilterName(any_=[POOL]))}
    )
    ended: Any = Crashed(message="its process is gone, killed or ended with its worker; the next run goes on")
    overdue = FlowRunFilterExpectedStartTime.model_validate({"before_": datetime.now(UTC)})
    crashed = deleted = 0
    async with get_client() as client:
        at_work, skipped = _in_state(*_AT_WORK), 0
        while runs := await client.read_flow_runs(flow_run_filter=at_work, limit=_PAGE, offset=skipped, **scope):
            for run in runs:
                if executor is not Executor.EITHER and is_warm(run) != (executor is Executor.WARM):
                    skipped += 1
                    continue
                await client.set_flow_run_state(run.id, ended, force=True)
                crashed += 1
        if executor is Executor.WARM:
            return crashed, 0  # overdue runs are left to the worker
        late, kept = _in_state(StateType.SCHEDULED, expected_start_time=overdue), 0
        while runs := await client.read_flow_runs(flow_run_filter=late, limit=_PAGE, offset=kept, **scope):
            for run in runs:
                # Runs that a person started, and runs that wait for a retry, are left to the worker.
                if run.auto_scheduled and run.state_name in ("Scheduled", "Late"):
                    await client.delete_flow_run(run.id)
                    deleted += 1
                else:
                    kept += 1
    return crashed, deleted


def _in_state(*types: StateType, **more: Any) -> FlowRunFilter:
    return FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(types))), **more)


async def find_stuck(client: PrefectClient, deployments: list[str], now: datetime) -> list[FlowRun]:
    """The runs of these deployments that no process executes."""
    runs = await client.read_flow_runs(
        deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=deployments)),
        flow_run_filter=_in_state(*_AT_WORK),
        limit=_PAGE,
    )
    beats = await _last_beats(client, [run for run in runs if run.state is not None and run.state.is_running()])
    return [run for run in runs if is_stuck(run, beats.get(f"prefect.flow-run.{run.id}"), now)]


def is_stuck(run: FlowRun, beat: datetime | None, now: datetime) -> bool:
    """Whether no process executes an unfinished run; `beat`: its last heartbeat, None if it sends none."""
    if run.state is None or run.state.timestamp is None:
        return False
    since = now - run.state.timestamp
    if run.state.is_pending():
        return since > BEGINS_WITHIN
    if run.state.is_cancelling():
        return since > CANCELLED_WITHIN
    return since > LONG if beat is None else now - beat > SILENT


async def _last_beats(client: PrefectClient, runs: list[FlowRun]) -> dict[str, datetime]:
    """The time of each run's last heartbeat, by the run's resource name; runs without heartbeats are left out."""
    beats = {}
    for run in runs:
        name = f"prefect.flow-run.{run.id}"
        wanted = {"event": {"name": [HEARTBEAT]}, "resource": {"id": [name]}, "order": "DESC"}
        response = await client.request("POST", "/events/filter", json={"filter": wanted, "limit": 1})
        for event in response.json()["events"]:
            beats[name] = datetime.fromisoformat(event["occurred"])
    return beats


async def end_stuck(client: PrefectClient, runs: list[FlowRun]) -> None:
    """Mark runs as Crashed, which frees their slots. A run that is alive after all goes on, and does no harm."""
    ended: Any = Crashed(message="no process executes it (scorekeeper doctor --end-stuck); the next run goes on")
    for run in runs:
        await client.set_flow_run_state(run.id, ended, force=True)
