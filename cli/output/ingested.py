"""What an ingest did and what it rejected, as lines on the terminal; at most 20 of a kind."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import typer

from scorekeeper.decisions import word_warnings
from scorekeeper.phrases import and_more, name_some
from scorekeeper.safe_text import escape_controls

MOST_LINES = 20
MOST_SYMBOLS = 10


def print_ingested(done: dict[str, Any]) -> None:
    """What an ingest did, and what it rejected."""
    typer.echo(
        f"{done['files']} files: {done['decisions']} decisions, {done['duplicates']} duplicates, "
        f"{done['rejected']} rejected"
    )
    print_rejections(done["rejections"], done["rejected"], more="see scorekeeper quarantine list")
    for what, times in [*done["skipped"].items()][:MOST_LINES]:
        typer.echo(escape_controls(f"  no decision, left out {times} times: {what}"))
    print_unread(done)
    for name in done["returned"]:
        typer.echo(escape_controls(f"  written to after it had been moved; back in the inbox, and read on: {name}"))
    for what, names in (
        ("may still be being written, and is looked at again", done["waiting"]),
        ("its writer has it open: followed, and moved once that is done", done["held"]),
    ):
        for name in names[:MOST_LINES]:
            typer.echo(escape_controls(f"  {what}: {name}"))
        if len(names) > MOST_LINES:
            typer.echo(f"  …{and_more(len(names), MOST_LINES)}")
    for kind in done["passed_over"]:
        typer.echo(escape_controls(f"  not read: {describe_passed_over(**kind)}"))
    if spellings := done["unresolved"]:
        words = f"  {len(spellings)} symbols are for the next track to look up: {name_some(spellings, MOST_SYMBOLS)}"
        typer.echo(escape_controls(words))
    if unlisted := done["unlisted"]:
        named = name_some(unlisted, MOST_SYMBOLS)
        words = f"  {len(unlisted)} symbols were not listed by the market at the last track: {named}"
        typer.echo(escape_controls(words))


def describe_passed_over(what: str, count: int, names: list[str], do: str) -> str:
    """Files in the inbox that are not read, and what to do."""
    return f"{', '.join(names)}{and_more(count, len(names))} ({what}): {do}"


def print_unread(done: Mapping[str, Any], *, to_stderr: bool = False) -> None:
    """What an ingest took in without understanding it: notes, words in no list, suspicious confidences."""
    say = partial(typer.echo, err=to_stderr)
    alike: dict[tuple[str, str, str], list[int]] = {}
    for one in done["notes"]:
        alike.setdefault((one["file"], one["field"], one["reason"]), []).append(one["line"])
    for (file, field, reason), lines in [*alike.items()][:MOST_LINES]:
        say(escape_controls(f"  noted: {file}, line {lines[0]}{and_more(len(lines), 1)}, {field}: {reason}"))
    if len(alike) > MOST_LINES or len(done["notes"]) < done["noted"]:
        say(f"  … {done['noted']:,} decisions have notes: see the view report_notes")
    for line in word_warnings.tell_words(done["idle"], done["unread"], opened=done["opened"]):
        say(f"  {line}")
    if done["unread"]:
        say(f"  -> {word_warnings.ADD_WORDS}")
    if small := word_warnings.tell_small(done["small"]):
        say(f"  {small}\n  -> {word_warnings.SET_SCALE}")


def print_rejections(rejections: list[dict[str, Any]], total: int, *, more: str = "", to_stderr: bool = False) -> None:
    """The first rejections of `total`; `more`: where to see the others."""
    for one in rejections[:MOST_LINES]:
        where = f"{one['file']}, line {one['line']}" + (f", {one['field']}" if one["field"] else "")
        typer.echo(escape_controls(f"  rejected: {where}: {one['reason']}"), err=to_stderr)
    if total > MOST_LINES:
        typer.echo(f"  …{and_more(total, MOST_LINES)}" + (f": {more}" if more else ""), err=to_stderr)
