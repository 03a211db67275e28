"""What waits in the inboxes of an installation: one inbox, or one of each system."""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox.file_names import can_follow
from scorekeeper.inbox.places.base import Place
from scorekeeper.inbox.places.choose import open_place
from scorekeeper.settings import Settings

LOOK_SECONDS = 1.0
POLL_SECONDS = 5.0
# Enough to know that files wait, and for how long, while a look at a flooded inbox stays cheap.
MOST_LOOKED_AT = 20_000
STORES_AT_ONCE = 8


class Shape(NamedTuple):
    """What shows that a file has changed: its size in bytes and the time of its last write.

    `grows`: its lines are taken in while it grows. `held`: its writer has it open.
    """

    size: int
    modified_ns: int
    grows: bool = False
    held: bool = False


class Inbox:
    """Where files arrive by these settings. `shapes`: what waited there at the last look, by name; `trouble`: why that
    look failed, else empty.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.shapes: Mapping[str, Shape] = {}
        self.trouble = ""
        self._place: Place | None = None
        self._looked_at = float("-inf")

    @property
    def folder(self) -> Path | None:
        """The folder in which the system reports changes, if there is one."""
        return None if self._place is None else self._place.watched_folder

    def as_before(self, before: "Inbox | None") -> "Inbox":
        """The inbox of `before`, with what it has opened, if it has the same settings; else this one."""
        return before if before is not None and before.settings == self.settings else self

    def look(self, now: float) -> None:
        """See what waits. `now`: a steady clock, in seconds.

        Without a folder, each look is a paid request, made every POLL_SECONDS. A system without its folder is no
        trouble: nothing has been written there yet.
        """
        if self.folder is None and now - self._looked_at < POLL_SECONDS:
            return
        self._looked_at, trouble = now, ""
        shapes: dict[str, Shape] = {}
        try:
            place = self._place = self._place or open_place(self.settings)
            if not self.settings.system or place.watched_folder is None or place.watched_folder.is_dir():
                shapes = dict(_list_shapes(place))
        except (ScorekeeperError, OSError) as exc:
            trouble = f"{self.settings.system}: {exc}" if self.settings.system else str(exc)
        self.shapes, self.trouble = shapes, trouble


def _list_shapes(place: Place) -> Iterator[tuple[str, Shape]]:
    place.look(MOST_LOOKED_AT)
    for one in islice(place.arrivals(), MOST_LOOKED_AT):
        grows = can_follow(one.name)
        held = grows and bool(place.has_writer(one.address))
        yield one.name, Shape(one.size, one.modified_ns, grows, held)


class Looks:
    """Looks at inboxes. An object store that does not answer at once holds up no folder, and no other store."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(STORES_AT_ONCE, "look at a store")
        self._under_way: dict[Inbox, asyncio.Future[None]] = {}

    async def look(self, inboxes: Sequence[Inbox]) -> dict[str, Shape]:
        """The shape of each file that waits, by its name in the inbox, after its system's name if there are several.

        Of a store that takes longer than LOOK_SECONDS: as they were before.
        """
        folders = [one for one in inboxes if isinstance(one.settings.inbox, Path)]
        await asyncio.to_thread(_look_at, folders)
        loop, now = asyncio.get_running_loop(), time.monotonic()
        for one in inboxes:
            if one not in folders and one not in self._under_way:
                self._under_way[one] = loop.run_in_executor(self._threads, partial(one.look, now))
        if self._under_way:
            done, _ = await asyncio.wait(self._under_way.values(), timeout=LOOK_SECONDS)
            self._under_way = {one: look for one, look in self._under_way.items() if look not in done}
            for look in done:
                look.result()
        return {f"{_prefix(one)}{name}": shape for one in inboxes for name, shape in one.shapes.items()}


def _look_at(folders: Sequence[Inbox]) -> None:
    for one in folders:
        one.look(time.monotonic())


def _prefix(inbox: Inbox) -> str:
    return f"{inbox.settings.system}/" if inbox.settings.system else ""
