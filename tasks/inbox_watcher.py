"""The inbox's watcher: it posts an event to Prefect when files arrive, and again while they wait.

An event can be lost, so the inbox itself decides. A file that could be taken in and has not changed for WAITING_SECONDS
is announced again every RETELL_SECONDS; a file of lines that grows, at most every GROWING_SECONDS. A file that its
writer has open is not announced again while it does not change. The watcher needs no database.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName
from prefect.client.schemas.objects import State
from prefect.client.schemas.sorting import FlowRunSort
from prefect.settings import PREFECT_API_URL
from watchfiles import awatch

from scorekeeper.errors import ScorekeeperError
from scorekeeper.phrases import name_some
from scorekeeper.settings import Settings, settings_of_all
from tasks import prefect_server
from tasks.inboxes import LOOK_SECONDS, MOST_LOOKED_AT, Inbox, Looks, Shape

EVENT = "decision-file.arrived"
RESOURCE = "scorekeeper.inbox"
DEPLOYMENT = "ingest"
WAITING_SECONDS = 5.0
RETELL_SECONDS = 10.0
GROWING_SECONDS = 1.0
TRUST_SECONDS = 30.0
# A file that no run takes in is announced every ten seconds for two minutes, and then once a minute.
PATIENT_TIMES = 12
SELDOM_SECONDS = 60.0
# How often SYSTEMS_DIR is read: a system that is new there is watched from then on.
SYSTEMS_SECONDS = 10.0
MOST_NAMED = 5


class Announcer:
    """Decides when to announce files: new ones at once, others again while they wait."""

    def __init__(self) -> None:
        self._still_since: dict[str, tuple[Shape, float]] = {}
        self._times: dict[str, int] = {}  # how often each file was announced
        self._announced: dict[str, Shape] = {}  # as it was then
        self._announced_at = float("-inf")

    def look(self, files: Mapping[str, Shape], now: float) -> Literal["news", "waiting"] | None:
        """Why to announce these files (by name) now, None if not now. `now`: any steady clock, in seconds.

        News: there are new files, and no run is on its way for others; or a file of lines has grown since it was
        announced. Waiting: a file has not changed since it was announced, and its writer does not have it open. A file
        that no run takes in is announced less often after a while.
        """
        before = self._still_since
        self._still_since = {
            name: before[name] if name in before and before[name][0] == shape else (shape, now)
            for name, shape in files.items()
        }
        self._times = {name: times for name, times in self._times.items() if name in files}
        self._announced = {name: shape for name, shape in self._announced.items() if name in files}
        on_the_way = any(times == 1 and not files[name].held for name, times in self._times.items())
        seconds = self.seconds_since(now)
        if seconds >= GROWING_SECONDS and any(_has_grown(files[name], old) for name, old in self._announced.items()):
            return "news"
        if files.keys() - self._times.keys() and not on_the_way:
            return "news"
        waiting = any(
            not (shape.held and shape == self._announced.get(name))
            and now - since > WAITING_SECONDS
            and seconds >= (RETELL_SECONDS if self._times.get(name, 0) < PATIENT_TIMES else SELDOM_SECONDS)
            for name, (shape, since) in self._still_since.items()
        )
        return "waiting" if waiting else None

    def note_announced(self, files: Mapping[str, Shape], now: float) -> None:
        """Note that these files were announced."""
        self._announced_at = now
        self._announced |= files
        for name in files:
            self._times[name] = self._times.get(name, 0) + 1

    def seconds_since(self, now: float) -> float:
        """Seconds since the last announcement."""
        return now - self._announced_at


def _has_grown(now: Shape, announced: Shape) -> bool:
    return now.grows and now[:2] != announced[:2]


async def watch_inbox(
    settings: Settings,
    stop: asyncio.Event,
    report: Callable[[str], None],
    take: Callable[[], Awaitable[bool]] | None = None,
) -> None:
    """Watch the inbox of these settings alone, see watch_inboxes."""
    one = Inbox(settings)
    await watch_inboxes(lambda: ([one], ""), stop, report, None if take is None else lambda _system: take())


def inboxes_of(settings: Settings) -> tuple[list[Inbox], str]:
    """The inbox of an installation, or of each system of SYSTEMS_DIR; and what is wrong with other systems.

    Raises ScorekeeperError.
    """
    found, troubles = settings_of_all(settings)
    return [Inbox(one) for one in found], "; ".join(f"{name}: {why}" for name, why in troubles.items())


async def watch_inboxes(
    inboxes: Callable[[], tuple[Sequence[Inbox], str]],
    stop: asyncio.Event,
    report: Callable[[str], None],
    take: Callable[[str], Awaitable[bool]] | None = None,
) -> None:
    """Watch the inboxes with all folders in them until `stop`. A folder or a server that does not answer is reported
    once, and waited for; it holds up no other inbox.

    `inboxes` is asked again every SYSTEMS_SECONDS; the words beside them are reported. `take`: runs the ingest of a
    system (empty: of all) at once in this process instead of an event; False if it cannot. Files that still wait
    afterwards are announced by the event and by `take` in turn, so that neither a missing worker nor an error in this
    process holds them up. Raises ScorekeeperError if PREFECT_API_URL is not set.
    """
    if not PREFECT_API_URL.value():
        raise ScorekeeperError("no Prefect server to announce files to: set PREFECT_API_URL, or run scorekeeper up")
    announcer, complaint, taken = Announcer(), "", False
    known: Sequence[Inbox] = ()
    looks, trouble, asked_at = Looks(), "", float("-inf")
    while not stop.is_set():
        errors: list[str] = []
        try:
            if time.monotonic() - asked_at > SYSTEMS_SECONDS:
                asked_at = time.monotonic()
                fresh, trouble = await asyncio.to_thread(inboxes)
                before = {one.settings.system: one for one in known}
                known = [one.as_before(before.get(one.settings.system)) for one in fresh]
            files = await looks.look(known)
            errors = [trouble, *(one.trouble for one in known)]
            why = announcer.look(files, now := time.monotonic())
            # A run in progress takes in new files too: an event would only start a second run, which is cancelled. The
            # run in progress may be dead, so it is trusted for TRUST_SECONDS only.
            if why and (announcer.seconds_since(now) >= TRUST_SECONDS or not await is_at_work(or_due=not take)):
                waiting = [one for one in known if one.shapes]
                where = name_some([str(one.settings.inbox) for one in waiting], MOST_NAMED)
                report(f"{len(files)}{'+' * (len(files) == MOST_LOOKED_AT)} files wait in {where}")
                system = waiting[0].settings.system if len(waiting) == 1 else ""
                taken = take is not None and (why == "news" or not taken) and await take(system)
                if not taken:
                    await announce(len(files), system)
                announcer.note_announced(files, time.monotonic())
        except ScorekeeperError as exc:
            errors.append(str(exc))
        error = name_some(list(filter(None, errors)), MOST_NAMED, separator="; ")
        if error and error != complaint:
            report(error)
        complaint = error
        await _wait([one.folder for one in known], stop)


async def announce(files: int, system: str = "") -> None:
    """Post the event: a number and whose they are (empty: of several), never a file's name or content.

    Raises ScorekeeperError.
    """
    await prefect_server.post_event(EVENT, RESOURCE, {"files": files, "system": system})


async def is_at_work(*, or_due: bool = True) -> bool:
    """Whether a run of the ingest deployment is in progress or claimed. Raises ScorekeeperError.

    `or_due`: or is due and waits for a worker. A worker claims it within a second, unless it is away.
    """
    deployed = DeploymentFilter(name=DeploymentFilterName(any_=[DEPLOYMENT]))
    async with prefect_server.reach_server() as client:
        runs = await client.read_flow_runs(
            deployment_filter=deployed, sort=FlowRunSort.EXPECTED_START_TIME_DESC, limit=50
        )
    states = [run.state for run in runs if run.state]
    return any(state.is_running() or state.is_pending() or (or_due and _is_due(state)) for state in states)


def _is_due(state: State) -> bool:
    due = state.state_details.scheduled_time
    return state.is_scheduled() and due is not None and due <= datetime.now(UTC)


async def _wait(folders: Sequence[Path | None], stop: asyncio.Event) -> None:
    """Wait for a change in the folders, at most LOOK_SECONDS: not every file system reports changes."""
    there = [one for one in folders if one is not None and (len(folders) == 1 or _is_there(one))]
    if not there:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), LOOK_SECONDS)
        return
    try:
        changes = awatch(
            *(one.resolve() for one in there), step=50, debounce=200, rust_timeout=int(LOOK_SECONDS * 1000),
            yield_on_timeout=True, recursive=True, stop_event=stop, ignore_permission_denied=True,
        )  # fmt: skip
        async for _ in changes:
            return
    except (OSError, RuntimeError):
        await asyncio.sleep(LOOK_SECONDS)


def _is_there(folder: Path) -> bool:
    try:
        return folder.is_dir()
    except OSError:  # a folder above it may not be entered
        return False
