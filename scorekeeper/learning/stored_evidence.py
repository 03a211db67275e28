"""The evidence of a version's blocks, as it is stored."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection

from scorekeeper.learning.constants import FIRST_DECISIONS, HOUR, THRESHOLD
from scorekeeper.learning.evidence import EvidenceState, choose_block_hours, find_blocks, follow_blocks
from scorekeeper.learning.window import from_copy, micros, moment
from scorekeeper.store.copy_columns import read_columns
from scorekeeper.store.sql import json_rows, statement
from scorekeeper.store.temporary import drop_temporary

_JUDGED = {"opened": ">i8", "expires": ">i8", "excess": ">f8", "uniqueness": ">f8"}
_ALWAYS = np.iinfo(np.int64).min


@dataclass(frozen=True)
class Blocks:
    """The length of a version's blocks in hours, and the moment from which it is known; both None before.

    `adoptions`: whether the weights are adopted, from which hour on (microseconds); the first entry is what held before
    this step, the others are changes.
    """

    hours: int | None
    since: datetime | None
    adoptions: list[tuple[int, bool]]


def learn_evidence(connection: Connection, version: str, progress: Any, after: datetime, until: datetime) -> Blocks:
    """Bet on the blocks that ended after `after` and up to `until`, and store them.

    `progress`: the row before this step. The votes and outcomes up to `until` are stored already. Blocks that ended
    before the 20th decision are bet on when that is known, and have no effect before.
    """
    hours, since = progress.block_hours, progress.blocks_from
    fresh = hours is None
    if fresh:
        first = connection.execute(statement("learning/select_first_holds"), {"version": version}).all()
        hours = choose_block_hours(np.array([row.hold for row in first], dtype=np.int64))
        since = None if hours is None else first[FIRST_DECISIONS - 1].opened_at
    last = connection.execute(statement("learning/select_last_block"), {"version": version}).one_or_none()
    adoptions = [(_ALWAYS, last is not None and bool(last.adopted))]
    if hours is None or since is None:
        return Blocks(None, None, adoptions)
    length = hours * HOUR
    begin = 0 if fresh else micros(after) // length * length
    end = micros(until) // length * length
    if begin >= end:
        return Blocks(hours, since, adoptions)
    drop_temporary(connection, "learning_judged")
    span = {"version": version, "opened_from": moment(begin), "until": moment(end)}
    connection.execute(statement("learning/create_judged"), span)
    found = read_columns(connection, "learning/copy_judged", _JUDGED)
    places, block = find_blocks(from_copy(found["opened"]), from_copy(found["expires"]), length)
    if not len(places):
        return Blocks(hours, since, adoptions)
    block, starts, counts = np.unique(block, return_index=True, return_counts=True)
    means = np.add.reduceat(found["excess"][places], starts) / counts
    path = follow_blocks(_state(last), means)
    rows = {
        "begins": block * length,
        "ends": (block + 1) * length,
        "decisions": counts,
        "independent": np.add.reduceat(found["uniqueness"][places], starts),
        "mean_excess": means,
        "scale": path.scale,
        "wealth": path.wealth,
        "e_value": path.e_value,
        "running": np.where(path.against, "against", "for"),
        "adopted": path.adopted,
        "blocks": path.blocks,
        "sum_squares": path.sum_squares,
    }
    listed = [dict(zip(rows, row, strict=True)) for row in zip(*(v.tolist() for v in rows.values()), strict=True)]
    connection.execute(statement("learning/insert_blocks"), {"version": version, "rows": json_rows(listed)})
    known_from = -(-micros(since) // HOUR) * HOUR
    for ends, adopted in zip(rows["ends"].tolist(), path.adopted.tolist(), strict=True):
        if adopted != adoptions[-1][1]:
            adoptions.append((max(ends, known_from), adopted))
    return Blocks(hours, since, adoptions)


def _state(last: Any) -> EvidenceState:
    """The e-process from which the next block goes on: after a change of sides its wealth is 1 again."""
    if last is None:
        return EvidenceState()
    start = EvidenceState(last.blocks, last.sum_squares, adopted=last.adopted)
    return start if last.e_value >= THRESHOLD else EvidenceState(
        last.blocks, last.sum_squares, tuple(last.wealth), last.adopted
    )
