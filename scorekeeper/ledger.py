"""What is known of decision files: which content came under which name, how far it is read, what was refused of it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from scorekeeper import inbox
from scorekeeper.domain.decision import Decision
from scorekeeper.domain.text import escape_controls
from scorekeeper.recording import Verdict
from scorekeeper.store.sql import statement


@dataclass
class Part:
    """One file's share of a batch, and how far the file has been read.

    `known`: its content has been read before; `grown_from`: the content that it was before it grew; `refused`:
    decisions refused so far.
    """

    source: inbox.SourceFile
    fresh: bool
    offset: int = 0
    lines: int = 0
    decisions: list[tuple[int, Decision, str]] = field(default_factory=list)
    rejections: dict[int, tuple[str | None, str, str]] = field(default_factory=dict)
    known: bool = False
    grown_from: bytes | None = None
    finished: bool = False
    committed: bool = False
    refused: int = 0

    @property
    def outcome(self) -> str:
        """What its arrival came to so far."""
        if not self.finished:
            return "reading"
        return "duplicate" if self.known else "quarantined" if self.refused else "ingested"


@dataclass
class Tally:
    """What a batch came to; `rejections`: file, line, field and reason of each."""

    decisions: int = 0
    duplicates: int = 0
    rejections: list[dict[str, Any]] = field(default_factory=list)


def write(connection: Connection, name: str, rows: list[dict[str, Any]]) -> None:
    """Run a statement once for each of `rows`, sent together."""
    if rows:
        connection.execute(statement(name), rows)


def open_parts(connection: Connection, parts: Sequence[Part], at: datetime) -> None:
    """Note how far the files of a batch are read, before their decisions are written."""
    again = [{"sha256": p.source.sha256} for p in parts if p.finished and not p.fresh and not p.committed]
    write(connection, "delete_rejections", again)
    progress = [
        {
            "sha256": part.source.sha256, "size_bytes": part.source.size, "committed_offset": part.offset,
            "committed_lines": part.lines, "finished_at": at if part.finished else None,
        }
        for part in parts
    ]  # fmt: skip
    write(connection, "upsert_decision_file", progress)
    grown = [
        {"name": part.source.name, "before": part.grown_from, "sha256": part.source.sha256, "at": at}
        for part in parts
        if part.grown_from is not None
    ]
    write(connection, "adopt_rejections", grown)
    write(connection, "end_grown_arrival", grown)


def close_parts(
    connection: Connection,
    parts: Sequence[Part],
    verdicts: Iterator[Verdict],
    *,
    at: datetime,
    holds: dict[bytes, int],
    destination: Callable[[Part], Path],
    moved_at: datetime | None,
) -> Tally:
    """Note what became of the files of a batch: `verdicts` are those of all their decisions, in order.

    `holds` counts, over the whole run, how many decisions a content holds. `moved_at`: when finished files need not be
    moved any more; None: they have to go to their `destination` yet.
    """
    tally = Tally()
    refusals: list[dict[str, Any]] = []
    arrivals = []
    for part in parts:
        name, sha256 = part.source.name, part.source.sha256
        accepted = duplicates = 0
        for line, decision, shown in part.decisions:
            verdict = next(verdicts)
            accepted += verdict.outcome == "accepted"
            duplicates += verdict.outcome == "duplicate"
            if verdict.outcome == "conflict":
                reason = f"{decision.trade_id} has other content in {verdict.standing}"
                part.rejections[line] = ("trade_id", escape_controls(reason), shown)
        if part.known:
            duplicates = holds[sha256]
        else:
            holds[sha256] = holds.get(sha256, 0) + accepted + duplicates
        refusals += [
            {
                "sha256": sha256, "source_name": name, "line": line, "field": field_name, "reason": reason,
                "excerpt": shown or None, "rejected_at": at,
            }
            for line, (field_name, reason, shown) in part.rejections.items()
        ]  # fmt: skip
        part.refused += len(part.rejections)
        arrivals.append(
            {
                "name": name, "sha256": sha256, "modified_at": part.source.mtime, "arrived_at": at,
                "outcome": part.outcome, "decisions": accepted, "duplicates": duplicates,
                "rejected": len(part.rejections),
                "destination": str(destination(part)) if part.finished and moved_at is None else None,
                "moved_at": moved_at if part.finished else None,
            }
        )  # fmt: skip
        tally.decisions += accepted
        tally.duplicates += duplicates
    write(connection, "upsert_rejection", refusals)
    write(connection, "upsert_arrival", arrivals)
    tally.rejections = [
        {"file": one["source_name"], "line": one["line"], "field": one["field"], "reason": one["reason"]}
        for one in refusals
    ]
    return tally
