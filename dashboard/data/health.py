"""Whether what the pages show is fresh and whole."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection


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
    """Up to when the prices of a symbol are sealed, and what is wrong with them (None: nothing)."""

    symbol: str
    sealed_from: datetime
    sealed_until: datetime
    trouble: str | None


@dataclass(frozen=True)
class Rejection:
    """A decision that was refused; `line` 0: the whole file. Names, reasons and excerpts are strangers' text."""

    rejection_id: int
    source_name: str
    line: int
    field: str | None
    reason: str
    excerpt: str | None
    rejected_at: datetime


@dataclass(frozen=True)
class Status:
    """Where things stand: market, counts, moments."""

    market: str | None
    last_as_of: datetime | None
    decisions: int
    open_trades: int
    closed_trades: int
    rejections: int
    unread_words: int
    analysed_at: datetime | None
    candles_from: datetime | None


def read_status(connection: Connection) -> Status:
    """One row of where things stand; zeros and None on an empty database."""
    raise NotImplementedError


def read_alerts(connection: Connection) -> list[Alert]:
    """What is alarming, the oldest first."""
    raise NotImplementedError


def read_coverage(connection: Connection) -> list[Coverage]:
    """Each symbol, those in trouble first."""
    raise NotImplementedError


def read_rejections(connection: Connection, most: int = 200) -> list[Rejection]:
    """The last ones first."""
    raise NotImplementedError


def read_checks(connection: Connection, now: datetime) -> list[Check]:
    """What can be told from the database alone; `now` is the reader's clock."""
    raise NotImplementedError
