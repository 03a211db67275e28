"""What the database knows of decision files: their contents, their names, how far they are read, what was refused."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from scorekeeper.inbox.file_progress import Counts, FileProgress, show_excerpt
from scorekeeper.inbox.standing import Verdict
from scorekeeper.inbox.summary import Tally
from scorekeeper.safe_text import escape_controls
from scorekeeper.store.sql import json_rows, statement


def write(connection: Connection, name: str, rows: list[dict[str, Any]]) -> None:
    """Run a statement over all of `rows`, if there are any."""
    if rows:
        connection.execute(statement(name), {"rows": json_rows(rows)})


def note_progress(connection: Connection, files: Sequence[FileProgress], at: datetime) -> None:
    """Note how far the files of a batch are read, before their decisions are written."""
    progress = [
        {
            "sha256": file.source.sha256, "size_bytes": file.source.size, "committed_offset": file.offset,
            "committed_lines": file.lines, "finished_at": at if file.finished and file.identity is None else None,
        }
        for file in files
    ]  # fmt: skip
    write(connection, "inbox/upsert_decision_files", progress)
    followed = [
        {
            "sha256": file.source.sha256, "name": file.source.name, "identity": file.identity,
            "fingerprint": file.fingerprint,
        }
        for file in files
        if file.identity is not None and file.whole is None
    ]  # fmt: skip
    write(connection, "inbox/upsert_followed_files", followed)
    grown = [
        {
            "name": file.source.name, "before": file.grown_from, "sha256": file.source.sha256, "torn": file.torn,
            "at": at, "followed": file.identity is not None,
        }
        for file in files
        if file.grown_from is not None
    ]  # fmt: skip
    write(connection, "inbox/adopt_rejections", grown)  # before those of the shorter content go, which is read again
    write(connection, "inbox/delete_reread_rejections", [row for row in grown if row["followed"]])
    write(connection, "inbox/delete_rejections", [{"sha256": file.source.sha256} for file in files if file.again])
    write(connection, "inbox/end_grown_arrivals", grown)


def note_outcomes(
    connection: Connection,
    files: Sequence[FileProgress],
    verdicts: Iterator[Verdict],
    *,
    at: datetime,
    counts: Counts,
    destination: Callable[[FileProgress], str],
    in_place: bool,
) -> Tally:
    """Note what became of the files of a batch. `verdicts` are those of all their decisions, in order.

    `counts` covers the whole run: a content that comes again has as many duplicates and refusals as the first time.
    `in_place`: finished files stay where they are; else each has to move to its `destination` afterwards.
    """
    tally = Tally()
    refusals: list[dict[str, Any]] = []
    arrivals = []
    for file in files:
        name, sha256 = file.source.name, file.source.sha256
        accepted, duplicates = -tally.decisions, 0
        for line, decision, excerpt in file.decisions:
            verdict = next(verdicts)
            if verdict.outcome == "accepted":
                tally.take(name, line, decision)
            duplicates += verdict.outcome == "duplicate"
            if verdict.outcome == "conflict":
                reason = f"{decision.trade_id} has other content in {verdict.standing}"
                file.rejections[line] = ("trade_id", escape_controls(reason), show_excerpt(excerpt))
        accepted += tally.decisions
        if file.known:
            duplicates, file.refused = counts.holds[sha256], counts.refused.get(sha256, 0)
        else:
            counts.holds[sha256] = counts.holds.get(sha256, 0) + accepted + duplicates
            counts.refused[sha256] = file.refused = counts.refused.get(sha256, 0) + len(file.rejections)
        refusals += [
            {
                "sha256": sha256, "source_name": name, "line": line, "field": field_name, "reason": reason,
                "excerpt": shown or None, "rejected_at": at,
            }
            for line, (field_name, reason, shown) in file.rejections.items()
        ]  # fmt: skip
        file.destination = destination(file) if file.finished and not in_place else None
        arrivals.append(
            {
                "name": name, "sha256": sha256, "modified_at": file.source.mtime, "arrived_at": at,
                "outcome": file.outcome, "decisions": accepted, "duplicates": duplicates,
                "rejected": file.refused if file.known else len(file.rejections),
                "destination": file.destination,
            }
        )  # fmt: skip
        tally.duplicates += duplicates
    write(connection, "inbox/upsert_rejections", refusals)
    write(connection, "inbox/upsert_arrivals", arrivals)
    if in_place:
        moved = [
            {"name": file.source.name, "sha256": file.source.sha256, "moved_at": at, "lies": False}
            for file in files
            if file.finished
        ]
        write(connection, "inbox/mark_arrivals_moved", moved)
    _name_contents(connection, [file for file in files if file.whole is not None], at)
    tally.rejections = [
        {"file": one["source_name"], "line": one["line"], "field": one["field"], "reason": one["reason"]}
        for one in refusals
    ]
    return tally


def _name_contents(connection: Connection, files: Sequence[FileProgress], at: datetime) -> None:
    """Replace the keys of followed files that are complete now by the hashes of their contents."""
    firsts: dict[bytes, FileProgress] = {}
    later = [file for file in files if firsts.setdefault(file.content.sha256, file) is not file]
    rows = [
        {
            "name": file.source.name, "sha256": file.source.sha256, "content": file.content.sha256,
            "before": file.content.sha256, "size_bytes": file.content.size, "at": at,
        }
        for file in firsts.values()
    ]  # fmt: skip
    write(connection, "inbox/note_followed_duplicates", rows)
    write(connection, "inbox/insert_followed_contents", rows)
    write(connection, "inbox/delete_rejections", [{"sha256": sha256} for sha256 in firsts])  # it was read once more
    write(connection, "inbox/move_rejections", rows)
    write(connection, "inbox/end_grown_arrivals", rows)
    write(connection, "inbox/name_followed_arrivals", rows)
    write(connection, "inbox/delete_followed_files", rows)
    if later:
        _name_contents(connection, later, at)  # the second of two files with one content is its duplicate
