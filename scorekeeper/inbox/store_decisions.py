"""Writes decisions with their trades, events and signals to Postgres, in the caller's transaction, by COPY."""

from collections.abc import Iterable, Iterator, Sequence, Set
from datetime import datetime
from itertools import islice

import msgspec
from psycopg.errors import UniqueViolation
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from scorekeeper.decisions.decision import Decision
from scorekeeper.decisions.reading_rules import Reading
from scorekeeper.decisions.symbols import is_certain, spell
from scorekeeper.inbox.packed_rows import Packer, pack_event, pack_held, pack_signals
from scorekeeper.inbox.standing import Row, Verdict, judge
from scorekeeper.store.copy_format import HEADER, TRAILER
from scorekeeper.store.database import open_copy
from scorekeeper.store.sql import statement

PACKED_AT_ONCE = 200


def record(
    connection: Connection,
    decisions: Sequence[Decision],
    *,
    source_name: str,
    source_sha256: bytes | None,
    received_at: datetime,
    fee_bps: float,
    lines: Sequence[int] | None = None,
    by_custom: bool = False,
) -> list[Verdict]:
    """Write decisions of one source with their signals, trades and events; a verdict for each, in order.

    `received_at`: when they arrived, UTC. `fee_bps`: the fee of a trade's side in basis points. `by_custom`: while the
    database has no market, no symbol waits for its list, since a tracker of its own may never have one.
    """
    numbered = zip(lines or range(1, len(decisions) + 1), decisions, strict=True)
    return record_rows(
        connection, [(decision, source_sha256, source_name, line) for line, decision in numbered], received_at, fee_bps,
        by_custom=by_custom,
    )  # fmt: skip


def record_rows(
    connection: Connection,
    rows: Sequence[Row],
    received_at: datetime | None,
    fee_bps: float,
    *,
    by_custom: bool = False,
) -> list[Verdict]:
    """Write decisions of many sources; see record. `received_at` None: each arrived when it was made."""
    rows, held = _read_symbols(connection, rows)
    if held and by_custom and connection.execute(statement("market/select_market")).one_or_none() is None:
        held = set()
    while True:
        verdicts = judge(connection, rows)
        fresh = [
            row if verdict.trade_id is None else (msgspec.structs.replace(row[0], trade_id=verdict.trade_id), *row[1:])
            for row, verdict in zip(rows, verdicts, strict=True)
            if verdict.outcome == "accepted"
        ]
        if not fresh:
            return verdicts
        for reading in {row[0].reading.id: row[0].reading for row in fresh}.values():
            keep_reading(connection, reading)
        try:
            with connection.begin_nested():
                _copy(connection, fresh, held, received_at, fee_bps)
        except IntegrityError as exc:
            # Another process has written one of them since they were looked up. The next round finds it.
            if isinstance(exc.orig, UniqueViolation) and exc.orig.diag.constraint_name == "decision_pkey":
                continue
            raise
        return verdicts


def _read_symbols(connection: Connection, rows: Sequence[Row]) -> tuple[Sequence[Row], set[str]]:
    """The rows with the symbols that the market's list gives for their spellings; the spellings it has not read yet."""
    words = {raw: spell(raw) for raw in {d.raw_symbol for d, *_ in rows} if not is_certain(raw)}
    if not words:
        return rows, set()
    found = connection.execute(statement("inbox/select_symbol_readings"), {"spelled": sorted(set(words.values()))})
    known: dict[str, str] = {row.spelled: row.symbol for row in found}
    meant = {raw: known[word] for raw, word in words.items() if word in known}
    named = [
        row if (symbol := meant.get(row[0].raw_symbol)) in (None, row[0].symbol)
        else (msgspec.structs.replace(row[0], symbol=symbol), *row[1:])
        for row in rows
    ]  # fmt: skip
    return named, words.keys() - meant.keys()


def _copy(
    connection: Connection, rows: Sequence[Row], held: Set[str], received_at: datetime | None, fee_bps: float
) -> None:
    """Write decisions that are all new; `held`: the spellings of symbols that wait for the market's list.

    They are sorted by id, so that two writers never deadlock, and so that rows which follow one another go to
    neighbouring places of an index. Events keep the order of the files, in which they are published.

    Signals are packed while Postgres stores the ones before, which takes it longer than all the rest.
    """
    packer, trades = Packer(received_at, fee_bps), list[bytes]()
    ordered = sorted(rows, key=lambda row: row[0].trade_id)

    def pack_decisions() -> Iterator[bytes]:
        for row in ordered:
            decision, trade = packer.pack(*row)
            if trade:
                trades.append(trade)
            yield decision

    _copy_rows(connection, "inbox/copy_decisions", pack_decisions())
    _copy_rows(connection, "inbox/copy_trades", trades)
    if asking := [d for d, *_ in rows if d.exit_side is not None]:
        with open_copy(connection, "inbox/copy_exit_requests") as copy:
            for d in asking:
                closes = d.closes and list(d.closes)
                copy.write_row((d.trade_id, d.symbol, d.version, d.exit_side, d.opened_at, closes, d.given_id))
    _copy_rows(connection, "inbox/copy_decision_events", (pack_event(d.trade_id) for d, *_ in rows))
    _copy_rows(connection, "inbox/copy_agent_signals", (pack_signals(d) for d, *_ in ordered if d.signals))
    if held:
        waits = (pack_held(d.trade_id) for d, *_ in rows if d.raw_symbol in held)
        _copy_rows(connection, "inbox/copy_held_decisions", waits)


def _copy_rows(connection: Connection, name: str, rows: Iterable[bytes]) -> None:
    """Write packed rows, some hundred at a time: Postgres stores some while the next ones are packed."""
    waiting = iter(rows)
    with open_copy(connection, name, binary=True) as copy:
        copy.write(HEADER)
        while some := b"".join(islice(waiting, PACKED_AT_ONCE)):
            copy.write(some)
        copy.write(TRAILER)


def keep_reading(connection: Connection, reading: Reading) -> None:
    """Write the rules by which decisions are read, unless they are stored, in the caller's transaction."""
    connection.execute(statement("inbox/insert_reading"), {"reading_id": reading.id, "rules": reading.rules})
