"""Whether all is well, a line for each thing that can be wrong, and what to do about it.

Changes nothing; an embedded Postgres that rests is started to be looked at, as any command would.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Literal

from sqlalchemy import Connection

from scorekeeper.decisions import unread_words
from scorekeeper.errors import DatabaseError, ScorekeeperError
from scorekeeper.inbox import not_understood, quarantine, source_files
from scorekeeper.inbox.growing_files import identify
from scorekeeper.inbox.listing import Listing, known_name, walk_inbox
from scorekeeper.inbox.open_files import is_held
from scorekeeper.market import sealed_candles
from scorekeeper.settings import Settings
from scorekeeper.store import cluster_folder, embedded
from scorekeeper.store.database import Database, open_database, show_address
from scorekeeper.store.migrate import check_schema, newest_version
from scorekeeper.store.sql import statement
from scorekeeper.verify import strays

State = Literal["ok", "warning", "red"]
UNFINISHED = timedelta(minutes=1)  # of a line: whoever writes in pieces is done by then
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
    """The installation's database, if there is one: nothing is made or migrated. Raises ScorekeeperError."""
    home, url = settings.scorekeeper_home, settings.database_url
    with ExitStack() as held:
        if not url and cluster_folder.has_cluster(home):
            held.callback(embedded.acquire(home).release)
        address = url.get_secret_value() if url else embedded.running_url(home, "scorekeeper")
        if not address:
            raise _NoneYetError("there is none yet: the first command that needs one makes it")
        yield held.enter_context(open_database(address, home, migrate=False))


class _NoneYetError(ScorekeeperError):
    """Nothing was stored yet."""


def check_all(settings: Settings, clock: Callable[[], datetime]) -> list[Check]:
    """Everything that can be seen without Prefect and the exchange; `clock`: the local one, UTC."""
    checks = [check_home(settings), *check_strays(settings)]
    read: dict[str, int] = {}
    try:
        if checks[0].state != "red":
            with open_as_it_is(settings) as db, db.begin() as connection:
                checks += check_database(connection, settings, clock)
                if not any(check.name in ("database", "migrations") and check.state == "red" for check in checks):
                    read = read_offsets(connection)
    except _NoneYetError as none:
        checks.append(Check("database", "ok", str(none)))
    except DatabaseError as refused:
        checks.append(Check("database", "red", refused.says, refused.do))
    except ScorekeeperError as away:
        what_to_do = "correct DATABASE_URL" if settings.database_url else "see its log, in the home"
        checks.append(Check("database", "red", str(away), what_to_do))
    return [*checks, *check_inbox(settings, clock(), read), *check_disk(settings)]


def check_home(settings: Settings) -> Check:
    """Where the home is and who said so; whether it is ours, and has the database that it had."""
    home = settings.scorekeeper_home
    says = f"{home} ({settings.home_from})"
    try:
        has_cluster = cluster_folder.has_cluster(home)
    except ScorekeeperError as lost:
        words, _, what_to_do = str(lost).partition(": ")
        return Check("home", "red", f"{words} ({settings.home_from})", what_to_do)
    if has_cluster and cluster_folder.lies_elsewhere(home):
        says += f"; its database is in {cluster_folder.describe_folder(home)}"
        return Check("home", "warning", says, "back up both: a copy of the home does not hold the database")
    return Check("home", "ok", says)


def check_strays(settings: Settings) -> Iterator[Check]:
    """Databases outside of homes that no home leads to any more, which only root has and sees."""
    strays = list(cluster_folder.list_strays(settings.scorekeeper_home))
    if strays:
        unknown = "a home that has not been used since the upgrade"
        named = ", ".join(f"{one.folder} (of {one.home or unknown})" for one in strays[:MOST_NAMED])
        more = f" and {len(strays) - MOST_NAMED} more" if len(strays) > MOST_NAMED else ""
        yield Check(
            "left over", "warning", f"{len(strays)} databases that no home is known to use: {named}{more}",
            "remove the folders that nobody misses; to look into one: ln -s FOLDER HOME/postgres in an empty HOME",
        )  # fmt: skip


def check_database(connection: Connection, settings: Settings, clock: Callable[[], datetime]) -> Iterator[Check]:
    """Schema, clock, track, prices, files that could not be moved, what was not understood, quarantine."""
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
    row = connection.execute(statement("operations/select_health"), {"unmoved_since": before - LATE}).one()
    after = clock()
    yield Check("database", "ok", f"Postgres {row.server_version} at {show_address(connection.engine.url)}")
    yield Check("migrations", "ok", f"schema {newest_version()}")
    yield compare_clocks("clock", row.database_now, before, after, "the database's")
    yield judge_track(row.last_as_of, row.untracked_since, after, waits=row.waits)
    as_of = row.last_as_of or after  # what came since has had nobody yet who asked for its prices
    troubles = {
        symbol: (kind, says) for symbol, kind, says in connection.execute(statement("operations/select_price_troubles"))
    }
    if held := list(connection.execute(statement("market/select_held_spellings")).scalars()):
        says = f"{len(held)} spellings wait for the market's list: {_name(held)}"
        yield Check("symbols", "warning", says, "scorekeeper track reads them; until then nothing of them is published")
    yield from explain_prices(read_sealed(connection, as_of), troubles, as_of)
    if row.unmoved_files and (unmoved := row.unmoved_files - _count_held(connection, settings)) > 0:
        yield Check(
            "archive", "red", f"{unmoved} files were read, and could not be moved out of the inbox",
            f"let {settings.archive_dir} and {settings.quarantine_dir} be written; the next ingest moves them",
        )  # fmt: skip
    yield from judge_unread(not_understood.read_unread(connection, settings.reading))
    yield judge_strays(list(islice(strays.find_files(connection, settings, most=MOST_LOOKED_AT), MOST_NAMED)), settings)
    held = [one for one in quarantine.list_quarantined(connection, settings) if one.files]
    if held:
        says = f"{len(held)} files of which something was refused"
        yield Check("quarantine", "warning", says, "scorekeeper quarantine list")
    else:
        yield Check("quarantine", "ok", "empty")


def judge_unread(found: not_understood.Unread) -> Iterator[Check]:
    """Whether all words were understood and all confidences are on the scale that is set."""
    lines = unread_words.tell_unread(found.words)
    if lines:
        yield Check("words", "warning", "; ".join(lines), unread_words.ADD_WORDS)
    else:
        yield Check("words", "ok", "all are in a list")
    if small := unread_words.tell_small(found.small):
        yield Check("confidence", "warning", small, unread_words.SET_SCALE)
    else:
        yield Check("confidence", "ok", "none that looks like a fraction")
    if found.noted:
        says = f"{found.noted:,} decisions with a field that was left out, or had to be decided"
        yield Check("notes", "warning", says, "the view report_notes names each; the next ones may be written better")
    else:
        yield Check("notes", "ok", "none")


def judge_strays(files: list[Path], settings: Settings) -> Check:
    """Whether archive, quarantine or a dataset that was set aside hold what the database does not know."""
    found = [str(path) for path in (*files, *strays.list_set_aside(settings.dataset_path))]
    if not found:
        return Check("restored", "ok", "the database knows all that came in")
    more = " and more" if len(found) > MOST_NAMED else ""
    says = f"the database does not know what is in {', '.join(found[:MOST_NAMED])}{more}"
    return Check("restored", "red", says, "scorekeeper recover takes it in again, as after a restore from a backup")


def _count_held(connection: Connection, settings: Settings) -> int:
    """How many of the files that have been read are left in the inbox since their writers have them open."""
    names = connection.execute(statement("inbox/select_unmoved_arrivals")).scalars()
    return sum(bool(is_held(settings.inbox_dir / name)) for name in names)


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


def explain_prices(
    sealed_until: dict[str, datetime], troubles: dict[str, tuple[str, str]], now: datetime
) -> Iterator[Check]:
    """See judge_prices; what the last track found to be wrong with a symbol (kind, words) has a line for its kind."""
    stale = stale_symbols(sealed_until, now)
    met: dict[str, list[str]] = {}
    told = set()
    for symbol in [*stale, *sorted(sealed_until.keys() - set(stale))]:
        kind, says = troubles.get(symbol, (None, ""))
        # A broken file is never right; an exchange that failed may be by the next minute.
        if kind is not None and (symbol in stale or kind == "file"):
            met.setdefault(kind, []).append(symbol if kind == "unlisted" else f"{symbol}: {says}")
            told.add(symbol)
    for kind, lines in met.items():
        state, what, what_to_do = _PRICE_TROUBLES[kind]
        yield Check("prices", state, f"{what}{_name(lines)}", what_to_do)
    rest = {symbol: until for symbol, until in sealed_until.items() if symbol not in told}
    if rest or not met:
        yield judge_prices(rest, now)


_PRICE_TROUBLES: dict[str, tuple[State, str, str]] = {
    "file": ("red", "", "mend that file: track goes on with it where it was; the trades of other symbols are well"),
    "failed": ("red", "", "track asks again by itself, every minute below scorekeeper up"),
    "ends": ("warning", "", "append to it: what is due later closes then, as if it had been whole; nothing is lost"),
    "unlisted": (
        "red", "the market does not list ",
        "give it a candle file, or the market that lists it; else void those trades; see docs/decision-files.md",
    ),
}  # fmt: skip


def _name(lines: list[str]) -> str:
    more = f" and {len(lines) - MOST_NAMED} more" if len(lines) > MOST_NAMED else ""
    return ("; " if any(": " in line for line in lines) else ", ").join(lines[:MOST_NAMED]) + more


def judge_prices(sealed_until: dict[str, datetime], now: datetime) -> Check:
    """Whether there are prices up to now, of every symbol with something open or undecided."""
    if not sealed_until:
        return Check("prices", "ok", "none are needed")
    stale = stale_symbols(sealed_until, now)
    oldest = min(sealed_until.values())
    if not stale:
        return Check("prices", "ok", f"{len(sealed_until)} symbols, the oldest up to {oldest:%F %R} UTC")
    says = f"none since {oldest:%F %R} UTC: {_name(stale)}"
    return Check("prices", "red", says, "scorekeeper track says why, and scorekeeper up runs it")


def read_sealed(connection: Connection, as_of: datetime) -> dict[str, datetime]:
    """Up to when there are prices of each symbol with something open or undecided at `as_of`."""
    needs = sealed_candles.select_needs(connection, as_of)
    return {need.symbol: need.sealed_until or need.earliest_new or as_of for need in needs}


def stale_symbols(sealed_until: dict[str, datetime], now: datetime) -> list[str]:
    """The symbols whose prices end more than STALE before `now`, the oldest first."""
    return [name for name, until in sorted(sealed_until.items(), key=lambda one: one[::-1]) if now - until > STALE]


def read_offsets(connection: Connection) -> dict[str, int]:
    """How far the files are read that are followed while they grow, by device and inode."""
    return {row.identity: row.committed_offset for row in connection.execute(statement("inbox/select_followed_files"))}


def check_inbox(settings: Settings, now: datetime, read: Mapping[str, int]) -> Iterator[Check]:
    """How many files wait, and for how long they have stood unchanged; last lines that wait for their end; and what is
    not read at all. `read`: how far the files are read that are followed.
    """
    try:
        found = walk_inbox(settings.inbox_dir, settings.own_dirs)
    except ScorekeeperError as failed:
        yield Check("inbox", "red", str(failed), "let it be there, and readable")
        return
    changed, followed, torn = [], 0, []
    for path in islice(found.files, MOST_LOOKED_AT):
        try:
            lies = path.lstat()
            held = is_held(path)
            if held is None:
                held = read.get(identify(lies.st_dev, lies.st_ino)) == lies.st_size
            followed += held
            if not held:
                changed.append(lies.st_ctime)  # not the time of change of its content: a rename keeps that one
            still = now.timestamp() - lies.st_mtime
            if held and still > UNFINISHED.total_seconds() and lies.st_size and not source_files.ends_whole(path):
                torn.append((still, known_name(path, settings.inbox_dir)))
        except OSError:
            continue  # taken since
    yield _judge_inbox(changed, followed, now)
    if torn:
        yield _judge_torn(sorted(torn, reverse=True))
    yield from _judge_unread(found, settings.inbox_dir)


def _judge_inbox(changed: list[float], followed: int, now: datetime) -> Check:
    more = f"{followed} open at their writers" if followed else ""
    if not changed:
        return Check("inbox", "ok", more or "empty")
    age = now - datetime.fromtimestamp(min(changed), UTC)
    says = f"{len(changed)} files wait, for {max(age, timedelta(0)).total_seconds() / 60:.0f} minutes"
    says += f"; {more}" if more else ""
    if age > LATE:
        return Check("inbox", "red", says, "scorekeeper ingest says why; scorekeeper up takes them by itself")
    return Check("inbox", "ok", says)


def _judge_torn(torn: list[tuple[float, str]]) -> Check:
    named = ", ".join(f"{name} for {still / 60:.0f} minutes" for still, name in torn[:MOST_NAMED])
    more = f" and {len(torn) - MOST_NAMED} more" if len(torn) > MOST_NAMED else ""
    return Check(
        "unfinished", "warning", f"the end of the last line is missing: {named}{more}",
        "it is read once its writer ends it (flush whole lines), or closes the file",
    )  # fmt: skip


def _judge_unread(found: Listing, folder: Path) -> Iterator[Check]:
    for kind in found.unread(folder):
        more = f" and {kind.count - len(kind.names)} more" if kind.count > len(kind.names) else ""
        yield Check("not read", "warning", f"{kind.what}: {', '.join(kind.names)}{more}", kind.do)


def check_disk(settings: Settings) -> Iterator[Check]:
    """Room on each disk that something is written to."""
    seen = set()
    server = settings.scorekeeper_home / "postgres"  # run as root, it lies elsewhere, and this is a link to it
    for folder in (settings.scorekeeper_home, server, settings.inbox_dir, settings.log_dir, settings.datasets_dir):
        there = next(path for path in (folder, *folder.parents) if os.path.exists(path))  # noqa: PTH110 - of what is closed, too
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
