"""Checks of the inbox: files that wait, lines without an end, and files that are not read."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice

from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox.places.base import PassedOver
from scorekeeper.inbox.places.choose import open_place
from scorekeeper.operations.health.check import LATE, MOST_LOOKED_AT, MOST_NAMED, UNFINISHED, Check
from scorekeeper.phrases import and_more, name_some
from scorekeeper.settings import Settings


def check_inbox(settings: Settings, now: datetime, read: Mapping[str, int]) -> Iterator[Check]:
    """How many files wait and for how long, which last lines have no end yet, and which files are not read.

    `read`: see `read_offsets`.
    """
    place = open_place(settings)
    try:
        place.look()
    except ScorekeeperError as exc:
        yield Check("inbox", "red", str(exc), "let it be there, and readable")
        return
    came, followed, unfinished = [], 0, []
    for one in islice(place.arrivals(), MOST_LOOKED_AT):
        held = place.has_writer(one.address)
        if held is None:
            held = read.get(one.lasting_id or "") == one.size
        followed += held
        if not held:
            came.append(one.came_at)
        still = now.timestamp() - one.modified_ns / 1e9
        if held and still > UNFINISHED.total_seconds() and one.size and not place.ends_whole(one.address):
            unfinished.append((still, one.name))
    yield _judge_waiting(came, followed, now)
    if unfinished:
        yield _judge_unfinished(sorted(unfinished, reverse=True))
    yield from _list_not_read(place.passed_over())


def _judge_waiting(changed: list[float], followed: int, now: datetime) -> Check:
    more = f"{followed} open at their writers" if followed else ""
    if not changed:
        return Check("inbox", "ok", more or "empty")
    age = now - datetime.fromtimestamp(min(changed), UTC)
    says = f"{len(changed)} files wait, for {max(age, timedelta(0)).total_seconds() / 60:.0f} minutes"
    says += f"; {more}" if more else ""
    if age > LATE:
        return Check("inbox", "red", says, "scorekeeper ingest says why; scorekeeper up takes them by itself")
    return Check("inbox", "ok", says)


def _judge_unfinished(unfinished: list[tuple[float, str]]) -> Check:
    named = name_some([f"{name} for {still / 60:.0f} minutes" for still, name in unfinished], MOST_NAMED)
    return Check(
        "unfinished", "warning", f"the end of the last line is missing: {named}",
        "it is read once its writer ends it (flush whole lines), or closes the file",
    )  # fmt: skip


def _list_not_read(kinds: Iterable[PassedOver]) -> Iterator[Check]:
    for kind in kinds:
        named = ", ".join(kind.names) + and_more(kind.count, len(kind.names))
        yield Check("not read", "warning", f"{kind.what}: {named}", kind.do)
