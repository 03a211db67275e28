"""Whether all is well, a line for each thing that can be wrong, and what to do about it. Starts and changes nothing."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Literal

from sqlalchemy import Connection

from scorekeeper import inbox, quarantine, settle
from scorekeeper.errors import DatabaseError, ScorekeeperError
from scorekeeper.settings import Settings
from scorekeeper.store import embedded
from scorekeeper.store.database import Database, open_database, show_address
from scorekeeper.store.migrate import check_schema, newest_version
from scorekeeper.store.sql import statement

State = Literal["ok", "warning", "red"]
LATE = timedelta(minutes=10)  # two sweeps of the inbox, ten tracks
STALE = timedelta(minutes=15)  # of a price; the default grace of a candle is five
CLOCK_WARNING, CLOCK_RED = timedelta(seconds=2), timedelta(seconds=30)
DISK_WARNING, DISK_RED = 5 << 30, 1 << 30
FEWEST_INODES = 10_000
MOST_LOOKED_AT = 20_000
MOST_NAMED = 5


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: how it is, what there is to see, and, unless it is ok, what to do."""

    name: str
    state: State
    says: str
    do: str = ""


@contextmanager
def open_as_it_is(settings: Settings) -> Iterator[Database]:
    """The installation's database, if there is one that answers: nothing is started, made or migrated.

    Raises ScorekeeperError.
    """
    url = settings.database_url
    address = url.get_secret_value() if url else embedded.running_url(settings.scorekeeper_home, "scorekeeper")
    if not address:
        raise ScorekeeperError("the embedded Postgres does not run")
    with open_database(address, settings.scorekeeper_home, migrate=False) as db:
        yield db


def check_all(settings: Settings, clock: Callable[[], datetime]) -> list[Check]:
    """Everything that can be seen without Prefect and the exchange; `clock`: the local one, UTC."""
    checks: list[Check] = []
    try:
        with open_as_it_is(settings) as db, db.begin() as connection:
            checks += check_database(connection, settings, clock)
    except DatabaseError as refused:
        checks.append(Check("database", "red", refused.says, refused.do))
    except ScorekeeperError as away:
        what_to_do = "correct DATABASE_URL" if settings.database_url else "scorekeeper up keeps it running"
        checks.append(Check("database", "red", str(away), what_to_do))
    return [*checks, check_inbox(settings, clock()), *check_disk(settings)]


def check_database(connection: Connection, settings: Settings, clock: Callable[[], datetime]) -> Iterator[Check]:
    """Schema, clock, track, prices, files that could not be moved, quarantine."""
    try:
        check_schema(connection)
    except DatabaseError as refused:
        yield Check("database", "red", refused.says, refused.do)
        return
    except ScorekeeperError as other:
        words, _, what_to_do = str(other).partition(": ")
        yield Check("migrations", "red", words, what_to_do)
        return
    before = clock()
    row = connection.execute(statement("select_health"), {"unmoved_since": before - LATE}).one()
    after = clock()
    yield Check("database", "ok", f"Postgres {row.server_version} at {show_address(connection.engine.url)}")
    yield Check("migrations", "ok", f"schema {newest_version()}")
    yield compare_clocks("clock", row.database_now, before, after, "the database's")
    yield judge_track(row.last_as_of, row.untracked_since, after, waits=row.waits)
    as_of = row.last_as_of or after  # what came since has had nobody yet who asked for its prices
    yield judge_prices(read_sealed(connection, as_of), as_of)
    if row.unmoved_files:
        yield Check(
            "archive", "red", f"{row.unmoved_files} files were read, and could not be moved out of the inbox",
            f"let {settings.archive_dir} and {settings.quarantine_dir} be written; the next ingest moves them",
        )  # fmt: skip
    held = [one for one in quarantine.list_quarantined(connection, settings) if one.files]
    if held:
        says = f"{len(held)} files of which something was refused"
        yield Check("quarantine", "warning", says, "scorekeeper quarantine list")
    else:
        yield Check("quarantine", "ok", "empty")


def compare_clocks(name: str, theirs: datetime, before: datetime, after: datetime, whose: str) -> Check:
    """How far `theirs` lies from the local clock, read before and after it."""
    skew = max(before - theirs, theirs - after, timedelta(0))
    state: State = "red" if skew > CLOCK_RED else "warning" if skew > CLOCK_WARNING else "ok"
    ahead = "behind" if theirs > after else "ahead of"
    says = f"{skew.total_seconds():.0f} s {ahead} {whose}" if state != "ok" else f"as {whose}"
    return Check(name, state, says, "" if state == "ok" else "let both keep time by NTP")


def judge_track(last_as_of: datetime | None, untracked_since: datetime | None, now: datetime, *, waits: bool) -> Check:
    """Whether track has come as far as it should; `untracked_since`: the first decision, where no track ever ran."""
    if last_as_of is None and untracked_since is None:
        return Check("track", "ok", "there is nothing to track yet")
    says = "never" if last_as_of is None else f"last at {last_as_of:%F %R} UTC"
    if last_as_of is not None and last_as_of > now + CLOCK_RED:
        return Check(
            "track", "red", f"{says}, which this machine's clock has not reached",
            "put the clock right; was it ahead then, track goes on by itself at that minute, and nothing is lost",
        )  # fmt: skip
    if not waits:
        return Check("track", "ok", f"{says}; nothing waits for it")
    since = last_as_of or untracked_since
    assert since is not None
    if now - since <= LATE:
        return Check("track", "ok", says)
    return Check("track", "red", f"{says}, and decisions wait", "scorekeeper track says why; scorekeeper up runs it")


def judge_prices(sealed_until: dict[str, datetime], now: datetime) -> Check:
    """Whether there are prices up to now, of every symbol with something open or undecided."""
    if not sealed_until:
        return Check("prices", "ok", "none are needed")
    stale = stale_symbols(sealed_until, now)
    oldest = min(sealed_until.values())
    if not stale:
        return Check("prices", "ok", f"{len(sealed_until)} symbols, the oldest up to {oldest:%F %R} UTC")
    named = ", ".join(stale[:MOST_NAMED]) + (f" and {len(stale) - MOST_NAMED} more" if len(stale) > MOST_NAMED else "")
    return Check(
        "prices", "red", f"none since {oldest:%F %R} UTC: {named}",
        "scorekeeper track says why; what the market does not know can only be voided",
    )  # fmt: skip


def read_sealed(connection: Connection, as_of: datetime) -> dict[str, datetime]:
    """Up to when there are prices of each symbol with something open or undecided at `as_of`."""
    needs = settle.select_needs(connection, as_of)
    return {need.symbol: need.sealed_until or need.earliest_new or as_of for need in needs}


def stale_symbols(sealed_until: dict[str, datetime], now: datetime) -> list[str]:
    """The symbols whose prices end more than STALE before `now`, the oldest first."""
    return [name for name, until in sorted(sealed_until.items(), key=lambda one: one[::-1]) if now - until > STALE]


def check_inbox(settings: Settings, now: datetime) -> Check:
    """How many files wait, and for how long they have stood unchanged."""
    try:
        paths = list(islice(inbox.list_inbox(settings.inbox_dir), MOST_LOOKED_AT))
    except ScorekeeperError as failed:
        return Check("inbox", "red", str(failed), "let it be there, and readable")
    changed = []
    for path in paths:
        try:
            changed.append(path.lstat().st_ctime)  # not the time of change of its content: a rename keeps that one
        except OSError:
            continue  # taken since
    if not changed:
        return Check("inbox", "ok", "empty")
    age = now - datetime.fromtimestamp(min(changed), UTC)
    says = f"{len(changed)} files wait, for {max(age, timedelta(0)).total_seconds() / 60:.0f} minutes"
    if age > LATE:
        return Check("inbox", "red", says, "scorekeeper ingest says why; scorekeeper up takes them by itself")
    return Check("inbox", "ok", says)


def check_disk(settings: Settings) -> Iterator[Check]:
    """Room on each disk that something is written to."""
    seen = set()
    server = settings.scorekeeper_home / "postgres"  # run as root, it lies elsewhere, and this is a link to it
    for folder in (settings.scorekeeper_home, server, settings.inbox_dir, settings.log_dir, settings.datasets_dir):
        there = next(path for path in (folder, *folder.parents) if path.exists())
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
