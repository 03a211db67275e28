"""When a decision first arrived that the database has lost: what published lines and files on the disk tell."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from scorekeeper.decisions.decision import Decision
from scorekeeper.inbox.places import moved, moves
from scorekeeper.inbox.places.base import SourceFile
from scorekeeper.locations import Location
from scorekeeper.publish.target import open_published
from scorekeeper.settings import Settings


class Said(NamedTuple):
    """What a published line says of a decision, beyond its file. None: the line does not say it."""

    received_at: datetime | None
    expires_at: datetime | None
    late: bool | None
    version: str | None


def read_records(path: Path) -> Iterator[dict[str, Any]]:
    """The complete records of a dataset."""
    with open_published(path) as file:
        for line in file:
            try:
                record = json.loads(line)
            except ValueError:
                continue  # torn
            if isinstance(record, dict) and isinstance(record.get("trade_id"), str):
                yield record


def read_said(record: dict[str, Any]) -> Said:
    """What a record of a dataset says."""
    received, expires = (
        datetime.fromisoformat(record[name]) if isinstance(record.get(name), str) else None
        for name in ("received_at", "expires_at")
    )
    return Said(received, expires, record.get("late"), record.get("version"))


def is_known(said: Said | None) -> bool:
    """Whether a line tells when its decision arrived."""
    return said is not None and said.received_at is not None


def received_at(decision: Decision, said: Said | None, arrived: datetime) -> datetime:
    """When a decision was received: as its published line says, or else when its file `arrived`."""
    if said is None or (said.received_at is None and said.late is None):
        return arrived
    if said.received_at is not None:
        return said.received_at
    # Lines of older releases do not tell the time, but on which side of the expiry it was.
    if said.late:
        return max(arrived, decision.expires_at + timedelta(microseconds=1))
    return min(arrived, decision.expires_at)


def find_arrival(location: Location, source: SourceFile, settings: Settings) -> tuple[datetime, datetime]:
    """When a file arrived, as far as its place tells: the likely time, and the latest possible one.

    A file in the archive was moved right after it was read, on the day that its folder names. If it was copied since,
    the disk only tells that it was written before it arrived.
    """
    when = moved.moved_at(location)
    if moves.is_quarantined(settings.quarantine, location):
        report = moved.find_error_file(location)
        when = when if report is None else report.written_at
        return when, when
    named = moved.read_day(location, settings.archive)
    if named is None:
        return when, when
    day = datetime.combine(named, time(), UTC)
    end = day + timedelta(days=1)
    if day <= when < end:
        return when, when
    return min(max(source.mtime, day), end), end
