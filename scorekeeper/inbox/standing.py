"""Whether a decision is new, beside what is stored and what comes before it in its batch; and the id that it gets."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC
from typing import NamedTuple

from sqlalchemy import Connection

from scorekeeper.decisions.decision import Decision
from scorekeeper.decisions.made_ids import is_made, list_ids
from scorekeeper.store.retention import read_kept_from
from scorekeeper.store.sql import json_rows, statement

# A decision and where it was read: the hash of the file (None: no file), its name, the line.
Row = tuple[Decision, bytes | None, str, int]


class Verdict(NamedTuple):
    """What became of a decision: accepted, duplicate, conflict with the one that was read at `standing`, or too old.

    `trade_id`: the id that the decision has in the database; None: its own.
    """

    outcome: str
    standing: str | None = None
    trade_id: str | None = None

    def explain(self, trade_id: str) -> tuple[str, str] | None:
        """Field and reason of the refusal of a decision with that id of its own; None: it is in the database."""
        if self.outcome == "conflict":
            return "trade_id", f"{trade_id} has other content in {self.standing}"
        if self.outcome == "too old":
            return "timestamp", f"before {self.standing}: decisions of that time were deleted (KEEP_DECISIONS_DAYS)"
        return None


class _Standing(NamedTuple):
    """A decision that has an id already, and where it was read."""

    trade_id: str
    content_sha256: bytes
    where: str


_ACCEPTED, _DUPLICATE = Verdict("accepted"), Verdict("duplicate")


def judge(connection: Connection, rows: Sequence[Row]) -> list[Verdict]:
    """A verdict for each row of a batch. A made id that another content has gives way to a longer one."""
    stored = _look_up(connection, ((place, d.trade_id, d.content_sha256) for place, (d, *_) in enumerate(rows)))
    if doubtful := list(_find_doubtful(rows, stored)):
        longer = (
            (place, one, rows[place][0].content_sha256)
            for place in doubtful
            for one in list_ids(rows[place][0].trade_id, rows[place][0].content_sha256)
        )
        stored |= _look_up(connection, longer)
    kept_from = read_kept_from(connection)
    verdicts = []
    taken: dict[str, Row] = {}
    for place, row in enumerate(rows):
        decision = row[0]
        verdict = _ACCEPTED
        if place in stored or decision.trade_id in taken:
            verdict = _judge_again(decision, stored.get(place, {}), taken)
        if verdict.outcome == "accepted" and kept_from is not None and decision.opened_at < kept_from:
            verdict = Verdict("too old", f"{kept_from.astimezone(UTC):%Y-%m-%d}")
        if verdict.outcome == "accepted":
            taken[verdict.trade_id or decision.trade_id] = row
        verdicts.append(verdict)
    return verdicts


def _find_doubtful(rows: Sequence[Row], stored: Mapping[int, Mapping[str, _Standing]]) -> Iterable[int]:
    """The places of decisions whose id, or whose content, the database or the batch has differently."""
    firsts: dict[str, bytes] = {}
    for place, row in enumerate(rows):
        content = row[0].content_sha256
        known = stored.get(place)
        differs = firsts.setdefault(row[0].trade_id, content) != content
        if differs or (known and any(one.content_sha256 != content for one in known.values())):
            yield place


def _judge_again(decision: Decision, stored: Mapping[str, _Standing], taken: Mapping[str, Row]) -> Verdict:
    """The verdict on a decision whose id or content is known: `stored` by the database, `taken` by the batch."""
    ids = list_ids(decision.trade_id, decision.content_sha256)
    known = {**stored}
    for one in ids:
        if one in taken:
            first, _, name, line = taken[one]
            known[one] = _Standing(one, first.content_sha256, f"{name}, line {line}")
    for standing in known.values():
        if standing.content_sha256 == decision.content_sha256:
            same = standing.trade_id == decision.trade_id
            return _DUPLICATE if same else Verdict("duplicate", trade_id=standing.trade_id)
    for standing in known.values():
        # A row with this content's id that does not follow from its own content was taken from a published dataset.
        # It may be this very decision.
        if not is_made(standing.trade_id, standing.content_sha256):
            return Verdict("conflict", standing.where)
    free = next((one for one in ids[ids.index(decision.trade_id) :] if one not in known), None)
    if free is None:
        return Verdict("conflict", next(iter(known.values())).where)
    return _ACCEPTED if free == decision.trade_id else Verdict("accepted", trade_id=free)


def _look_up(connection: Connection, wanted: Iterable[tuple[int, str, bytes]]) -> dict[int, dict[str, _Standing]]:
    """The stored decisions that have the id or the content of a place, by place and id."""
    given = json_rows(
        {"place": place, "trade_id": trade_id, "content_sha256": sha256} for place, trade_id, sha256 in wanted
    )
    found: dict[int, dict[str, _Standing]] = {}
    for place, *standing in connection.execute(statement("inbox/select_standing_decisions"), {"rows": given}):
        one = _Standing(*standing)
        found.setdefault(place, {})[one.trade_id] = one
    return found
