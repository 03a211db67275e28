"""Pool and deployments on a Prefect server, and what a killed `up` or worker has left there."""

import contextlib
import os
import subprocess
import sys
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import StateType
from prefect.exceptions import ObjectAlreadyExists
from prefect.states import Crashed

from cli.up.supervision import ROOT
from scorekeeper.errors import ScorekeeperError
from tasks.warm_runs import is_warm

POOL = "scorekeeper"
_PAGE = 200
_AT_WORK = (StateType.RUNNING, StateType.PENDING, StateType.CANCELLING)


async def make_pool() -> None:
    """Make the process pool, unless it is there."""
    async with get_client() as client:
        with contextlib.suppress(ObjectAlreadyExists):
            await client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))


class Whose(Enum):
    """Who is not at work, so that its runs are dead."""

    EVERYBODY = "everybody"
    WORKER = "worker"
    WARM = "warm"


async def clear_runs(whose: Whose) -> tuple[int, int]:
    """Mark runs Crashed that nobody runs any more, drop those that are overdue: (crashed, dropped).

    To be called while those are not at work `whose` runs they are. A dead run would hold its deployment's slot, and a
    minute's track that was missed is done by the next one anyway.
    """
    scope: dict[str, Any] = (
        {} if whose is Whose.EVERYBODY else {"work_pool_filter": WorkPoolFilter(name=WorkPoolFilterName(any_=[POOL]))}
    )
    ended: Any = Crashed(message="its process is gone, killed or ended with its worker; the next run goes on")
    overdue = FlowRunFilterExpectedStartTime.model_validate({"before_": datetime.now(UTC)})
    crashed = dropped = 0
    async with get_client() as client:
        at_work, others = _in_state(*_AT_WORK), 0
        while runs := await client.read_flow_runs(flow_run_filter=at_work, limit=_PAGE, offset=others, **scope):
            for run in runs:
                if whose is not Whose.EVERYBODY and is_warm(run) != (whose is Whose.WARM):
                    others += 1
                    continue
                await client.set_flow_run_state(run.id, ended, force=True)
                crashed += 1
        if whose is Whose.WARM:
            return crashed, 0  # what is overdue is the worker's
        late, kept = _in_state(StateType.SCHEDULED, expected_start_time=overdue), 0
        while runs := await client.read_flow_runs(flow_run_filter=late, limit=_PAGE, offset=kept, **scope):
            for run in runs:
                # What somebody asked for by hand, or what waits to be tried again, is the worker's to do.
                if run.auto_scheduled and run.state_name in ("Scheduled", "Late"):
                    await client.delete_flow_run(run.id)
                    dropped += 1
                else:
                    kept += 1
    return crashed, dropped


def _in_state(*types: StateType, **more: Any) -> FlowRunFilter:
    return FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(types))), **more)


def deploy() -> None:
    """Deploy all that prefect.yaml names. Raises ScorekeeperError with Prefect's last words."""
    program = Path(sys.executable).with_name("prefect")
    done = subprocess.run(  # noqa: S603 - our own program
        [str(program), "--no-prompt", "deploy", "--all"],
        cwd=ROOT, env={**os.environ, "PREFECT_LOGGING_LEVEL": "ERROR"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        words = " ".join((done.stdout + done.stderr).split())
        raise ScorekeeperError(f"prefect deploy --all: {words[-500:]}")
