"""What is known of decision files: which content came under which name, how far it is read, what was refused of it."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from scorekeeper.decisions.decision import Decision
from scorekeeper.decisions.word_warnings import SYSTEM
from scorekeeper.inbox.places import local_files
from scorekeeper.inbox.store_decisions import Verdict
from scorekeeper.safe_text import escape_controls
from scorekeeper.store.sql import json_rows, statement

LONGEST_EXCERPT = 400


@dataclass
class FileProgress:
    """One file's share of a batch, and how far the file has been read.

    `decisions`: line, decision, the beginning of its text; `rejections`: by line the field, the reason and the excerpt,
    fit to be shown; `refusals`: how many there were in the file so far. `known`: its content has been read before;
    `again`: and is read again from its beginning, since something was refused of it; `grown_from`: the content that it
    was before it grew, and `torn` the line of that which had no end then. `identity`, `fingerprint`: of a file that is
    followed while it grows, whose hash is a key then; `whole`: that file, once it is read to its end and will not grow
    any more; `left`: the rest is left to its writer. Known once it is written: `refused`, decisions refused so far, and
    `destination`, where its file goes once it is read whole.
    """

    source: local_files.LocalFile
    offset: int = 0
    lines: int = 0
    decisions: list[tuple[int, Decision, bytes]] = field(default_factory=list)
    rejections: dict[int, tuple[str | None, str, str]] = field(default_factory=dict)
    refusals: int = 0
    known: bool = False
    again: bool = False
    grown_from: bytes | None = None
    identity: str | None = None
    fingerprint: bytes | None = None
    torn: int | None = None
    whole: local_files.LocalFile | None = None
    finished: bool = False
    left: bool = False
    committed: bool = False
    refused: int = 0
    destination: Path | None = None

    @property
    def outcome(self) -> str:
        """What its arrival came to so far."""
        if not self.finished:
            return "reading"
        return "quarantined" if self.refused else "duplicate" if self.known else "ingested"

    @property
    def content(self) -> local_files.LocalFile:
        """The file with the hash of its content, where that is known by now."""
        return self.whole or self.source

    def hand_over(self) -> "FileProgress":
        """What has been read since the last batch, to be written; this one goes on with what comes after it."""
        given = replace(self)
        self.decisions, self.rejections = [], {}
        self.committed, self.again, self.grown_from = True, False, None
        return given


@dataclass
class Counts:
    """Over a whole run, by content: how many decisions it holds, and how many were refused of it."""

    holds: dict[bytes, int] = field(default_factory=dict)
    refused: dict[bytes, int] = field(default_factory=dict)


@dataclass
class Tally:
    """What a batch came to; `rejections`: file, line, field and reason of each.

    Of the decisions that are new: `opened`: those that opened a trade; `idle`: the words of those that did not, and how
    often; `unread`: the words that are in no list, by the agent that said them (SYSTEM: the decision's own); `noted`:
    how many have notes, with `notes`: file, line, field and reason of each of these.
    """

    decisions: int = 0
    duplicates: int = 0
    rejections: list[dict[str, Any]] = field(default_factory=list)
    opened: int = 0
    idle: Counter[str] = field(default_factory=Counter)
    unread: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    noted: int = 0
    notes: list[dict[str, Any]] = field(default_factory=list)

    def take(self, name: str, line: int, decision: Decision) -> None:
        """Count a decision that is new."""
        self.decisions += 1
        if decision.direction:
            self.opened += 1
        else:
            self.idle[decision.action] += 1
        if not decision.understood:
            self.unread[SYSTEM][decision.action] += 1
        for said in decision.signals:
            if not said.understood:
                self.unread[said.agent][said.signal] += 1
        if decision.notes:
            self.noted += 1
            self.notes += [
                {"file": name, "line": line, "field": escape_controls(one.field), "reason": escape_controls(one.reason)}
                for one in decision.notes
            ]


def show_excerpt(text: bytes) -> str:
    """The beginning of what was read, as one line that is fit to be shown."""
    return escape_controls(text[:LONGEST_EXCERPT].decode("utf-8", "replace"))[:300]


def write(connection: Connection, name: str, rows: list[dict[str, Any]]) -> None:
    """Run a statement over all of `rows`, if there are any."""
    if rows:
        connection.execute(statement(name), {"rows": json_rows(rows)})


def open_parts(connection: Connection, parts: Sequence[FileProgress], at: datetime) -> None:
    """Note how far the files of a batch are read, before their decisions are written."""
    progress = [
        {
            "sha256": part.source.sha256, "size_bytes": part.source.size, "committed_offset": part.offset,
            "committed_lines": part.lines, "finished_at": at if part.finished and part.identity is None else None,
        }
        for part in parts
    ]  # fmt: skip
    write(connection, "inbox/upsert_decision_files", progress)
    followed = [
        {
            "sha256": part.source.sha256, "name": part.source.name, "identity": part.identity,
            "fingerprint": part.fingerprint,
        }
        for part in parts
        if part.identity is not None and part.whole is None
    ]  # fmt: skip
    write(connection, "inbox/upsert_followed_files", followed)
    grown = [
        {
            "name": part.source.name, "before": part.grown_from, "sha256": part.source.sha256, "torn": part.torn,
            "at": at, "followed": part.identity is not None,
        }
        for part in parts
        if part.grown_from is not None
    ]  # fmt: skip
    write(connection, "inbox/adopt_rejections", grown)  # before those of the shorter content go, which is read again
    write(connection, "inbox/delete_reread_rejections", [row for row in grown if row["followed"]])
    write(connection, "inbox/delete_rejections", [{"sha256": part.source.sha256} for part in parts if part.again])
    write(connection, "inbox/end_grown_arrivals", grown)


def close_parts(
    connection: Connection,
    parts: Sequence[FileProgress],
    verdicts: Iterator[Verdict],
    *,
    at: datetime,
    counts: Counts,
    destination: Callable[[FileProgress], Path],
    in_place: bool,
) -> Tally:
    """Note what became of the files of a batch: `verdicts` are those of all their decisions, in order.

    `counts` is kept over the whole run: what comes again is as much of a duplicate, and as much to be quarantined.
    `in_place`: finished files stay where they are; else they have to go to their `destination` yet.
    """
    tally = Tally()
    refusals: list[dict[str, Any]] = []
    arrivals = []
    for part in parts:
        name, sha256 = part.source.name, part.source.sha256
        accepted, duplicates = -tally.decisions, 0
        for line, decision, excerpt in part.decisions:
            verdict = next(verdicts)
            if verdict.outcome == "accepted":
                tally.take(name, line, decision)
            duplicates += verdict.outcome == "duplicate"
            if verdict.outcome == "conflict":
                reason = f"{decision.trade_id} has other content in {verdict.standing}"
                part.rejections[line] = ("trade_id", escape_controls(reason), show_excerpt(excerpt))
        accepted += tally.decisions
        if part.known:
            duplicates, part.refused = counts.holds[sha256], counts.refused.get(sha256, 0)
        else:
            counts.holds[sha256] = counts.holds.get(sha256, 0) + accepted + duplicates
            counts.refused[sha256] = part.refused = counts.refused.get(sha256, 0) + len(part.rejections)
        refusals += [
            {
                "sha256": sha256, "source_name": name, "line": line, "field": field_name, "reason": reason,
                "excerpt": shown or None, "rejected_at": at,
            }
            for line, (field_name, reason, shown) in part.rejections.items()
        ]  # fmt: skip
        part.destination = destination(part) if part.finished and not in_place else None
        arrivals.append(
            {
                "name": name, "sha256": sha256, "modified_at": part.source.mtime, "arrived_at": at,
                "outcome": part.outcome, "decisions": accepted, "duplicates": duplicates,
                "rejected": part.refused if part.known else len(part.rejections),
                "destination": part.destination and str(part.destination),
            }
        )  # fmt: skip
        tally.duplicates += duplicates
    write(connection, "inbox/upsert_rejections", refusals)
    write(connection, "inbox/upsert_arrivals", arrivals)
    if in_place:
        moved = [
            {"name": part.source.name, "sha256": part.source.sha256, "moved_at": at, "lies": False}
            for part in parts
            if part.finished
        ]
        write(connection, "inbox/mark_arrivals_moved", moved)
    _name_contents(connection, [part for part in parts if part.whole is not None], at)
    tally.rejections = [
        {"file": one["source_name"], "line": one["line"], "field": one["field"], "reason": one["reason"]}
        for one in refusals
    ]
    return tally


def _name_contents(connection: Connection, parts: Sequence[FileProgress], at: datetime) -> None:
    """Let what was known by a key, while it was followed, be known by the hash of its content."""
    firsts: dict[bytes, FileProgress] = {}
    later = [part for part in parts if firsts.setdefault(part.content.sha256, part) is not part]
    rows = [
        {
            "name": part.source.name, "sha256": part.source.sha256, "content": part.content.sha256,
            "before": part.content.sha256, "size_bytes": part.content.size, "at": at,
        }
        for part in firsts.values()
    ]  # fmt: skip
    write(connection, "inbox/note_followed_duplicates", rows)
    write(connection, "inbox/insert_followed_contents", rows)
    write(connection, "inbox/delete_rejections", [{"sha256": sha256} for sha256 in firsts])  # it was read anew
    write(connection, "inbox/move_rejections", rows)
    write(connection, "inbox/end_grown_arrivals", rows)
    write(connection, "inbox/name_followed_arrivals", rows)
    write(connection, "inbox/delete_followed_files", rows)
    if later:
        _name_contents(connection, later, at)  # of twins the second one meets what is known by then
