"""Warm runs: deployment runs in a long-lived process, which saves the seconds that a new process spends on imports.

Each is an ordinary run of its deployment, with its logs, states and slot. It is claimed as a worker claims one, half a
second before the worker would. The worker executes every run that is not claimed here.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psutil
from prefect import Flow
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterName,
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
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

# The tag by which the UI and the clean-up distinguish warm runs from the worker's.
TAG = "warm"
# The message of the state of a claimed run. It marks a warm run before the run has the tag.
CLAIMED = "claimed by a process that is warm"
CLAIM_AHEAD = timedelta(seconds=0.5)
# How long a read schedule is trusted: a user may change it. Each look costs the server a question.
LOOK_SECONDS = 60.0
# How long it waits after the server has not answered.
PAUSE_SECONDS = 3.0
# How long an arrival waits for a run in progress here: starting a new process takes longer.
PATIENCE_SECONDS = 3.0
# Each run leaves some 0.15 MB behind: after so many, less than a day's, a new process replaces this one.
MOST_RUNS = 1_000
MOST_FIRST_RUNS = 5
MOST_GROWTH = 512 << 20  # bytes of memory: a run over a hundred systems may leave 30 MB behind
# How often a run in progress here is checked for a cancellation.
CANCEL_SECONDS = 2.0
_AT_WORK = (StateType.PENDING, StateType.RUNNING, StateType.CANCELLING)
_CANCELLED = "cancelled: it ended between two transactions"
_LOST = "it was claimed, or ended, while the server did not answer; the next run goes on"


class WarmRunner:
    """Executes runs of the deployments of these flows, by name; `report` is called with errors.

    Of each deployment one at a time: an arrival does not wait for the minute's track.
    """

    def __init__(self, flows: Mapping[str, Flow[..., Any]], report: Callable[[str], None]) -> None:
        self._flows = flows
        self._report = report
        self._busy: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._executed = 0
        # Runs claimed or ended here of which we do not know what the server stored: they may hold slots.
        self._unsure: set[UUID] = set()
        # Those of them that this process executes now, or is about to.
        self._at_work: set[UUID] = set()
        self._memory = 0
        self._worn = False

    async def run_now(self, name: str, parameters: dict[str, Any] | None = None) -> bool:
        """Make a run of the deployment and execute it; False if none was made: it is paused, missing, or busy here.

        Raises ScorekeeperError if the server does not answer.
        """
        try:
            await asyncio.wait_for(self._busy[name].acquire(), PATIENCE_SECONDS)
        except TimeoutError:
            return False
        try:
            async with prefect_server.reach_server() as client:
                await self._end_unsure(client)
                deployment = await _find(client, name)
                if deployment is None or deployment.paused:
                    return False
                run = await client.create_flow_run_from_deployment(deployment.id, parameters=parameters)
            with self._taking(run):
                if await self._claim(run):
                    await self._execute(name, run)
            return True
        finally:
            self._busy[name].release()

    async def follow_schedules(self, *names: str) -> None:
        """Execute the deployments' scheduled runs when they are due, until this process has executed MOST_RUNS runs, or
        has grown by MOST_GROWTH.
        """
        await asyncio.gather(*(self._follow(name) for name in names))

    async def _follow(self, name: str) -> None:
        complaint = ""
        while not self._is_worn():
            try:
                await self._run_next(name)
                complaint = ""
            except ScorekeeperError as exc:
                if str(exc) != complaint:
                    self._report(complaint := str(exc))
                await asyncio.sleep(PAUSE_SECONDS)

    def _is_worn(self) -> bool:
        """Whether a new process should replace this one. It does not change back."""
        now = psutil.Process().memory_info().rss
        if self._executed < MOST_FIRST_RUNS:  # what they import stays
            self._memory = now
        self._worn = self._worn or self._executed >= MOST_RUNS or now - self._memory > MOST_GROWTH
        return self._worn

    async def _run_next(self, name: str) -> None:
        """Wait for the next scheduled run, at most LOOK_SECONDS, and execute it if it is due by then."""
        async with prefect_server.reach_server() as client:
            await self._end_unsure(client)
            run = await _next_run(client, name)
        due = None if run is None else run.expected_start_time
        if run is None or due is None or await _sleep_until(due - CLAIM_AHEAD) > 0 or self._busy[name].locked():
            await asyncio.sleep(2 * CLAIM_AHEAD.total_seconds())  # skip this run
            return
        async with self._busy[name]:
            with self._taking(run):
                if await self._claim(run):
                    await _sleep_until(due)
                    await self._execute(name, run)

    @contextlib.contextmanager
    def _taking(self, run: FlowRun) -> Iterator[None]:
        """Meanwhile a run of another deployment does not end it as unsure."""
        self._at_work.add(run.id)
        try:
            yield
        finally:
            self._at_work.discard(run.id)

    async def _execute(self, name: str, run: FlowRun) -> None:
        self._executed += 1
        # A task of its own: the engine cancels its task when a slot is lost, and that must not be ours.
        work = asyncio.create_task(
            run_flow_async(self._flows[name], flow_run=run, parameters=dict(run.parameters), return_type="state")
        )
        cancelling = asyncio.create_task(_until_cancelling(run.id))
        cancelled = False
        try:
            await asyncio.wait({work, cancelling}, return_when=asyncio.FIRST_COMPLETED)
            if cancelled := not work.done():
                work.cancel()
                await asyncio.wait({work})
        except asyncio.CancelledError:
            work.cancel()
            while not work.done():  # a task group that ends cancels twice, then closes the client that the run needs
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait({work})
            raise
        finally:
            cancelling.cancel()
        if cancelled:
            async with prefect_server.reach_server() as client:
                await client.set_flow_run_state(run.id, Cancelled(message=_CANCELLED), force=True)
            self._unsure.discard(run.id)
            return
        error = asyncio.CancelledError("cancelled") if work.cancelled() else work.exception()
        if error is None:
            self._unsure.discard(run.id)
        else:
            self._report(f"the run {run.name} of {name}: {type(error).__name__}: {error}")

    async def _claim(self, run: FlowRun) -> bool:
        """Claim the run and its deployment's slot; False if another process has it, it is gone, or no slot is free.

        It is unsure until it has ended, or is known to be another process's.
        """
        self._unsure.add(run.id)
        with contextlib.suppress(ObjectNotFound):
            async with prefect_server.reach_server() as client:
                result: OrchestrationResult[Any] = await client.set_flow_run_state(run.id, Pending(message=CLAIMED))
                state = result.state
                if result.status != SetStateStatus.ACCEPT:  # or the claim's response was lost, and it was sent again
                    state = (await client.read_flow_run(run.id)).state
                if state is not None and state.is_pending() and state.message == CLAIMED:
                    run.state = state
                    await client.update_flow_run(run.id, tags=sorted({*run.tags, TAG}))
                    return True
        self._unsure.discard(run.id)
        return False

    async def _end_unsure(self, client: PrefectClient) -> None:
        for run_id in self._unsure - self._at_work:
            with contextlib.suppress(ObjectNotFound):
                run = await client.read_flow_run(run_id)
                if is_warm(run) and run.state is not None and run.state.type in _AT_WORK:
                    await client.set_flow_run_state(run_id, Crashed(message=_LOST), force=True)
            self._unsure.discard(run_id)


def is_warm(run: FlowRun) -> bool:
    """Whether a warm process has claimed the run; else a worker executes it."""
    return TAG in run.tags or (run.state is not None and run.state.message == CLAIMED)


async def _until_cancelling(run_id: UUID) -> None:
    """Return when a user asks for the run to be cancelled; a server that is away is asked again."""
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


async def _next_run(client: PrefectClient, name: str) -> FlowRun | None:
    """The deployment's next scheduled run that no worker can have claimed yet, if any.

    Asked by name: to read the deployment, the server would check the time zones of its schedules.
    """
    later = FlowRunFilterExpectedStartTime.model_validate({"after_": datetime.now(UTC) + CLAIM_AHEAD})
    found = await client.read_flow_runs(
        flow_run_filter=FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])),
            expected_start_time=later,
        ),
        flow_filter=FlowFilter(name=FlowFilterName(any_=[name])),
        deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=[name])),
        sort=FlowRunSort.EXPECTED_START_TIME_ASC,
        limit=1,
    )
    return found[0] if found else None


async def _sleep_until(moment: datetime) -> float:
    """Sleep until `moment`, at most LOOK_SECONDS; the seconds that are left then (not positive if it has come)."""
    left = (moment - datetime.now(UTC)).total_seconds()
    await asyncio.sleep(max(0.0, min(left, LOOK_SECONDS)))
    return left - LOOK_SECONDS
