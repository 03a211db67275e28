"""Whether what the pages show is fresh and whole."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from dashboard.data.lists import MOST_COUNTED
from scorekeeper.decisions import word_warnings
from scorekeeper.operations import health
from scorekeeper.store.sql import statement

MOST = 200
MOST_WORDS = 100
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Check:
    """One thing that is well (`ok`) or not: what it is, and in words how it stands, and what to do."""

    name: str
    ok: bool
    says: str
    do: str | None = None


@dataclass(frozen=True)
class Alert:
    """A condition that holds since `begun_at`; `subject` is empty for the whole installation."""

    name: str
    subject: str
    begun_at: datetime


@dataclass(frozen=True)
class Coverage:
    """Up to when the prices of a symbol are sealed (None: it has none), and what is wrong with them (None: nothing)."""

    symbol: str
    sealed_from: datetime | None
    sealed_until: datetime | None
    trouble: str | None


@dataclass(frozen=True)
class Rejection:
    """A decision that was refused; `line` 0: the whole file. Names, reasons and excerpts are hostile text."""

    rejection_id: int
    source_name: str
    line: int
    field: str | None
    reason: str
    excerpt: str | None
    rejected_at: datetime


@dataclass(frozen=True)
class Status:
    """Where things stand: market, counts, moments. A count of 10,001 says that there are more than 10,000."""

    market: str | None
    last_as_of: datetime | None
    decisions: int
    open_trades: int
    closed_trades: int
    rejections: int
    unread_words: int
    analysed_at: datetime | None
    candles_from: datetime | None


def read_status(connection: Connection, *, exact: bool = False) -> Status:
    """Where things stand; zeros and None on an empty database. `exact`: what is numerous is counted to its end."""
    row = _read_standing(connection, exact=exact)
    return _status(row)


def _status(row: Any) -> Status:
    found = {field.name: getattr(row, field.name) for field in fields(Status)}
    return Status(**found | {"closed_trades": int(row.closed_trades)})


def read_alerts(connection: Connection) -> list[Alert]:
    """What is alarming, the oldest first."""
    return [Alert(*row) for row in connection.execute(statement("dashboard/select_alerts"), {"most": MOST})]


def read_coverage(connection: Connection) -> list[Coverage]:
    """Each symbol, those in trouble first."""
    found = connection.execute(statement("dashboard/select_coverage"), {"most": MOST})
    return [Coverage(row.symbol, row.sealed_from, row.sealed_until, row.says) for row in found]


def read_rejections(connection: Connection, most: int = MOST) -> list[Rejection]:
    """The last ones first."""
    return [Rejection(*row) for row in connection.execute(statement("dashboard/select_rejections"), {"most": most})]


def read_checks(connection: Connection, now: datetime, *, exact: bool = False) -> list[Check]:
    """What can be told from the database alone, as doctor tells it; `now` is the reader's clock.

    `exact`: exits that closed nothing are looked for too, which reads them all.
    """
    row = _read_standing(connection, exact=exact)
    return [Check(one.name, one.state == "ok", one.says, one.do or None) for one in _look(connection, now, row)]


def read_standing(connection: Connection, now: datetime) -> tuple[Status, list[Check]]:
    """Both, of one look: see read_status and read_checks."""
    row = _read_standing(connection, exact=False)
    checks = [Check(one.name, one.state == "ok", one.says, one.do or None) for one in _look(connection, now, row)]
    return _status(row), checks


def _read_standing(connection: Connection, *, exact: bool) -> Any:
    given = {"most": None if exact else MOST_COUNTED + 1}
    return connection.execute(statement("dashboard/select_standing"), given).one()


def _look(connection: Connection, now: datetime, row: Any) -> Iterator[health.Check]:
    yield health.Check("database", "ok", f"Postgres {row.server_version}")
    yield health.compare_clocks("clock", row.database_now, now, datetime.now(UTC), "the database's")
    yield health.judge_track(row.last_as_of, row.untracked_since, now, waits=row.waits)
    sealed, troubles = {}, {}
    for one in connection.execute(statement("dashboard/select_coverage"), {"most": MOST}):
        if one.needed:
            # Without any price it is as old as what waits for it; of that no more is known here.
            sealed[one.symbol] = one.sealed_until or _BEGINNING
        if one.trouble is not None:
            troubles[one.symbol] = (one.trouble, one.says)
    patience = health.read_patience(connection)
    yield from health.explain_prices(sealed, troubles, row.last_as_of or now, patience)
    yield _judge_rollups(row.stale_days)
    yield from _judge_words(connection, row.notes)
    if row.idle_exits:
        yield health.Check(
            "exits", "warning", f"{row.idle_exits:,} decisions asked for a close and closed nothing",
            "the view report_exit_requests names them: what they meant had closed before, or was never open",
        )  # fmt: skip
    if row.rejections:
        says = f"{say_count(row.rejections)} decisions were refused"
        yield health.Check("quarantine", "warning", says, "scorekeeper quarantine list")
    else:
        yield health.Check("quarantine", "ok", "empty")


def say_count(n: int) -> str:
    """A count of a Status in words: 10,000+ for what was counted no further."""
    return f"{MOST_COUNTED:,}+" if n == MOST_COUNTED + 1 else f"{n:,}"


def _judge_rollups(stale_days: int) -> health.Check:
    if not stale_days:
        return health.Check("rollups", "ok", "up to date")
    return health.Check("rollups", "warning", f"{stale_days:,} days are to be counted again", "the next track does it")


def _judge_words(connection: Connection, notes: int) -> Iterator[health.Check]:
    words: dict[str, dict[str, int]] = {}
    for agent, word, times in connection.execute(statement("dashboard/select_unread_words"), {"most": MOST_WORDS}):
        words.setdefault(agent, {})[word] = times
    if lines := word_warnings.tell_unread(words):
        yield health.Check("words", "warning", "; ".join(lines), word_warnings.ADD_WORDS)
    else:
        yield health.Check("words", "ok", "all are in a list")
    if notes:
        says = f"{say_count(notes)} fields of decisions were left out, or had to be decided"
        yield health.Check("notes", "warning", says, "the view report_notes names each")
    else:
        yield health.Check("notes", "ok", "none")
