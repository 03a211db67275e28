"""Tells Prefect of files in the inbox: one event for all of them, and again while they wait.

An event is a hint that may be lost, so the inbox itself decides: while a file that could be taken has stood still for
WAITING_SECONDS, it is told again every RETELL_SECONDS; a file of lines that grows, at most every GROWING_SECONDS. One
that its writer has open is not waited for while it stands still. Needs no database.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple

from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName
from prefect.client.schemas.objects import State
from prefect.client.schemas.sorting import FlowRunSort
from prefect.settings import PREFECT_API_URL
from watchfiles import awatch

from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox.growing_files import can_follow
from scorekeeper.inbox.listing import known_name, list_inbox
from scorekeeper.inbox.open_files import is_held
from tasks import prefect_server

EVENT = "decision-file.arrived"
RESOURCE = "scorekeeper.inbox"
DEPLOYMENT = "ingest"
WAITING_SECONDS = 5.0
RETELL_SECONDS = 10.0
GROWING_SECONDS = 1.0
LOOK_SECONDS = 1.0
TRUST_SECONDS = 30.0
# A file that nobody can take is told of every ten seconds for two minutes, and then once a minute.
PATIENT_TELLS = 12
SELDOM_SECONDS = 60.0
# Enough to know that files wait, and for how long; a look at a flooded inbox stays cheap.
MOST_LOOKED_AT = 20_000


class Shape(NamedTuple):
    """What tells one state of a file from the next: its size, when it was written to, and whether its lines are taken
    in while it grows; `held`: its writer has it open.
    """

    size: int
    modified_ns: int
    grows: bool = False
    held: bool = False


class Teller:
    """Decides when to tell: of new files at once, of the rest while they wait."""

    def __init__(self) -> None:
        self._still_since: dict[str, tuple[Shape, float]] = {}
        self._tells: dict[str, int] = {}
        self._told_of: dict[str, Shape] = {}
        self._told_at = float("-inf")

    def look(self, files: Mapping[str, Shape], now: float) -> Literal["news", "waiting"] | None:
        """Why to tell now of these files, by name; None: not now. `now` is any steady clock's, in seconds.

        News: there are files that were not told of, and of none of the others is anybody on the way; or one of lines
        has grown since it was told of. Waiting: a file stands still since it was told, and nobody has it open; one that
        nobody takes, however often it is told, is told of more seldom.
        """
        before = self._still_since
        self._still_since = {
            name: before[name] if name in before and before[name][0] == shape else (shape, now)
            for name, shape in files.items()
        }
        self._tells = {name: tells for name, tells in self._tells.items() if name in files}
        self._told_of = {name: shape for name, shape in self._told_of.items() if name in files}
        on_the_way = any(tells == 1 and not files[name].held for name, tells in self._tells.items())
        since_told = now - self._told_at
        if since_told >= GROWING_SECONDS and any(_has_grown(files[name], told) for name, told in self._told_of.items()):
            return "news"
        if files.keys() - self._tells.keys() and not on_the_way:
            return "news"
        waiting = any(
            not (shape.held and shape == self._told_of.get(name))
            and now - since > WAITING_SECONDS
            and since_told >= (RETELL_SECONDS if self._tells.get(name, 0) < PATIENT_TELLS else SELDOM_SECONDS)
            for name, (shape, since) in self._still_since.items()
        )
        return "waiting" if waiting else None

    def told(self, files: Mapping[str, Shape], now: float) -> None:
        """Note that these files were told of, as they were then."""
        self._told_at = now
        self._told_of |= files
        for name in files:
            self._tells[name] = self._tells.get(name, 0) + 1

    def waits_since_told(self, now: float) -> float:
        """Seconds since it was last told."""
        return now - self._told_at


def _has_grown(now: Shape, told: Shape) -> bool:
    return now.grows and now[:2] != told[:2]


async def watch_inbox(
    folder: Path,
    stop: asyncio.Event,
    report: Callable[[str], None],
    take: Callable[[], Awaitable[bool]] | None = None,
    skip: Sequence[Path] = (),
) -> None:
    """Watch `folder` and those below it, but for `skip`, until `stop`; a folder or a server that does not answer is
    reported once, and waited for.

    `take`: runs the ingest here and now, if it can (True), instead of the event. What still waits then is told of by
    the event, and in turns from there, so that it waits neither for a worker that is gone nor for what fails here.
    Raises ScorekeeperError if no server is named.
    """
    if not PREFECT_API_URL.value():
        raise ScorekeeperError("no Prefect server to tell of files: set PREFECT_API_URL, or run scorekeeper up")
    teller, complaint, taken = Teller(), "", False
    while not stop.is_set():
        trouble = ""
        try:
            files = await asyncio.to_thread(_shapes, folder, skip)
            why = teller.look(files, now := time.monotonic())
            # Who is at work takes what is new as well: telling again would only make a run that is cancelled. Should
            # that one be dead, nobody waits longer than half a minute.
            if why and (teller.waits_since_told(now) >= TRUST_SECONDS or not await is_at_work(or_due=not take)):
                report(f"{len(files)}{'+' * (len(files) == MOST_LOOKED_AT)} files wait in {folder}")
                taken = take is not None and (why == "news" or not taken) and await take()
                if not taken:
                    await tell(len(files))
                teller.told(files, time.monotonic())
        except ScorekeeperError as failed:
            trouble = str(failed)
        if trouble and trouble != complaint:
            report(trouble)
        complaint = trouble
        await _wait(folder, stop)


async def tell(files: int) -> None:
    """Emit the event: a number only, never a name or content of a file. Raises ScorekeeperError."""
    await prefect_server.post_event(EVENT, RESOURCE, {"files": files})


async def is_at_work(*, or_due: bool = True) -> bool:
    """Whether a run of the ingest deployment is at work, or claimed. Raises ScorekeeperError.

    `or_due`: or waits for a worker, which takes it in a second, unless it is away.
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


def _shapes(folder: Path, skip: Sequence[Path]) -> dict[str, Shape]:
    shapes = {}
    for path in islice(list_inbox(folder, skip), MOST_LOOKED_AT):
        try:
            found = path.stat(follow_symlinks=False)
        except OSError:
            continue  # taken since
        grows = can_follow(path.name)
        shapes[known_name(path, folder)] = Shape(found.st_size, found.st_mtime_ns, grows, grows and bool(is_held(path)))
    return shapes


async def _wait(folder: Path, stop: asyncio.Event) -> None:
    """Until something changes in the folder, or a second has passed: where no change is told, looking is enough."""
    try:
        changes = awatch(
            folder.resolve(), step=50, debounce=200, rust_timeout=int(LOOK_SECONDS * 1000), yield_on_timeout=True,
            recursive=True, stop_event=stop, ignore_permission_denied=True,
        )  # fmt: skip
        async for _ in changes:
            return
    except (OSError, RuntimeError):
        await asyncio.sleep(LOOK_SECONDS)
