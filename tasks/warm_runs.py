"""Runs of deployments in a process that is warm: a new one spends seconds on what this one has imported already.

Each is the deployment's own run, with its logs, states and slot, claimed as a worker claims one, and a moment before
the worker would: what is not claimed here, for whatever reason, the worker takes.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from prefect import Flow
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.responses import DeploymentResponse, OrchestrationResult, SetStateStatus
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound
from prefect.flow_engine import run_flow_async
from prefect.states import Cancelled, Crashed, Pending

from scorekeeper.errors import ScorekeeperError
from tasks import prefect_server

# By this tag the UI, and whoever clears up, tells them from the worker's.
TAG = "warm"
# In the state of one that is claimed: it is told from a worker's before it bears the tag.
CLAIMED = "claimed by a process that is warm"
CLAIM_AHEAD = timedelta(seconds=0.5)
# How long a look at the schedule holds, since somebody may change it.
LOOK_SECONDS = 30.0
# So long an arrival waits for a run that is at work here: a new process would need longer.
PATIENCE_SECONDS = 3.0
# Each leaves some 0.15 MB behind: after so many, less than a day's, a process gives way to a new one.
MOST_RUNS = 1_000
# How soon a run at work here is found to be cancelled.
CANCEL_SECONDS = 2.0
_AT_WORK = (StateType.PENDING, StateType.RUNNING, StateType.CANCELLING)
_CANCELLED = "cancelled: it ended between two transactions"
_LOST = "it was claimed, or ended, while the server did not answer; the next run goes on"


class WarmRunner:
    """Executes runs of the deployments of these flows, by name, one at a time: `report` is told what went wrong."""

    def __init__(self, flows: Mapping[str, Flow[..., Any]], report: Callable[[str], None]) -> None:
        self._flows = flows
        self._report = report
        self._busy = asyncio.Lock()
        self._executed = 0
        # Claimed or ended here, and who knows whether the server has noted it: they may hold their deployments' slots.
        self._unsure: set[UUID] = set()

    async def run_now(self, name: str) -> bool:
        """Make a run of the deployment, and execute it; False if none was made: it is paused, not there, or busy here.

        Raises ScorekeeperError if the server does not answer.
        """
        try:
            await asyncio.wait_for(self._busy.acquire(), PATIENCE_SECONDS)
        except TimeoutError:
            return False
        try:
            async with prefect_server.reach_server() as client:
                await self._end_unsure(client)
                deployment = await _find(client, name)
                if deployment is None or deployment.paused:
                    return False
                run = await client.create_flow_run_from_deployment(deployment.id)
                is_ours = await self._claim(client, run)
            if is_ours:
                await self._execute(name, run)
            return True
        finally:
            self._busy.release()

    async def follow_schedule(self, name: str) -> None:
        """Execute the deployment's scheduled runs when they are due, until MOST_RUNS of all have been executed here."""
        complaint = ""
        while self._executed < MOST_RUNS:
            try:
                await self._run_next(name)
                complaint = ""
            except ScorekeeperError as away:
                if str(away) != complaint:
                    self._report(complaint := str(away))
                await asyncio.sleep(LOOK_SECONDS / 10)

    async def _run_next(self, name: str) -> None:
        """Wait for the next scheduled run, at most LOOK_SECONDS, and execute it if it has come by then."""
        async with prefect_server.reach_server() as client:
            await self._end_unsure(client)
            deployment = await _find(client, name)
            run = None if deployment is None else await _next_run(client, deployment)
        due = None if run is None else run.expected_start_time
        if run is None or due is None or await _sleep_until(due - CLAIM_AHEAD) > 0 or self._busy.locked():
            await asyncio.sleep(2 * CLAIM_AHEAD.total_seconds())  # past this one
            return
        async with self._busy:
            async with prefect_server.reach_server() as client:
                if not await self._claim(client, run):
                    return
            await _sleep_until(due)
            await self._execute(name, run)

    async def _execute(self, name: str, run: FlowRun) -> None:
        self._executed += 1
        # A task of its own: the engine cancels the one it works in, for a slot that was lost, and it is not to be ours.
        work = asyncio.create_task(run_flow_async(self._flows[name], flow_run=run, return_type="state"))
        told = asyncio.create_task(_until_cancelling(run.id))
        cancelled = False
        try:
            await asyncio.wait({work, told}, return_when=asyncio.FIRST_COMPLETED)
            if cancelled := not work.done():
                work.cancel()
                await asyncio.wait({work})
        except asyncio.CancelledError:
            work.cancel()
            await asyncio.wait({work})
            raise
        finally:
            told.cancel()
        if cancelled:
            async with prefect_server.reach_server() as client:
                await client.set_flow_run_state(run.id, Cancelled(message=_CANCELLED), force=True)
            self._unsure.discard(run.id)
            return
        failed = asyncio.CancelledError("cancelled") if work.cancelled() else work.exception()
        if failed is None:
            self._unsure.discard(run.id)
        else:
            self._report(f"the run {run.name} of {name}: {type(failed).__name__}: {failed}")

    async def _claim(self, client: PrefectClient, run: FlowRun) -> bool:
        """Take the run, and its deployment's slot, before anybody else; False if it is taken, gone, or without a slot.

        Until it has ended, or is known to be somebody else's, it is unsure.
        """
        self._unsure.add(run.id)
        try:
            answer: OrchestrationResult[Any] = await client.set_flow_run_state(run.id, Pending(message=CLAIMED))
            state = answer.state
            if answer.status != SetStateStatus.ACCEPT:  # also where it was taken, and asked again: the answer was lost
                state = (await client.read_flow_run(run.id)).state
            if state is not None and state.is_pending() and state.message == CLAIMED:
                run.state = state
                await client.update_flow_run(run.id, tags=sorted({*run.tags, TAG}))
                return True
        except ObjectNotFound:
            pass
        self._unsure.discard(run.id)
        return False

    async def _end_unsure(self, client: PrefectClient) -> None:
        for run_id in list(self._unsure):
            with contextlib.suppress(ObjectNotFound):
                run = await client.read_flow_run(run_id)
                if is_warm(run) and run.state is not None and run.state.type in _AT_WORK:
                    await client.set_flow_run_state(run_id, Crashed(message=_LOST), force=True)
            self._unsure.discard(run_id)


def is_warm(run: FlowRun) -> bool:
    """Whether a process that is warm has claimed it; else what is at work on it is a worker's."""
    return TAG in run.tags or (run.state is not None and run.state.message == CLAIMED)


async def _until_cancelling(run_id: UUID) -> None:
    """Return once somebody has asked that the run be cancelled; a server that is away is asked again."""
    while True:
        await asyncio.sleep(CANCEL_SECONDS)
        with contextlib.suppress(ScorekeeperError, ObjectNotFound):
            async with prefect_server.reach_server() as client:
                run = await client.read_flow_run(run_id)
            if run.state is not None and run.state.is_cancelling():
                return


async def _find(client: PrefectClient, name: str) -> DeploymentResponse | None:
    try:
        return await client.read_deployment_by_name(f"{name}/{name}")
    except ObjectNotFound:
        return None


async def _next_run(client: PrefectClient, deployment: DeploymentResponse) -> FlowRun | None:
    """The deployment's next run that no worker can have claimed yet."""
    later = FlowRunFilterExpectedStartTime.model_validate({"after_": datetime.now(UTC) + CLAIM_AHEAD})
    found = await client.read_flow_runs(
        flow_run_filter=FlowRunFilter(
            deployment_id=FlowRunFilterDeploymentId(any_=[deployment.id]),
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])),
            expected_start_time=later,
        ),
        sort=FlowRunSort.EXPECTED_START_TIME_ASC,
        limit=1,
    )
    return found[0] if found else None


async def _sleep_until(moment: datetime) -> float:
    """Sleep, at most LOOK_SECONDS; the seconds that are left."""
    left = (moment - datetime.now(UTC)).total_seconds()
    await asyncio.sleep(max(0.0, min(left, LOOK_SECONDS)))
    return left - LOOK_SECONDS
