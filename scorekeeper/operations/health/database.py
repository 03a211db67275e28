"""Checks of the database and of what it says: schema, clock, track, words, quarantine, unknown files."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

from sqlalchemy import Connection

from scorekeeper.decisions import word_warnings
from scorekeeper.errors import DatabaseError, ScorekeeperError
from scorekeeper.inbox import not_understood, quarantine
from scorekeeper.inbox.places.leases import has_writer
from scorekeeper.locations import Location
from scorekeeper.operations.health.check import (
    CLOCK_RED,
    CLOCK_WARNING,
    LATE,
    MOST_LOOKED_AT,
    MOST_NAMED,
    UNLEARNED,
    Check,
    State,
)
from scorekeeper.operations.health.prices import explain_prices, name_symbols, read_patience, read_sealed
from scorekeeper.settings import Settings
from scorekeeper.store.database import show_address
from scorekeeper.store.migrate import check_schema, newest_version
from scorekeeper.store.sql import statement
from scorekeeper.verify import unknown_files


def check_database(connection: Connection, settings: Settings, clock: Callable[[], datetime]) -> Iterator[Check]:
    """Schema, clock, track, prices, files that could not be moved, words, quarantine, unknown files."""
    try:
        check_schema(connection)
    except DatabaseError as exc:
        yield Check("database", "red", exc.says, exc.do)
        return
    except ScorekeeperError as exc:
        words, _, what_to_do = str(exc).partition(": ")
        yield Check("migrations", "red", words, what_to_do)
        return
    before = clock()
    row = connection.execute(statement("operations/select_health"), {"unmoved_since": before - LATE}).one()
    after = clock()
    yield Check("database", "ok", f"Postgres {row.server_version} at {show_address(connection.engine.url)}")
    yield Check("migrations", "ok", f"schema {newest_version()}")
    yield compare_clocks("clock", row.database_now, before, after, "the database's")
    yield judge_track(row.last_as_of, row.untracked_since, after, waits=row.waits)
    yield judge_learning(row.learned_until, row.last_as_of)
    as_of = row.last_as_of or after  # track has not asked yet for prices of what came after its as_of
    troubles = {
        symbol: (kind, says) for symbol, kind, says in connection.execute(statement("operations/select_price_troubles"))
    }
    if spellings := list(connection.execute(statement("market/select_held_spellings")).scalars()):
        says = f"{len(spellings)} spellings wait for the market's list: {name_symbols(spellings)}"
        yield Check("symbols", "warning", says, "scorekeeper track reads them; until then nothing of them is published")
    yield from explain_prices(read_sealed(connection, as_of), troubles, as_of, read_patience(connection))
    if row.unmoved_files and (unmoved := row.unmoved_files - _count_held(connection, settings)) > 0:
        yield Check(
            "archive", "red", f"{unmoved} files were read, and could not be moved out of the inbox",
            f"let {settings.archive_dir} and {settings.quarantine_dir} be written; the next ingest moves them",
        )  # fmt: skip
    yield from judge_understood(not_understood.read_unread(connection, settings.reading))
    try:
        yield from _judge_files(connection, settings)
    except ScorekeeperError as exc:  # an object store that does not answer
        yield Check("archive", "red", str(exc), "let the archive and the quarantine be there, and readable")


def _judge_files(connection: Connection, settings: Settings) -> Iterator[Check]:
    """Whether the database knows what lies in the archive, and what is refused. Raises ScorekeeperError."""
    unknown = unknown_files.find_unknown_files(connection, settings, most=MOST_LOOKED_AT)
    lost = any(unknown_files.find_unpublished_ids(connection, settings.dataset_path))
    ahead = [settings.dataset_path] if lost else []
    aside = unknown_files.list_set_aside(settings.dataset_path)
    yield judge_unknown([*islice(unknown, MOST_NAMED), *ahead, *aside])
    quarantined = [one for one in quarantine.list_quarantined(connection, settings) if one.files]
    if quarantined:
        says = f"{len(quarantined)} files with rejected decisions"
        yield Check("quarantine", "warning", says, "scorekeeper quarantine list")
    else:
        yield Check("quarantine", "ok", "empty")


def read_offsets(connection: Connection) -> dict[str, int]:
    """How many bytes are read of each file that is followed while it grows, by device and inode."""
    return {row.identity: row.committed_offset for row in connection.execute(statement("inbox/select_followed_files"))}


def judge_understood(found: not_understood.NotUnderstood) -> Iterator[Check]:
    """Whether all words are in a list, and all confidences on the scale that is set."""
    lines = word_warnings.tell_unread(found.words)
    if lines:
        yield Check("words", "warning", "; ".join(lines), word_warnings.ADD_WORDS)
    else:
        yield Check("words", "ok", "all are in a list")
    if small := word_warnings.tell_small(found.small):
        yield Check("confidence", "warning", small, word_warnings.SET_SCALE)
    else:
        yield Check("confidence", "ok", "none that looks like a fraction")
    if found.noted:
        says = f"{found.noted:,} decisions with a field that was left out, or had to be decided"
        yield Check("notes", "warning", says, "the view report_notes names each; the next ones may be written better")
    else:
        yield Check("notes", "ok", "none")


def judge_unknown(files: list[Location]) -> Check:
    """Whether there are `files` that hold, or seem to hold, content that is not in the database."""
    found = [str(path) for path in files]
    if not found:
        return Check("restored", "ok", "the database knows all that came in")
    more = " and more" if len(found) > MOST_NAMED else ""
    says = f"the database does not know what is in {', '.join(found[:MOST_NAMED])}{more}"
    return Check("restored", "red", says, "scorekeeper recover takes it in again, as after a restore from a backup")


def _count_held(connection: Connection, settings: Settings) -> int:
    """How many files were read and stay in the inbox because their writers have them open."""
    if not isinstance(settings.inbox, Path):
        return 0
    names = connection.execute(statement("inbox/select_unmoved_arrivals")).scalars()
    return sum(bool(has_writer(settings.inbox_dir / name)) for name in names)


def compare_clocks(name: str, theirs: datetime, before: datetime, after: datetime, whose: str) -> Check:
    """How far `theirs` is from the local clock, which was read `before` and `after` it."""
    skew = max(before - theirs, theirs - after, timedelta(0))
    state: State = "red" if skew > CLOCK_RED else "warning" if skew > CLOCK_WARNING else "ok"
    ahead = "behind" if theirs > after else "ahead of"
    says = f"{skew.total_seconds():.0f} s {ahead} {whose}" if state != "ok" else f"as {whose}"
    return Check(name, state, says, "" if state == "ok" else "let both keep time by NTP")


def judge_track(last_as_of: datetime | None, untracked_since: datetime | None, now: datetime, *, waits: bool) -> Check:
    """Whether track is up to date.

    `untracked_since`: when the first decision came in, if track has never run. `waits`: whether a decision is
    undecided.
    """
    if last_as_of is None and untracked_since is None:
        return Check("track", "ok", "there is nothing to track yet")
    says = "never" if last_as_of is None else f"last at {last_as_of:%F %R} UTC"
    if last_as_of is not None and last_as_of > now + CLOCK_RED:
        return Check(
            "track", "red", f"{says}, which this machine's clock has not reached",
            "set the clock right; if it was ahead then, track goes on by itself at that minute, and nothing is lost",
        )  # fmt: skip
    if not waits:
        return Check("track", "ok", f"{says}; nothing waits for it")
    since = last_as_of or untracked_since
    assert since is not None
    if now - since <= LATE:
        return Check("track", "ok", says)
    return Check("track", "red", f"{says}, and decisions wait", "scorekeeper track says why; scorekeeper up runs it")


def judge_learning(learned_until: datetime | None, last_as_of: datetime | None) -> Check:
    """Whether `learn` follows track. Whoever has never run it does without what it learns."""
    if learned_until is None:
        return Check("learning", "ok", "nothing is learned yet")
    says = f"learned up to {learned_until:%F %R} UTC"
    if last_as_of is None or last_as_of - learned_until < UNLEARNED:
        return Check("learning", "ok", says)
    return Check(
        "learning", "warning", f"{says}, a day or more before the last track: its weights are no longer in use",
        "scorekeeper learn says why; scorekeeper up runs it each hour",
    )  # fmt: skip
