"""27: Postgres undoes a transaction of ours, for a deadlock or a row that changed; it is repeated, a few times."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from scorekeeper.decisions.decision import DecisionContext
from scorekeeper.decisions.parse import parse_decision
from scorekeeper.errors import ContendedError
from scorekeeper.inbox.store_decisions import record
from scorekeeper.metrics import voiding
from scorekeeper.settings import load_settings
from scorekeeper.store.database import ATTEMPTS, Database, open_copy
from tests.waiting import wait_until

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TRADE = {"symbol": "BTC/USDT", "type": "BUY", "price": 100.0, "timestamp": "2025-05-05T10:00:00Z", "trade_id": "t"}


@pytest.fixture
def trade(db: Database) -> str:
    """The id of an open trade."""
    settings = load_settings()
    context = DecisionContext(NOW, "v1", 60, settings.timezone, None)
    decision = parse_decision(TRADE, context=context)
    db.transact(
        lambda c: record(c, [decision], source_name="x", source_sha256=None, received_at=NOW, fee_bps=10)
    )  # fmt: skip
    return decision.trade_id


class Rival:
    """Locks the rows that a void locks, in the opposite order, so often; Postgres undoes the void."""

    def __init__(self, url: str, trade_id: str, times: int) -> None:
        self._url, self._trade_id, self._times = url, trade_id, times
        self.has_the_trade = threading.Event()
        self._over = threading.Event()
        self.thread = threading.Thread(target=self._fight)

    def _fight(self) -> None:
        with psycopg.connect(self._url) as mine, psycopg.connect(self._url, autocommit=True) as watching:
            mine.execute("SET deadlock_timeout = '60s'")  # the other one, which looks after a second, is undone
            mine.commit()
            for _ in range(self._times):
                mine.execute("SELECT FROM scorekeeper.trade WHERE trade_id = %s FOR UPDATE", [self._trade_id])
                self.has_the_trade.set()
                if not wait_until(lambda: self._over.is_set() or self._is_waited_for(watching, mine), 20):
                    return
                mine.execute("SELECT FROM scorekeeper.decision WHERE trade_id = %s FOR UPDATE", [self._trade_id])
                mine.rollback()

    def _is_waited_for(self, watching: psycopg.Connection[tuple[object, ...]], mine: psycopg.Connection) -> bool:
        asked = "SELECT count(*) FROM pg_stat_activity WHERE %s = any(pg_blocking_pids(pid))"
        return watching.execute(asked, [mine.info.backend_pid]).fetchone() != (0,)

    def end(self) -> None:
        self._over.set()
        self.thread.join(600)


@contextmanager
def rival(database_url: str, trade_id: str, times: int) -> Iterator[None]:
    one = Rival(database_url.replace("+psycopg", ""), trade_id, times)
    one.thread.start()
    assert one.has_the_trade.wait(600)
    try:
        yield
    finally:
        one.end()


class Void:
    """Takes a trade's decision out of the score, and counts how often it was begun."""

    def __init__(self, trade_id: str) -> None:
        self.begun = 0
        self._trade_id = trade_id

    def __call__(self, connection: Connection) -> str:
        self.begun += 1
        return voiding.void_decision(connection, self._trade_id, "a test", NOW)


def test_a_void_that_postgres_undoes_for_a_deadlock_is_done_all_the_same(
    db: Database, database_url: str, trade: str
) -> None:
    void = Void(trade)
    with rival(database_url, trade, times=1):
        assert db.transact(void) == "voided"
    assert void.begun == 2


def test_one_that_is_undone_again_and_again_is_given_up_with_a_clear_line(
    db: Database, database_url: str, trade: str
) -> None:
    void = Void(trade)
    with (
        rival(database_url, trade, times=ATTEMPTS),
        pytest.raises(ContendedError, match=r"undone 5 times .*deadlock detected.*try again"),
    ):
        db.transact(void)
    assert void.begun == ATTEMPTS
    with db.begin() as connection:
        assert connection.execute(text("SELECT voided_at FROM scorekeeper.decision")).scalar() is None
    assert db.transact(void) == "voided"


def test_a_transaction_whose_rows_have_changed_is_repeated_on_the_new_rows(db: Database, trade: str) -> None:
    seen = []

    def lengthen(connection: Connection) -> None:
        connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        seen.append(connection.execute(text("SELECT reason FROM scorekeeper.decision")).scalar())
        if len(seen) == 1:
            with db.begin() as other:
                other.execute(text("UPDATE scorekeeper.decision SET reason = 'changed'"))
        connection.execute(text("UPDATE scorekeeper.decision SET reason = reason || '!'"))

    db.transact(lengthen)
    assert seen == [None, "changed"]
    with db.begin() as connection:
        assert connection.execute(text("SELECT reason FROM scorekeeper.decision")).scalar() == "changed!"


def test_what_fails_in_a_copy_is_raised_as_what_fails_elsewhere(db: Database) -> None:
    with (
        pytest.raises(IntegrityError),
        db.begin() as connection,
        open_copy(connection, "inbox/copy_agent_signals") as copy,
    ):
        copy.write_row(("no such decision", "Ann", 0, "BUY", 1, None, None, True))
