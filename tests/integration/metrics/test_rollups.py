"""Whatever the order in which trades closed, rollups and answers are those of the trades; parts and periods too."""

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text

from scorekeeper.metrics import query, rollups, voiding
from scorekeeper.metrics.breakdown import Breakdown
from scorekeeper.metrics.scorecard import store_scorecards
from scorekeeper.store import embedded
from scorekeeper.store.database import Database, open_database
from scorekeeper.trades import settle
from scorekeeper.verify.scores import check_score
from tests import recounted
from tests.conftest import fresh_database
from tests.levels import long
from tests.reference import RefDecision, RefExit, RefScored

FIRST = datetime(2025, 2, 27, 22, 30, tzinfo=UTC)
AS_OF = datetime(2025, 6, 1, tzinfo=UTC)
ROLLUPS = (
    "SELECT * FROM scorekeeper.daily_score ORDER BY day, version, symbol, after_fees",
    "SELECT * FROM scorekeeper.agent_daily_score ORDER BY day, version, symbol, agent",
)
WHERE_ROWS_LIE = (
    "SELECT day, array_agg(cast(ctid AS text) ORDER BY ctid) FROM scorekeeper.daily_score GROUP BY day",
    "SELECT day, array_agg(cast(ctid AS text) ORDER BY ctid) FROM scorekeeper.agent_daily_score GROUP BY day",
)
INSERT_DECISION = """
INSERT INTO scorekeeper.decision (
    trade_id, content_sha256, source_name, source_line, received_at, symbol, raw_symbol, bar_interval, action,
    direction, price, confidence, opened_at, expires_at, version, reference_price, price_suspect
) VALUES (
    :trade_id, '', 's', 1, :received_at, :symbol, :symbol, :interval, :action, :direction, 100, :confidence,
    :opened_at, :expires_at, :version, 100, :suspect
)
"""
INSERT_TRADE = """
INSERT INTO scorekeeper.trade (
    trade_id, symbol, version, direction, entry_price, opened_at, expires_at, fee_bps, scanned, left_out
) VALUES (:trade_id, :symbol, :version, :direction, 100, :opened_at, :expires_at, 10, true, :suspect)
"""
CLOSE = """
UPDATE scorekeeper.trade SET
    exit_time = :exit_time, exit_price = :exit_price, exit_reason = :exit_reason, exit_known_at = :as_of,
    price_source = 'market', ambiguous_exit = false, pnl_pct = :pnl_pct, net_pnl_pct = :net_pnl_pct,
    mfe_pct = :mfe_pct, mae_pct = :mae_pct
WHERE trade_id = :trade_id
"""


@dataclass(frozen=True)
class Past:
    """A decision with what became of it, and what the reference does not ask for."""

    scored: RefScored
    interval: str | None
    confidence: float | None
    late: bool

    @property
    def trade_id(self) -> str:
        return self.scored.decision.trade_id


def make_past(seed: int) -> list[Past]:
    chance = random.Random(seed)
    days = chance.choice([1, 3, 30, 60])
    size = chance.choice([0.01, 1.0, 90.0])
    return [_decide(chance, number, days, size) for number in range(chance.choice([0, 1, 2, 30, 200]))]


def _decide(chance: random.Random, number: int, days: int, size: float) -> Past:
    opened = FIRST + timedelta(seconds=chance.randrange(days * 86_400), microseconds=chance.choice([0, 0, 1]))
    if chance.random() < 0.3:
        opened = opened.replace(minute=0, second=0, microsecond=0)  # some close at the same moment
    expires = opened + timedelta(minutes=chance.choice([1, 60, 600]))
    direction = chance.choice([1, 1, -1, -1, 0])
    exit = None
    if direction and chance.random() < 0.9:
        pnl = chance.choice([0.0, chance.gauss(0, size), chance.gauss(0, size)])
        price = 100 * (1 + direction * max(pnl, -99.0) / 100) if direction > 0 else max(100 - pnl, 1.0)
        net = pnl - 0.1 * (1 + price / 100)
        reason = chance.choice(["expired", "stop_loss", "take_profit", "trailing_stop", "manual"])
        at = opened + (expires - opened) * chance.choice([0.5, 1])
        exit = RefExit(at, price, reason, False, None, pnl, net, max(pnl, 0) + 0.1, min(pnl, 0) - 0.1)
    signals = {
        f"Agent{a}": (
            chance.choice([-1, 0, 1]),
            chance.choice([None, 0.0, 10.0, 29.999999999999996, 90.0, 100.0, chance.uniform(0, 100)]),
        )
        for a in range(chance.randint(0, 3))
    }
    horizon = chance.choice([None, 0.0, chance.gauss(0, 1), chance.gauss(0, 1)])
    decision = RefDecision(
        f"t{number:03d}", chance.choice(["A/USDT", "B/USDT"]), chance.choice(["v1", "v2"]), direction, 100.0, opened,
        expires, None, None, None, 10, None, signals,
    )  # fmt: skip
    return Past(
        RefScored(decision, exit, horizon, chance.random() < 0.05),
        chance.choice([None, "1h", "15m"]),
        chance.choice([None, 0.0, 50.0, 90.0, 100.0, chance.uniform(0, 100)]),
        chance.random() < 0.1,
    )


def decide(db: Database, past: list[Past]) -> None:
    """Write the decisions, open and undecided."""
    with db.begin() as connection:
        for one in past:
            d = one.scored.decision
            row = {
                "trade_id": d.trade_id, "symbol": d.symbol, "version": d.version, "direction": d.direction,
                "opened_at": d.opened_at, "expires_at": d.expires_at, "confidence": one.confidence,
                "interval": one.interval, "action": {1: "BUY", -1: "SELL", 0: "HOLD"}[d.direction],
                "suspect": one.scored.suspect,
                "received_at": d.expires_at + timedelta(hours=1) if one.late else d.opened_at,
            }  # fmt: skip
            connection.execute(text(INSERT_DECISION), row)
            if d.direction:
                connection.execute(text(INSERT_TRADE), row)
            for ordinal, (agent, (direction, confidence)) in enumerate(d.signals.items()):
                connection.execute(
                    text(
                        "INSERT INTO scorekeeper.agent_signal (trade_id, agent, ordinal, signal, direction, confidence)"
                        " VALUES (:trade_id, :agent, :ordinal, 'x', :direction, :confidence)"
                    ),
                    {"trade_id": d.trade_id, "agent": agent, "ordinal": ordinal, "direction": direction,
                     "confidence": confidence},
                )  # fmt: skip


def settle_some(db: Database, exits: list[Past], horizons: list[Past]) -> None:
    """Close these trades and fill in these horizon returns, in one transaction, as a settlement does."""
    with db.begin() as connection:
        settle.open_settlement(connection)
        for one in exits:
            known = {"trade_id": one.trade_id, "as_of": AS_OF}
            connection.execute(text(CLOSE), vars(one.scored.exit) | known)
            connection.execute(text("INSERT INTO settled_trade VALUES (:trade_id)"), known)
        for one in horizons:
            known = {"trade_id": one.trade_id, "as_of": AS_OF, "h": one.scored.horizon_return_pct}
            connection.execute(
                text(
                    "UPDATE scorekeeper.decision SET horizon_price = 100, horizon_return_pct = :h, "
                    "horizon_known_at = :as_of WHERE trade_id = :trade_id"
                ),
                known,
            )
            connection.execute(text("INSERT INTO settled_decision VALUES (:trade_id)"), known)
        settle.record_settlement(connection)


def live_through(db: Database, past: list[Past], chance: random.Random) -> list[Past]:
    """Settle in random increments, in any order of time, scored after each; now and then one is voided. What is left"""
    work: list[tuple[str, Past]] = [("exit", one) for one in past if one.scored.exit]
    work += [("horizon", one) for one in past if one.scored.horizon_return_pct is not None]
    chance.shuffle(work)
    left = list(past)
    while work:
        size = chance.choice([1, 30, 90, len(work)])
        now, work = work[:size], work[size:]
        settle_some(db, [one for kind, one in now if kind == "exit"], [one for kind, one in now if kind == "horizon"])
        for _ in range(chance.choice([1, 1, 2])):
            score_now(db)
        if chance.random() < 0.2:
            gone = chance.choice(left)
            left.remove(gone)
            with db.begin() as connection:
                assert voiding.void_decision(connection, gone.trade_id, "a test", AS_OF) == "voided"
            work = [(kind, one) for kind, one in work if one is not gone]
    score_now(db)
    return left


def score_now(db: Database) -> int:
    with db.begin() as connection:
        days = rollups.score_stale_days(connection, AS_OF)
        store_scorecards(connection, AS_OF)
        for version in (None, "v1", "v2"):
            kept = query.system_metrics(connection, version=version, at=AS_OF)
            assert kept == query.system_metrics(connection, version=version, at=AS_OF, compose=True)
        return days


def read(connection: Connection, queries: tuple[str, ...]) -> list[list[tuple[Any, ...]]]:
    return [[tuple(row) for row in connection.execute(text(query))] for query in queries]


def from_scratch(db: Database) -> list[list[tuple[Any, ...]]]:
    with db.begin() as connection:
        connection.execute(text("TRUNCATE scorekeeper.daily_score, scorekeeper.agent_daily_score"))
        connection.execute(
            text(
                "INSERT INTO scorekeeper.stale_day (kind, day) SELECT kind, cast(day AS date) FROM "
                "generate_series(cast(:first AS timestamp), cast(:last AS timestamp), interval '1 day') AS day "
                "CROSS JOIN (VALUES ('system'), ('agent')) AS k (kind) ON CONFLICT DO NOTHING"
            ),
            {"first": FIRST.replace(tzinfo=None, hour=0, minute=0), "last": AS_OF.replace(tzinfo=None)},
        )
        rollups.score_stale_days(connection, AS_OF)
        return read(connection, ROLLUPS)


def assert_figures(answer: dict[str, Any], past: list[Past]) -> None:
    scored = [one.scored for one in past]
    assert_alike(answer, recounted.system_figures(scored, after_fees=False))
    assert_alike(answer["net"], recounted.system_figures(scored, after_fees=True))


def assert_agents(answer: dict[str, Any], past: list[Past]) -> None:
    scored = [one.scored for one in past]
    known = [s for s in scored if not s.suspect and (s.exit or s.horizon_return_pct is not None)]
    assert set(answer) == {agent for s in known for agent in s.decision.signals}
    for agent, figures in answer.items():
        assert_alike(figures, recounted.agent_figures(scored, agent))


def assert_alike(answer: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert wanted.keys() <= answer.keys()
    for name, value in wanted.items():
        if isinstance(value, float):
            # A mean of near nothing is as exact as what it is the mean of.
            assert answer[name] is not None, name
            assert math.isclose(answer[name], value, rel_tol=1e-9, abs_tol=1e-9), (name, answer[name], value)
        elif isinstance(value, list):
            assert answer[name] == pytest.approx(value, rel=1e-9, abs=1e-9), name
        else:
            assert answer[name] == value, name


@pytest.mark.parametrize("seed", [*range(4), *long(*range(4, 16))])
def test_any_increments_leave_what_a_recompute_leaves_and_say_what_the_trades_say(db: Database, seed: int) -> None:
    past = make_past(seed)
    decide(db, past)
    left = live_through(db, past, random.Random(seed))
    with db.begin() as connection:
        found = read(connection, ROLLUPS)
        # Lines are the ingest's, which wrote nothing here.
        assert [line for line in check_score(connection) if "no line is published" not in line] == []
        for version in (None, "v1", "v2"):
            for symbol in (None, "A/USDT", "B/USDT"):
                answer = query.system_metrics(connection, version=version, symbol=symbol)
                inside = [
                    one
                    for one in left
                    if version in (None, one.scored.decision.version) and symbol in (None, one.scored.decision.symbol)
                ]
                assert_figures(answer, inside)
                assert_agents(answer["agent_performance"], inside)
    assert found == from_scratch(db)


def test_a_late_close_makes_only_its_own_days_again(db: Database) -> None:
    past = make_past(3)
    closed = [one for one in past if one.scored.exit and not one.scored.suspect and one.scored.decision.signals]
    decide(db, past)
    settle_some(db, closed[1:], [])
    assert score_now(db) > 2
    assert score_now(db) == 0
    with db.begin() as connection:
        before = [dict(rows) for rows in read(connection, WHERE_ROWS_LIE)]
    settle_some(db, closed[:1], [])
    assert score_now(db) == 2
    with db.begin() as connection:
        after = [dict(rows) for rows in read(connection, WHERE_ROWS_LIE)]
    exit = closed[0].scored.exit
    assert exit is not None
    for old, new, day in zip(before, after, (exit.exit_time, closed[0].scored.decision.expires_at), strict=True):
        assert {d for d in old.keys() | new.keys() if old.get(d) != new.get(d)} == {day.astimezone(UTC).date()}


def part_of(one: Past, by: Breakdown) -> str | None:
    """By plain words, for every breakdown."""
    decision = one.scored.decision
    opened = decision.opened_at
    tens = None if one.confidence is None else min(int(one.confidence // 10) * 10, 90)
    return {
        Breakdown.SYMBOL: decision.symbol,
        Breakdown.VERSION: decision.version,
        Breakdown.INTERVAL: one.interval,
        Breakdown.SIDE: {1: "long", -1: "short", 0: "no side"}[decision.direction],
        Breakdown.EXIT_REASON: one.scored.exit.exit_reason if one.scored.exit else "not closed",
        Breakdown.CONFIDENCE: None if tens is None else f"[{tens}, {tens + 10}{']' if tens == 90 else ')'}",
        Breakdown.WEEKDAY: opened.strftime("%A"),
        Breakdown.HOUR: f"{opened:%H}:00",
    }[by]


@pytest.fixture(scope="module")
def some_past() -> list[Past]:
    return make_past(12)


@pytest.fixture(scope="module")
def scored_once(
    cluster: embedded.Lease, tmp_path_factory: pytest.TempPathFactory, some_past: list[Past]
) -> Iterator[Database]:
    """A database that the tests below only read."""
    assert len(some_past) == 200
    with fresh_database(cluster) as url, open_database(url, tmp_path_factory.mktemp("scored")) as db:
        decide(db, some_past)
        closed = [one for one in some_past if one.scored.exit]
        settle_some(db, closed, [one for one in some_past if one.scored.horizon_return_pct is not None])
        score_now(db)
        yield db


@pytest.fixture
def scored(scored_once: Database) -> Iterator[Connection]:
    with scored_once.engine.connect() as connection:
        yield connection
        connection.rollback()


@pytest.mark.parametrize("by", Breakdown)
def test_each_part_says_what_its_trades_say(scored: Connection, some_past: list[Past], by: Breakdown) -> None:
    answer = query.system_metrics(scored, by=by)
    parts = {group[by.value]: group for group in answer["groups"]}
    assert len(parts) == len(answer["groups"])
    known = [
        one
        for one in some_past
        if not one.scored.suspect
        and (one.scored.exit or (one.scored.horizon_return_pct is not None and one.scored.decision.signals))
    ]
    assert set(parts) == {part_of(one, by) for one in known} - {"no side", "not closed"}
    assert sum(group["completed_trades"] for group in parts.values()) == answer["completed_trades"] > 100
    for part, group in parts.items():
        inside = [one for one in some_past if part_of(one, by) == part]
        assert_figures(group, inside)
        if by is Breakdown.EXIT_REASON:
            assert group["agent_performance"] is None
        else:
            assert_agents(group["agent_performance"], inside)


def test_parts_come_in_their_own_order_and_those_without_last(scored: Connection) -> None:
    def order(by: Breakdown) -> list[str | None]:
        return [group[by.value] for group in query.system_metrics(scored, by=by)["groups"]]

    assert order(Breakdown.INTERVAL) == ["15m", "1h", None]
    assert order(Breakdown.CONFIDENCE)[-2:] == ["[90, 100]", None]
    assert order(Breakdown.WEEKDAY) == ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
    assert order(Breakdown.HOUR) == sorted(hour for hour in order(Breakdown.HOUR) if hour)


def in_period(moment: datetime, since: datetime | None, until: datetime | None) -> bool:
    return (since is None or since <= moment) and (until is None or moment < until)


def counted(past: list[Past], keep: Callable[[Past], bool], since: datetime | None, until: datetime | None) -> Any:
    """(what counts for the system, what counts for agents)"""
    kept = [one for one in past if keep(one)]
    return (
        [one for one in kept if one.scored.exit and in_period(one.scored.exit.exit_time, since, until)],
        [one for one in kept if in_period(one.scored.decision.expires_at, since, until)],
    )


@pytest.mark.parametrize("ends", ["since", "until", "both"])
def test_a_period_is_half_open_on_exit_and_on_expiry(scored: Connection, some_past: list[Past], ends: str) -> None:
    exits = sorted(one.scored.exit.exit_time for one in some_past if one.scored.exit and not one.scored.suspect)
    since = exits[40] if ends != "until" else None  # on a trade's own exit: that one is in, of the other it is not
    until = exits[130] if ends != "since" else None
    answer = query.system_metrics(scored, since=since, until=until)
    trades, decisions = counted(some_past, lambda _: True, since, until)
    assert 0 < answer["completed_trades"] < len(exits)
    assert_figures(answer, trades)
    assert_agents(answer["agent_performance"], decisions)


def test_late_decisions_are_left_out_when_asked_for(scored: Connection, some_past: list[Past]) -> None:
    answer = query.system_metrics(scored, exclude_late=True)
    on_time = [one for one in some_past if not one.late]
    assert 0 < len(on_time) < len(some_past)
    assert_figures(answer, on_time)
    assert_agents(answer["agent_performance"], on_time)


def test_filters_and_parts_combine(scored: Connection, some_past: list[Past]) -> None:
    since = FIRST + timedelta(days=10)
    answer = query.system_metrics(
        scored, version="v1", since=since, exclude_late=True, include_suspect=True, by=Breakdown.SIDE
    )
    plain = [Past(RefScored(*_parts(one), suspect=False), one.interval, one.confidence, one.late) for one in some_past]
    trades, _ = counted(plain, lambda one: one.scored.decision.version == "v1" and not one.late, since, None)
    assert_figures(answer, trades)
    for group in answer["groups"]:
        assert_figures(group, [one for one in trades if part_of(one, Breakdown.SIDE) == group["side"]])


def _parts(one: Past) -> tuple[RefDecision, RefExit | None, float | None]:
    return one.scored.decision, one.scored.exit, one.scored.horizon_return_pct


def test_views_say_what_the_answer_says(scored: Connection) -> None:
    answer = query.system_metrics(scored)
    days = scored.execute(
        text(
            "SELECT sum(completed_trades), sum(total_pnl_pct) FROM scorekeeper.report_daily_scores "
            "WHERE version IS NULL AND symbol IS NULL AND NOT after_fees"
        )
    ).one()
    trades = scored.execute(
        text("SELECT count(*), sum(pnl_pct) FROM scorekeeper.report_trades WHERE NOT price_suspect")
    ).one()
    for count, total in (days, trades):
        assert count == answer["completed_trades"]
        assert total == pytest.approx(answer["total_pnl_pct"], rel=1e-9)
    curve = scored.execute(
        text(
            "SELECT agent, sum(calls * abs(avg_confidence - accuracy) / 100) / sum(calls) "
            "FROM scorekeeper.report_calibration WHERE version IS NULL AND symbol IS NULL GROUP BY agent"
        )
    )
    assert {agent: pytest.approx(ece, rel=1e-9) for agent, ece in curve} == {
        agent: one["ece"] for agent, one in answer["agent_performance"].items()
    }
    calls = scored.execute(
        text(
            "SELECT agent, sum(calls) FROM scorekeeper.report_agent_daily_scores "
            "WHERE version IS NULL AND symbol IS NULL GROUP BY agent"
        )
    )
    assert {agent: int(n) for agent, n in calls} == {a: o["calls"] for a, o in answer["agent_performance"].items()}
