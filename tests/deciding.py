"""Decisions with known returns, written as the pipeline leaves them, for tests of what is learned from them."""

import random
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, text

from scorekeeper.store.database import Database
from tests.plain_learning import PlainDecision

BEGIN = datetime(2025, 5, 1, tzinfo=UTC)


def decide(
    seed: int, count: int, *, agents: int = 3, minutes: int = 40, hold: int = 60, skill: float = 0.3
) -> list[PlainDecision]:
    """Decisions of agents with planted skill, some at the same moment, some with a move of exactly 0 or none known."""
    chance = random.Random(seed)
    skills = [chance.uniform(-skill, skill) for _ in range(agents)]
    moment, found = BEGIN + timedelta(seconds=chance.randrange(3_600)), []
    for number in range(count):
        if chance.random() < 0.9:
            moment += timedelta(microseconds=chance.randrange(2 * minutes * 60_000_000))
        if chance.random() < 0.1:
            moment = moment.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        lasts = timedelta(minutes=hold * chance.choice([1, 1, 1, 2, 0.5]))
        move = chance.choice([0.0, None]) if chance.random() < 0.05 else chance.gauss(0, 0.6)
        said = {}
        for agent in range(agents):
            if number < 15 * agent or chance.random() < 0.1:  # it joins later, or says nothing
                continue
            right = chance.random() < 0.5 + skills[agent]
            sign = 1 if (move or chance.gauss(0, 1)) > 0 else -1
            direction = 0 if chance.random() < 0.2 else sign if right else -sign
            said[f"agent {chr(65 + (agent * 7) % 26)}{agent}"] = (
                direction, None if chance.random() < 0.1 else float(chance.randrange(0, 101))
            )  # fmt: skip
        found.append(PlainDecision(f"t{chance.randrange(10**9):09}-{number}", moment, moment + lasts, move, said))
    return found


def insert_decisions(connection: Connection, decisions: Sequence[PlainDecision], version: str = "v1") -> None:
    """Write them as they stand after the track that knew all of their returns."""
    _insert(
        connection,
        "INSERT INTO scorekeeper.decision (trade_id, content_sha256, source_name, source_line, received_at, symbol,"
        " raw_symbol, action, direction, price, opened_at, expires_at, version, reference_price, price_suspect,"
        " horizon_price, horizon_return_pct, horizon_known_at, tracked) VALUES (:id, '', 's', 1, :opened, 'BTC/USDT',"
        " 'BTCUSDT', 'HOLD', 0, 100, :opened, :expires, :version, 100, false, :price, :h, :known, true)",
        (
            {
                "id": one.trade_id, "version": version, "opened": one.opened_at, "expires": one.expires_at, "h": one.h,
                "price": None if one.h is None else 100 + one.h, "known": None if one.h is None else one.expires_at,
            }
            for one in decisions
        ),
    )  # fmt: skip
    _insert(
        connection,
        "INSERT INTO scorekeeper.agent_signal (trade_id, agent, ordinal, signal, direction, confidence)"
        " VALUES (:id, :agent, :ordinal, 'x', :direction, :confidence)",
        (
            {"id": one.trade_id, "agent": agent, "ordinal": place, "direction": direction, "confidence": confidence}
            for one in decisions
            for place, (agent, (direction, confidence)) in enumerate(one.signals.items())
        ),
    )


def track_until(connection: Connection, as_of: datetime) -> None:
    """The market is tracked up to `as_of`."""
    connection.execute(
        text(
            "INSERT INTO scorekeeper.market (name, bound_at, begun_as_of, last_as_of) VALUES ('test', :at, :at, :at)"
            " ON CONFLICT (only_row) DO UPDATE SET begun_as_of = :at, last_as_of = :at"
        ),
        {"at": as_of},
    )


def store_tracked(databases: Iterable[Database], decisions: Sequence[PlainDecision], as_of: datetime) -> None:
    """The same decisions in each database, tracked up to `as_of`."""
    for db in databases:
        with db.begin() as connection:
            insert_decisions(connection, decisions)
            track_until(connection, as_of)


def _insert(connection: Connection, statement: str, rows: Iterable[dict[str, object]]) -> None:
    listed = list(rows)
    if listed:
        connection.execute(text(statement), listed)
