"""Checks of the inbox: files that wait, lines without an end, and files that are not read."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox.file_names import known_name
from scorekeeper.inbox.places import local_files
from scorekeeper.inbox.places.leases import has_writer
from scorekeeper.inbox.places.local_files import inode_id
from scorekeeper.inbox.places.walk import InboxContents, walk_inbox
from scorekeeper.operations.health.check import LATE, MOST_LOOKED_AT, MOST_NAMED, UNFINISHED, Check
from scorekeeper.phrases import and_more, name_some
from scorekeeper.settings import Settings


def check_inbox(settings: Settings, now: datetime, read: Mapping[str, int]) -> Iterator[Check]:
    """How many files wait and for how long, which last lines have no end yet, and which files are not read.

    `read`: see `read_offsets`.
    """
    try:
        found = walk_inbox(settings.inbox_dir, settings.own_dirs)
    except ScorekeeperError as exc:
        yield Check("inbox", "red", str(exc), "let it be there, and readable")
        return
    changed, followed, unfinished = [], 0, []
    for path in islice(found.files, MOST_LOOKED_AT):
        try:
            lies = path.lstat()
            held = has_writer(path)
            if held is None:
                held = read.get(inode_id(lies.st_dev, lies.st_ino)) == lies.st_size
            followed += held
            if not held:
                changed.append(lies.st_ctime)  # a rename into the inbox sets ctime, and keeps mtime
            still = now.timestamp() - lies.st_mtime
            if held and still > UNFINISHED.total_seconds() and lies.st_size and not local_files.ends_whole(path):
                unfinished.append((still, known_name(path, settings.inbox_dir)))
        except OSError:
            continue  # the file has left the inbox meanwhile
    yield _judge_waiting(changed, followed, now)
    if unfinished:
        yield _judge_unfinished(sorted(unfinished, reverse=True))
    yield from _list_not_read(found, settings.inbox_dir)


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


def _list_not_read(found: InboxContents, folder: Path) -> Iterator[Check]:
    for kind in found.unread(folder):
        named = ", ".join(kind.names) + and_more(kind.count, len(kind.names))
        yield Check("not read", "warning", f"{kind.what}: {named}", kind.do)
