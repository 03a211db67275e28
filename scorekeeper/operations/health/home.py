"""Checks of the home, of databases that no home leads to, and of the disks."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from scorekeeper.errors import ScorekeeperError
from scorekeeper.locations import Location, ObjectUrl
from scorekeeper.object_store import open_store
from scorekeeper.operations.health.check import DISK_RED, DISK_WARNING, FEWEST_INODES, MOST_NAMED, Check
from scorekeeper.phrases import name_some
from scorekeeper.settings import Settings
from scorekeeper.store import cluster_folder


def check_home(settings: Settings) -> Check:
    """Where the home is and what set it; whether it belongs to this user, and still has its database."""
    home = settings.scorekeeper_home
    says = f"{home} ({settings.home_from})"
    try:
        has_cluster = cluster_folder.has_cluster(home)
    except ScorekeeperError as exc:
        words, _, what_to_do = str(exc).partition(": ")
        return Check("home", "red", f"{words} ({settings.home_from})", what_to_do)
    if has_cluster and cluster_folder.lies_elsewhere(home):
        says += f"; its database is in {cluster_folder.describe_folder(home)}"
        return Check("home", "warning", says, "back up both: a copy of the home does not hold the database")
    return Check("home", "ok", says)


def check_left_over(settings: Settings) -> Iterator[Check]:
    """Databases outside of homes that no home leads to any more. Only root has such databases and sees them."""
    left_over = list(cluster_folder.list_strays(settings.scorekeeper_home))
    if left_over:
        unknown = "a home that has not been used since the upgrade"
        named = name_some([f"{one.folder} (of {one.home or unknown})" for one in left_over], MOST_NAMED)
        yield Check(
            "left over", "warning", f"{len(left_over)} databases that no home is known to use: {named}",
            "remove the folders that are not needed; to look into one: ln -s FOLDER HOME/postgres in an empty HOME",
        )  # fmt: skip


def check_published(settings: Settings) -> Iterator[Check]:
    """Whether the object stores answer in which log and dataset are published; nothing where these are on a disk."""
    places: list[Location] = [settings.log_dir, settings.datasets_dir]
    for at in places:
        if isinstance(at, ObjectUrl):
            try:
                next(open_store(at).list(at), None)
                yield Check("published", "ok", f"{at} answers")
            except ScorekeeperError as exc:
                yield Check("published", "red", str(exc), "nothing is lost: the next publication writes what is new")


def check_disk(settings: Settings) -> Iterator[Check]:
    """Free space on each disk that Scorekeeper writes to."""
    seen = set()
    server = settings.scorekeeper_home / "postgres"  # a link to another disk, perhaps, where root runs it
    places = (settings.scorekeeper_home, server, settings.inbox, settings.log_dir, settings.datasets_dir)
    for folder in [place for place in places if isinstance(place, Path)]:  # an object store has no disk
        # os.path.exists: Path.exists raises for a folder that may not be entered.
        there = next(path for path in (folder, *folder.parents) if os.path.exists(path))  # noqa: PTH110
        device = there.stat().st_dev
        if device not in seen:
            seen.add(device)
            yield _judge_disk(there)


def _judge_disk(folder: Path) -> Check:
    free, found = shutil.disk_usage(folder).free, os.statvfs(folder)
    if found.f_flag & os.ST_RDONLY:
        return Check("disk", "red", f"{folder} can be read only", "mount it for writing")
    says = f"{free / 2**30:.1f} GiB free at {folder}"
    if free < DISK_RED or (found.f_files > 0 and found.f_favail < FEWEST_INODES):
        return Check("disk", "red", f"{says}, {found.f_favail} files more", "make room: archive/ may be moved away")
    return Check("disk", "warning", says, "make room soon") if free < DISK_WARNING else Check("disk", "ok", says)
