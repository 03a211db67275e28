"""Archived and quarantined files, compared with what the database says of them."""

from collections.abc import Iterable, Iterator, Set
from datetime import datetime
from itertools import islice, takewhile, tee
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, Row

from scorekeeper.decisions.parse import parse_decision, possible_ids
from scorekeeper.decisions.strict_json import DecisionError, load_json
from scorekeeper.errors import DatabaseError, ScorekeeperError
from scorekeeper.inbox.file_names import can_follow, format_of, is_compressed
from scorekeeper.inbox.growing_files import WATCHED
from scorekeeper.inbox.places import moved
from scorekeeper.inbox.places.base import ChangedError, SourceFile
from scorekeeper.locations import Location, ObjectUrl
from scorekeeper.settings import Settings
from scorekeeper.store.retention import read_kept_from
from scorekeeper.store.sql import statement
from scorekeeper.verify.decisions import check_decision, find_stored, list_longer_ids, neutral_context
from scorekeeper.verify.progress import Progress, silent
from scorekeeper.verify.unknown_files import Doubt, check_unknown

DECISIONS_AT_ONCE = 500
READ_THEM = "copy it to the inbox: only these are new"
# A document in a file, the ids that it may have, where it stands, and the file.
_Found = tuple[dict[str, Any], tuple[str, ...], str, Location]


def check_files(
    connection: Connection, settings: Settings, only: Set[Location] | None = None, progress: Progress = silent
) -> Iterator[Doubt]:
    """Every difference between the archive, the quarantine and the database. With `only`: of these files.

    A file that was moved after the snapshot was taken is doubted too: check it again while no file can move.
    """
    yield from _check_archive(connection, settings, only, progress)
    yield from _check_quarantine(connection, only)
    yield from check_unknown(connection, settings, only)


def _check_archive(
    connection: Connection, settings: Settings, only: Set[Location] | None, progress: Progress
) -> Iterator[Doubt]:
    """Every decision of every archived file is stored, as the file gives it."""
    doubts: list[Doubt] = []
    kept_from = read_kept_from(connection)
    found = _read_archive(connection, settings, only, doubts)
    while batch := list(islice(found, DECISIONS_AT_ONCE)):
        ids = {"ids": [name for _, names, *_ in batch for name in names]}
        stored = {row.trade_id: row for row in connection.execute(statement("verify/select_decisions_as_stored"), ids)}
        for document, names, where, path in batch:
            row = find_stored(stored, document, names, settings)
            wrong = _check(row, document, names[0], where, settings)
            if wrong and (longer := list_longer_ids(document, names)):
                for other in connection.execute(statement("verify/select_decisions_as_stored"), {"ids": longer}):
                    row, wrong = other, min(wrong, _check(other, document, names[0], where, settings), key=len)
            if wrong and row is None and kept_from is not None and _was_deleted(
                connection, document, path, kept_from, settings
            ):
                continue
            yield from (Doubt(path, one) for one in wrong)
        progress("decisions of archived files", len(batch))
    yield from doubts


def _was_deleted(
    connection: Connection, document: dict[str, Any], path: Location, kept_from: datetime, settings: Settings
) -> bool:
    """Whether a decision that is not stored is older than decisions are kept."""
    context = neutral_context(settings)
    if document.get("timestamp") is None:  # it had the file's time
        moment = connection.execute(statement("verify/select_modified_at"), {"destination": str(path)}).scalar()
        context = msgspec.structs.replace(context, fallback_opened_at=moment)
    try:
        return parse_decision(document, context=context).opened_at < kept_from
    except DecisionError:
        return False


def _check(
    row: Row[Any] | None, document: dict[str, Any], trade_id: str, where: str, settings: Settings
) -> list[str]:
    """What is wrong with the row that may be the decision of a document."""
    if row is None:
        return [f"decision {trade_id}: {where} holds it, and it is not stored"]
    return list(check_decision(row, document, where, settings))


def _read_archive(
    connection: Connection, settings: Settings, only: Set[Location] | None, doubts: list[Doubt]
) -> Iterator[_Found]:
    """The decisions of the archived files, file by file. A file that changed since it arrived goes to `doubts`."""
    archived = statement("verify/select_archived_files").execution_options(yield_per=DECISIONS_AT_ONCE)
    rows = connection.execute(archived, {"watched": WATCHED})
    wanted, opened = tee(_choose(rows, settings, only))
    files = moved.open_all(row[2] for row in opened)
    for (name, sha256, path, size, unwatched), found in zip(wanted, files, strict=True):
        source = found if not isinstance(found, ScorekeeperError) else None
        try:
            if isinstance(found, ScorekeeperError):
                raise found
            if source is None:
                if settings.keep_archive_days is not None and moved.is_pruned(path, settings.archive):
                    continue  # prune removed that day
                doubts.append(Doubt(path, f"file {name}: is not at {path}, where it was moved to"))
            elif source.sha256 != sha256 and not (can_follow(name) and source.begins_with(size, sha256)):
                doubts.append(Doubt(path, f"file {name}: {path} has changed since it came in"))
            elif unwatched and source.size > size and not _has_come(connection, source):
                doubts.append(Doubt(path, f"file {name}: {path} has lines that came too late to be read; {READ_THEM}"))
            else:  # lines that were appended after the move are read by the next ingest
                yield from _read_file(connection, source, path, settings, size)
        except DatabaseError:
            raise  # it says nothing of the file
        except (ScorekeeperError, DecisionError, ChangedError) as exc:
            if source is not None and _came_as_another_kind(connection, source):
                continue
            doubts.append(Doubt(path, f"file {name}: {path} cannot be read again: {exc}"))


def _choose(
    rows: Iterable[Row[Any]], settings: Settings, only: Set[Location] | None
) -> Iterator[tuple[str, bytes, Location, int, bool]]:
    """Name, hash and size of the archived files, where each is now, and whether it is watched no longer."""
    for name, sha256, destination, size, unwatched in rows:
        path = _locate(moved.find_location(destination), settings.archive, name)
        if only is None or path in only:
            yield name, sha256, path, size, unwatched


def _has_come(connection: Connection, source: SourceFile) -> bool:
    """Whether all that the file holds now has arrived too."""
    names = connection.execute(statement("verify/select_names_of_content"), {"sha256": source.sha256})
    return names.first() is not None


def _came_as_another_kind(connection: Connection, source: SourceFile) -> bool:
    """Whether the same bytes also arrived as another kind of file: the database keeps the outcome of one kind only."""
    names = connection.execute(statement("verify/select_names_of_content"), {"sha256": source.sha256}).scalars()
    return any((format_of(name), is_compressed(name)) != source.kind for name in names)


def _locate(destination: Location, archive: Location, name: str) -> Location:
    """Where the file is now: at its destination, or at the same place below an archive that was moved as a whole.

    An archive in an object store that was moved is a bucket or a prefix with another name.
    """
    below = str(destination).split("/")[-4 - name.count("/") :]
    if isinstance(destination, Path) and isinstance(archive, Path):
        now = archive.joinpath(*below)
        return now if now.exists() and not destination.exists() else destination
    if isinstance(archive, ObjectUrl) and not (isinstance(destination, ObjectUrl) and archive.holds(destination)):
        now_at = archive / "/".join(below)
        return now_at if moved.are_there([now_at]) else destination
    return destination


def _read_file(
    connection: Connection, source: SourceFile, path: Location, settings: Settings, size: int
) -> Iterator[_Found]:
    """The decisions in the first `size` bytes of the file, which is what was read before it was moved."""
    entries = takewhile(
        lambda entry: source.is_compressed or (entry.end_offset or 0) <= size, source.format.read(source)
    )
    for entry in entries:
        if entry.skipped is not None:
            continue
        document: Any = load_json(entry.text) if entry.document is None else entry.document
        try:
            names = possible_ids(document, context=neutral_context(settings))
        except DecisionError:
            # An older release accepted some invalid times, and read another moment. Its rows stay as they are stored.
            if connection.execute(statement("verify/select_is_of_old"), {"sha256": source.sha256}).scalar():
                continue
            raise
        yield document, names, f"{path}, {source.format.place_word}{entry.number}", path


def _check_quarantine(connection: Connection, only: Set[Location] | None) -> Iterator[Doubt]:
    """Every unchanged file in quarantine has rejections, and its error file names them.

    Users may correct or delete files in quarantine, so a changed or missing one is no difference.
    """
    for name, sha256, destination, refused, newest, report in connection.execute(
        statement("verify/select_quarantined_files")
    ):
        path = moved.find_location(destination)
        if only is not None and path not in only:
            continue
        try:
            source = moved.open_moved(path)
            if source is None or source.sha256 != sha256:
                continue
            if not newest:
                # The same bytes arrived again later: the database keeps the rejections of that arrival.
                if report is not None and moved.hash_error_file(path) != report:
                    yield Doubt(path, f"file {name}: its error file in quarantine has changed")
                continue
            if not refused:
                if not _came_as_another_kind(connection, source):
                    yield Doubt(path, f"file {name}: lies in quarantine, and has no rejections")
                continue
            rows = connection.execute(statement("inbox/select_rejections"), {"sha256": sha256}).mappings()
            if moved.read_error_file(path).get("rejected") != [dict(row) for row in rows]:
                yield Doubt(path, f"file {name}: its error file in quarantine does not name its rejections")
        except DatabaseError:
            raise
        except ScorekeeperError as exc:
            yield Doubt(path, f"file {name}: {exc}")
