"""The books against each other and against the files: what every table but the score's says of its neighbours."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Set
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import islice, takewhile
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection, Row

from scorekeeper.analysis.assess import assess_all
from scorekeeper.analysis.document import Analysis, figures
from scorekeeper.analysis.run import read_rows
from scorekeeper.decisions.agents import AgentSignal
from scorekeeper.decisions.columns import DOCUMENT_COLUMNS
from scorekeeper.decisions.decision import Decision, DecisionContext
from scorekeeper.decisions.parse import LATEST, parse_decision, possible_ids
from scorekeeper.decisions.reading_rules import STANDARD, Reading, read_rules
from scorekeeper.decisions.strict_json import DecisionError, canonical_json, load_json
from scorekeeper.decisions.symbols import is_certain
from scorekeeper.decisions.timestamps import read_moment
from scorekeeper.decisions.words import clean_word
from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox.file_names import can_follow
from scorekeeper.inbox.places import local_files, moves
from scorekeeper.inbox.places.base import ChangedError
from scorekeeper.settings import Settings
from scorekeeper.store.sql import statement
from scorekeeper.verify.strays import Doubt, find_strays

DECISIONS_AT_ONCE = 500
ANALYSES_AT_ONCE = 100
# What a file says of a decision: its document, the ids that it may go by, where it stands, and its file.
_Read = tuple[dict[str, Any], tuple[str, ...], str, Path]


def check_books(connection: Connection) -> Iterator[str]:
    """Every difference between ledger, rows, refusals and lines, a line each."""
    for name in ("verify/select_file_faults", "verify/select_row_faults"):
        for what, fault in sorted(connection.execute(statement(name)).tuples()):
            yield f"{what}: {fault}"


def check_files(connection: Connection, settings: Settings, only: Set[Path] | None = None) -> Iterator[Doubt]:
    """What archived and quarantined files say otherwise than the books (`only`: of these); the books, seen from them.

    A file that was moved since the books were read is doubted too.
    """
    yield from _check_archive(connection, settings, only)
    yield from _check_quarantine(connection, only)
    yield from find_strays(connection, settings, only)


def _check_archive(connection: Connection, settings: Settings, only: Set[Path] | None) -> Iterator[Doubt]:
    """Every decision of every archived file is stored, and is stored as the file says it."""
    doubts: list[Doubt] = []
    read = _read_archive(connection, settings, only, doubts)
    while some := list(islice(read, DECISIONS_AT_ONCE)):
        ids = {"ids": [name for _, names, *_ in some for name in names]}
        stored = {row.trade_id: row for row in connection.execute(statement("verify/select_decisions_as_stored"), ids)}
        for document, names, where, path in some:
            row = _find_stored(stored, document, names, settings)
            if row is None:
                yield Doubt(path, f"decision {names[0]}: {where} holds it, and it is not stored")
            else:
                found = _check_decision(row, document, where, settings)
                yield from (Doubt(path, difference) for difference in found)
    yield from doubts


def _find_stored(
    stored: Mapping[str, Row[Any]], document: dict[str, Any], names: tuple[str, ...], settings: Settings
) -> Row[Any] | None:
    """The row of a document that may go by `names`: the one of its content; else of the name that it has now.

    An exit of before there were such goes by its own id, one of today by a name of its own, beside its trade's.
    """
    if len(names) == 1:
        return stored.get(names[0])
    content = hashlib.sha256(canonical_json(document)).digest()
    for name in reversed(names):
        if name in stored and stored[name].content_sha256 == content:
            return stored[name]
    try:
        now = parse_decision(document, context=msgspec.structs.replace(_context(settings), reading=settings.reading))
    except DecisionError:
        return stored.get(names[0])
    return stored.get(now.trade_id)


def _asks_otherwise(row: Row[Any], decision: Decision) -> bool:
    """Whether what is stored asks for another close; of BUY and SELL it hangs on SIGNALS as it stood at ingest."""
    if decision.exit_side is None:
        return row.exit_side is not None and (row.exit_side, row.closes) != (-decision.direction or None, None)
    closes = None if decision.closes is None else list(decision.closes)
    given_id = decision.given_id if row.trade_id == decision.trade_id else None
    return (row.exit_side, row.closes, row.given_id) != (decision.exit_side, closes, given_id)


def _check_decision(row: Row[Any], document: dict[str, Any], where: str, settings: Settings) -> Iterator[str]:
    """What is stored against what the file says, read by the rules that it was read by."""
    of_old = row.reading_id is None
    if not of_old and row.rules is None:
        yield f"decision {row.trade_id}: the rules it was read by are not stored"
        return
    context = msgspec.structs.replace(_context(settings), reading=STANDARD if of_old else _rules(row.rules))
    try:
        decision = parse_decision(document, context=context)
    except DecisionError as failed:
        if not of_old:  # an older release read fewer words, and opened no trade that lacks a price now
            yield f"decision {row.trade_id}: {where} cannot be read again: {failed}"
        return
    columns = _columns_said(document, decision)
    if of_old:
        decision = _as_of_old(row, decision)
    else:
        columns += ("understood",)
    for name in columns:
        if getattr(row, name) != getattr(decision, name):
            yield f"decision {row.trade_id}: {name} is not what {where} says"
    if _asks_otherwise(row, decision):
        yield f"decision {row.trade_id}: what it asks to close is not what {where} says"
    if _differ(row.extra, decision.extra):
        yield f"decision {row.trade_id}: extra is not what {where} says"
    if _differ(row.signals, [list(msgspec.structs.astuple(signal)) for signal in decision.signals]):
        yield f"decision {row.trade_id}: its agents' signals are not what {where} says"


@lru_cache(maxsize=100)
def _rules(rules: str) -> Reading:
    return read_rules(rules)


def _as_of_old(row: Row[Any], decision: Decision) -> Decision:
    """The decision as an older release may have read it: it understood fewer words, and none otherwise."""
    stored = {agent: (signal, direction) for agent, _, signal, direction, *_ in row.signals}

    def read_before(said: AgentSignal) -> AgentSignal:
        signal, direction = stored.get(said.agent, (said.signal, said.direction))
        silent = direction == 0 and signal in (said.signal, "NEUTRAL")
        return msgspec.structs.replace(
            said, signal=signal if silent else said.signal, direction=0 if silent else said.direction,
            understood=None,
        )  # fmt: skip

    return msgspec.structs.replace(
        decision,
        action=row.action if clean_word(row.action) == clean_word(decision.action) else decision.action,
        direction=0 if row.direction == 0 else decision.direction,
        signals=tuple(map(read_before, decision.signals)),
    )


def _differ(stored: Any, said: Any) -> bool:
    """Whether two JSON values differ; numbers by their digits: 1e23 comes back as an integer, and is another float."""
    return bool(stored != said and _digits(stored) != _digits(said))


def _digits(value: Any) -> Any:
    return json.loads(json.dumps(value), parse_int=Decimal, parse_float=Decimal)


def _read_archive(
    connection: Connection, settings: Settings, only: Set[Path] | None, doubts: list[Doubt]
) -> Iterator[_Read]:
    """The decisions of the archived files, one file after the other; a file that is not as it came is doubted."""
    found = connection.execute(statement("verify/select_archived_files").execution_options(yield_per=DECISIONS_AT_ONCE))
    for name, sha256, destination, size in found:
        path = _find(Path(destination), settings.archive_dir, name)
        if only is not None and path not in only:
            continue
        if settings.keep_archive_days is not None and not path.parent.exists():
            continue  # its day has been given up
        source = None
        try:
            source = local_files.open_source(path)
            if source is None:
                doubts.append(Doubt(path, f"file {name}: is not at {path}, where it was moved to"))
            elif source.sha256 != sha256 and not (can_follow(name) and source.begins_with(size, sha256)):
                doubts.append(Doubt(path, f"file {name}: {path} is not as it came"))
            else:  # one of lines that was written to after it was moved is read on by the next ingest
                yield from _read_file(connection, source, settings, size)
        except (ScorekeeperError, DecisionError, ChangedError) as failed:
            if source is not None and _came_otherwise(connection, source):
                continue
            doubts.append(Doubt(path, f"file {name}: {path} cannot be read again: {failed}"))


def _came_otherwise(connection: Connection, source: local_files.LocalFile) -> bool:
    """Whether these bytes came as another kind of file, too: the ledger knows what became of one of them."""
    names = connection.execute(statement("verify/select_names_of_content"), {"sha256": source.sha256}).scalars()
    return any(replace(source, name=name).kind != source.kind for name in names)


def _find(destination: Path, archive: Path, name: str) -> Path:
    """Where the file was moved to; with the archive that it is in, if that has moved since."""
    moved = archive.joinpath(*destination.parts[-4 - name.count("/") :])
    return moved if moved.exists() and not destination.exists() else destination


def _read_file(
    connection: Connection, source: local_files.LocalFile, settings: Settings, size: int
) -> Iterator[_Read]:
    """What is in the file; in its first `size` bytes, if it has more lines by now."""
    entries = source.format.read(source)
    came = takewhile(lambda entry: source.is_compressed or (entry.end_offset or 0) <= size, entries)
    for entry in came:
        document: Any = load_json(entry.text) if entry.document is None else entry.document
        try:
            names = possible_ids(document, context=_context(settings))
        except DecisionError:
            # An older release read times that are no times, as another moment than was meant: they stay as stored.
            if connection.execute(statement("verify/select_is_of_old"), {"sha256": source.sha256}).scalar():
                continue
            raise
        yield document, names, f"{source.path}, {source.format.place_word}{entry.number}", source.path


def _context(settings: Settings) -> DecisionContext:
    """What hangs on settings as they stood then is held against nothing."""
    return DecisionContext(
        received_at=LATEST, default_version="", default_hold_minutes=1, timezone=settings.timezone,
        fallback_opened_at=LATEST - timedelta(days=1),
    )  # fmt: skip


def _columns_said(document: dict[str, Any], decision: Decision) -> tuple[str, ...]:
    """The columns that hang on the document alone."""
    columns = DOCUMENT_COLUMNS
    if is_certain(decision.raw_symbol):  # what a word without a slash means, the market's list has said
        columns += ("symbol",)
    if document.get("version"):
        columns += ("version",)
    timestamp = document.get("timestamp")
    if timestamp is not None and read_moment(timestamp, ZoneInfo("UTC")).in_zone:
        columns += ("opened_at",) if document.get("max_hold_minutes") is None else ("opened_at", "expires_at")
    return columns


def _check_quarantine(connection: Connection, only: Set[Path] | None) -> Iterator[Doubt]:
    """What lies in quarantine as it came was refused, and its report says why; what was mended or taken away may be."""
    for name, sha256, destination, refused, newest, report in connection.execute(
        statement("verify/select_quarantined_files")
    ):
        path = Path(destination)
        if only is not None and path not in only:
            continue
        try:
            source = local_files.open_source(path)
            if source is None or source.sha256 != sha256:
                continue
            if not newest:
                # The same bytes have come again since, and what was refused then is on record instead.
                if report is not None and moves.hash_error_file(path) != report:
                    yield Doubt(path, f"file {name}: its report in quarantine is not as it was written")
                continue
            if not refused:
                if not _came_otherwise(connection, source):
                    yield Doubt(path, f"file {name}: lies in quarantine, and nothing of it is refused")
                continue
            rows = connection.execute(statement("inbox/select_rejections"), {"sha256": sha256}).mappings()
            if moves.read_error_file(path).get("rejected") != [dict(row) for row in rows]:
                yield Doubt(path, f"file {name}: its report in quarantine does not say why it was refused")
        except ScorekeeperError as failed:
            yield Doubt(path, f"file {name}: {failed}")


def check_analyses(connection: Connection) -> Iterator[str]:
    """What an analysis shows is what it found; the last one is made once more, if nothing older was learnt since."""
    rows = connection.execute(statement("verify/select_analyses").execution_options(yield_per=ANALYSES_AT_ONCE))
    for as_of, version, document in rows:
        shown = document.pop("figures", None)
        if shown != _as_json(figures(msgspec.convert(document, Analysis))):
            yield f"analysis {version} at {as_of}: shows other figures than it found"
    last = connection.execute(statement("verify/select_analyses_to_verify")).all()
    if last:
        again = {one.version: _as_json(one) for one in assess_all(read_rows(connection, last[0].as_of), last[0].as_of)}
        for as_of, version, document in last:
            del document["figures"]
            if document != again.get(version):
                yield f"analysis {version} at {as_of}: made once more it finds something else"


def _as_json(value: object) -> Any:
    return json.loads(msgspec.json.encode(value))
