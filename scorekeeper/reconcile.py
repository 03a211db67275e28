"""The books against each other and against the files: what every table but the score's says of its neighbours."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, Row

from scorekeeper import filing, inbox
from scorekeeper.analyze import read_rows
from scorekeeper.domain.analysis import Analysis, figures
from scorekeeper.domain.assess import assess_all
from scorekeeper.domain.decision import LATEST, Decision, DecisionContext, parse_decision
from scorekeeper.domain.json_reading import DecisionError, load_json
from scorekeeper.errors import ScorekeeperError
from scorekeeper.settings import Settings
from scorekeeper.store.sql import statement

DECISIONS_AT_ONCE = 500
_PLAIN = (
    "content_sha256", "symbol", "raw_symbol", "bar_interval", "action", "direction", "price", "confidence", "reason",
    "stop_loss", "take_profit", "trailing_stop_pct", "position_size",
)  # fmt: skip
# A decision as its file says it, with the columns that hang on that alone, and where it stands.
_Read = tuple[Decision, tuple[str, ...], str]


def check_books(connection: Connection, settings: Settings) -> Iterator[str]:
    """Every difference between ledger, rows, archived files, refusals and analyses, a line each."""
    for name in ("select_file_faults", "select_row_faults"):
        for what, fault in sorted(connection.execute(statement(name)).tuples()):
            yield f"{what}: {fault}"
    yield from _check_archive(connection, settings)
    yield from _check_quarantine(connection)
    yield from _check_analyses(connection)


def _check_archive(connection: Connection, settings: Settings) -> Iterator[str]:
    """Every decision of every archived file is stored, and is stored as the file says it."""
    faults: list[str] = []
    read = _read_archive(connection, settings, faults)
    while some := list(islice(read, DECISIONS_AT_ONCE)):
        ids = {"ids": [name for decision, _, _ in some for name in (decision.trade_id, decision.given_id) if name]}
        stored = {row.trade_id: row for row in connection.execute(statement("select_decisions_as_stored"), ids)}
        for decision, columns, where in some:
            row = stored.get(decision.trade_id) or _find_older(stored, decision)
            if row is None:
                yield f"decision {decision.trade_id}: {where} holds it, and it is not stored"
            else:
                yield from _compare(row, decision, columns, where)
    yield from faults


def _find_older(stored: Mapping[str, Row[Any]], decision: Decision) -> Row[Any] | None:
    """An exit decision that came in before there were such: it goes by the very id that it came with."""
    row = stored.get(decision.given_id or "")
    return row if row is not None and row.content_sha256 == decision.content_sha256 else None


def _asks_otherwise(row: Row[Any], decision: Decision) -> bool:
    """Whether what is stored asks for another close; of BUY and SELL it hangs on SIGNALS as it stood at ingest."""
    if decision.exit_side is None:
        return row.exit_side is not None and (row.exit_side, row.closes) != (-decision.direction or None, None)
    closes = None if decision.closes is None else list(decision.closes)
    given_id = decision.given_id if row.trade_id == decision.trade_id else None
    return (row.exit_side, row.closes, row.given_id) != (decision.exit_side, closes, given_id)


def _compare(row: Row[Any], decision: Decision, columns: tuple[str, ...], where: str) -> Iterator[str]:
    for name in columns:
        if getattr(row, name) != getattr(decision, name):
            yield f"decision {row.trade_id}: {name} is not what {where} says"
    if _asks_otherwise(row, decision):
        yield f"decision {row.trade_id}: what it asks to close is not what {where} says"
    if _differ(row.extra, decision.extra):
        yield f"decision {row.trade_id}: extra is not what {where} says"
    if _differ(row.signals, [list(msgspec.structs.astuple(signal)) for signal in decision.signals]):
        yield f"decision {row.trade_id}: its agents' signals are not what {where} says"


def _differ(stored: Any, said: Any) -> bool:
    """Whether two JSON values differ; numbers by their digits: 1e23 comes back as an integer, and is another float."""
    return bool(stored != said and _digits(stored) != _digits(said))


def _digits(value: Any) -> Any:
    return json.loads(json.dumps(value), parse_int=Decimal, parse_float=Decimal)


def _read_archive(connection: Connection, settings: Settings, faults: list[str]) -> Iterator[_Read]:
    """The decisions of the archived files, one file after the other; a file that is not as it came is a fault."""
    found = connection.execute(statement("select_archived_files").execution_options(yield_per=DECISIONS_AT_ONCE))
    for name, sha256, destination in found:
        path = _find(Path(destination), settings.archive_dir)
        if settings.keep_archive_days is not None and not path.parent.exists():
            continue  # its day has been given up
        source = None
        try:
            source = inbox.open_source(path)
            if source is None:
                faults.append(f"file {name}: is not at {path}, where it was moved to")
            elif source.sha256 != sha256:
                faults.append(f"file {name}: {path} is not as it came")
            else:
                yield from _read_file(source, settings)
        except (ScorekeeperError, DecisionError, inbox.ChangedError) as failed:
            if source is not None and _came_otherwise(connection, source):
                continue
            faults.append(f"file {name}: {path} cannot be read again: {failed}")


def _came_otherwise(connection: Connection, source: inbox.SourceFile) -> bool:
    """Whether these bytes came as another kind of file, too: the ledger knows what became of one of them."""
    names = connection.execute(statement("select_names_of_content"), {"sha256": source.sha256}).scalars()
    return any(replace(source, name=name).kind != source.kind for name in names)


def _find(destination: Path, archive: Path) -> Path:
    """Where the file was moved to; with the archive that it is in, if that has moved since."""
    moved = archive.joinpath(*destination.parts[-4:])
    return moved if moved.exists() and not destination.exists() else destination


def _read_file(source: inbox.SourceFile, settings: Settings) -> Iterator[_Read]:
    if source.is_lines:
        for line in inbox.read_lines(source, 0, 0):
            yield _read(line.text, f"{source.path}, line {line.line_no}", settings)
    else:
        for position, text, _ in inbox.read_documents(source):
            yield _read(text, f"{source.path}, {position}", settings)


def _read(text: bytes, where: str, settings: Settings) -> _Read:
    """What a file says, read anew; what hangs on settings as they stood then is held against nothing."""
    document: Any = load_json(text)
    context = DecisionContext(
        received_at=LATEST, default_version="", default_hold_minutes=1, timezone=settings.timezone,
        fallback_opened_at=LATEST - timedelta(days=1),
    )  # fmt: skip
    decision = parse_decision(document, context=context)
    columns: tuple[str, ...] = _PLAIN
    if document.get("version"):
        columns += ("version",)
    if _has_zone(document.get("timestamp")):
        columns += ("opened_at",) if document.get("max_hold_minutes") is None else ("opened_at", "expires_at")
    return decision, columns, where


def _has_zone(timestamp: object) -> bool:
    if isinstance(timestamp, str):
        return datetime.fromisoformat(timestamp.strip()).tzinfo is not None
    return timestamp is not None


def _check_quarantine(connection: Connection) -> Iterator[str]:
    """What lies in quarantine as it came is refused, and its report says why; what was mended or taken away may be."""
    for name, sha256, destination, refused in connection.execute(statement("select_quarantined_files")):
        path = Path(destination)
        try:
            source = inbox.open_source(path)
            if source is None or source.sha256 != sha256:
                continue
            if not refused:
                if not _came_otherwise(connection, source):
                    yield f"file {name}: lies in quarantine, and nothing of it is refused"
                continue
            rows = connection.execute(statement("select_rejections"), {"sha256": sha256}).mappings()
            if filing.read_error_file(path).get("rejected") != [dict(row) for row in rows]:
                yield f"file {name}: its report in quarantine does not say why it was refused"
        except ScorekeeperError as failed:
            yield f"file {name}: {failed}"


def _check_analyses(connection: Connection) -> Iterator[str]:
    """What an analysis shows is what it found; the last one is made once more, if nothing older was learnt since."""
    for as_of, version, document in connection.execute(statement("select_analyses")):
        shown = document.pop("figures", None)
        if shown != _as_json(figures(msgspec.convert(document, Analysis))):
            yield f"analysis {version} at {as_of}: shows other figures than it found"
    last = connection.execute(statement("select_analyses_to_verify")).all()
    if last:
        again = {one.version: _as_json(one) for one in assess_all(read_rows(connection, last[0].as_of), last[0].as_of)}
        for as_of, version, document in last:
            del document["figures"]
            if document != again.get(version):
                yield f"analysis {version} at {as_of}: made once more it finds something else"


def _as_json(value: object) -> Any:
    return json.loads(msgspec.json.encode(value))
