"""A breakdown and a period say the same from what is added up as from the rows, bit by bit, whatever has changed."""

import random
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import Connection, text

from scorekeeper.market.binding import advance_as_of, bind_market
from scorekeeper.metrics import part_blocks, query, selection, voiding
from scorekeeper.metrics.breakdown import Breakdown
from scorekeeper.metrics.part_blocks import roll_up_parts
from scorekeeper.store import embedded
from scorekeeper.store.database import Database, open_database
from scorekeeper.verify.part_blocks import check_part_blocks
from tests.conftest import fresh_database
from tests.integration.metrics.test_rollups import AS_OF, FIRST, decide, make_past, score_now, settle_some
from tests.levels import long

LAST = FIRST + timedelta(days=61)


@contextmanager
def from_rows() -> Iterator[None]:
    """Answers are counted from the rows: the plain reference."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(selection, "whole_days", lambda _: None)
        yield


def begin_track(db: Database) -> None:
    with db.begin() as connection:
        bind_market(connection, "replay:test", AS_OF)
        advance_as_of(connection, AS_OF)


def draw_period(chance: random.Random) -> dict[str, datetime | None]:
    def moment() -> datetime:
        at = FIRST + timedelta(seconds=chance.randrange(62 * 86_400))
        return at.replace(hour=0, minute=0, second=0) if chance.random() < 0.4 else at

    since, until = sorted([moment(), moment()])
    return {"since": chance.choice([None, since]), "until": chance.choice([None, until + timedelta(seconds=1)])}


def assert_same(connection: Connection, chance: random.Random) -> None:
    for by in (None, *Breakdown):
        for _ in range(3):
            asked: dict[str, Any] = {
                "by": by, "version": chance.choice([None, None, "v1"]), **draw_period(chance),
                "symbol": chance.choice([None, None, "A/USDT"]), "at": chance.choice([None, None, LAST, AS_OF]),
                "zone": chance.choice(["UTC", "UTC", "Europe/Berlin"]),
            }  # fmt: skip
            found = query.system_metrics(connection, **asked)
            with from_rows():
                assert found == query.system_metrics(connection, **asked), asked


def read_blocks(connection: Connection) -> list[tuple[str, int, date, date]]:
    blocks = "SELECT kind, level, first_day, last_day FROM scorekeeper.part_block ORDER BY 1, 2, 3"
    rows = connection.execute(text(blocks))
    return [tuple(row) for row in rows]


@pytest.mark.parametrize("seed", [12, 44, *long(48, 64, 92, 106)])
def test_what_is_added_up_says_what_the_rows_say(db: Database, seed: int) -> None:
    past, chance = make_past(seed), random.Random(seed)
    decide(db, past)
    begin_track(db)
    exits = [one for one in past if one.scored.exit]
    horizons = [one for one in past if one.scored.horizon_return_pct is not None]
    late = {one.trade_id for one in chance.sample(past, len(past) // 6)}
    settle_some(
        db, [one for one in exits if one.trade_id not in late], [one for one in horizons if one.trade_id not in late]
    )
    score_now(db)
    assert roll_up_parts(db, block=3, most=2) > 0
    roll_up_parts(db, block=3)
    assert roll_up_parts(db, block=3) == 0
    with db.begin() as connection:
        made = read_blocks(connection)
        assert max(level for _, level, _, _ in made) > 1
        assert list(check_part_blocks(connection)) == []
        assert_same(connection, chance)
    # Changed and not scored yet; then scored, and not made again; then made again.
    settle_some(
        db, [one for one in exits if one.trade_id in late], [one for one in horizons if one.trade_id in late]
    )
    with db.begin() as connection:
        assert_same(connection, chance)
    score_now(db)
    with db.begin() as connection:
        assert 0 < len(read_blocks(connection)) < len(made)
        voiding.void_decision(connection, chance.choice(past).trade_id, "a test", AS_OF)
        assert_same(connection, chance)
    assert roll_up_parts(db, block=3) > 0
    with db.begin() as connection:
        assert_same(connection, chance)
        assert_laminar(read_blocks(connection))
        assert list(check_part_blocks(connection)) == []


def test_a_day_that_is_scored_while_it_is_counted_is_not_added_up(db: Database) -> None:
    """Its rows are counted while others may take the lock of the score, and the change is found afterwards."""
    past = make_past(44)
    decide(db, past)
    begin_track(db)
    known = [one for one in past if one.scored.horizon_return_pct is not None]
    exits = sorted((one.scored.exit.exit_time, one.trade_id, one) for one in past if one.scored.exit)
    moment, _, late = exits[len(exits) // 2]
    settle_some(db, [one for _, _, one in exits if one is not late], known)
    score_now(db)
    left, day = [late], moment.astimezone(UTC).date()
    told: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        count = part_blocks._count_rows

        def change_meanwhile(connection: Connection, given: dict[str, Any]) -> Any:
            found = count(connection, given)
            if left and given["kind"] == "system" and given["first_day"] <= day <= given["last_day"]:
                settle_some(db, [left.pop()], [])
                score_now(db)
            return found

        patch.setattr(part_blocks, "_count_rows", change_meanwhile)
        assert roll_up_parts(db, block=3, tell=told.append) > 0
    assert not left
    assert told[0].startswith("adding up trades of ")
    assert told[-1].startswith("adding up signals of ")
    with db.begin() as connection:
        made = [one for one in read_blocks(connection) if one[0] == "system"]
        assert not [one for one in made if one[2] <= day <= one[3]]
        assert list(check_part_blocks(connection)) == []
    assert roll_up_parts(db, block=3) > 0
    with db.begin() as connection:
        assert list(check_part_blocks(connection)) == []
        assert_same(connection, random.Random(44))


def test_a_close_that_is_voided_while_its_day_is_counted_is_not_added_up(db: Database) -> None:
    """Its day has no rollup, neither before nor after: the count must not see what was there between."""
    past = make_past(44)
    decide(db, past)
    begin_track(db)
    by_day: defaultdict[date, list[Any]] = defaultdict(list)
    for one in past:
        if one.scored.exit:
            by_day[one.scored.exit.exit_time.astimezone(UTC).date()].append(one)
    day, (late,) = next(
        (day, ones) for day, ones in sorted(by_day.items())[5:] if len(ones) == 1 and not ones[0].scored.suspect
    )
    settle_some(db, [one for ones in by_day.values() for one in ones if one is not late], [])
    score_now(db)
    left = [late]
    with pytest.MonkeyPatch.context() as patch:
        count = part_blocks._count_rows

        def change_meanwhile(connection: Connection, given: dict[str, Any]) -> Any:
            here = given["kind"] == "system" and given["first_day"] <= day <= given["last_day"]
            if here and left:
                settle_some(db, [left.pop()], [])
                found = count(connection, given)
                with db.begin() as other:
                    assert voiding.void_decision(other, late.trade_id, "a test", AS_OF) == "voided"
                return found
            return count(connection, given)

        patch.setattr(part_blocks, "_count_rows", change_meanwhile)
        assert roll_up_parts(db, block=3) > 0
    assert not left
    with db.begin() as connection:
        assert [one for one in read_blocks(connection) if one[0] == "system" and one[2] <= day <= one[3]]
        assert list(check_part_blocks(connection)) == []


def test_what_changes_or_ends_while_stretches_are_made_is_not_in_them(db: Database) -> None:
    past = make_past(44)
    decide(db, past)
    begin_track(db)
    known = [one for one in past if one.scored.horizon_return_pct is not None]
    settle_some(db, [one for one in past if one.scored.exit], known)
    score_now(db)
    roll_up_parts(db, block=3)
    with db.begin() as connection:
        made = read_blocks(connection)
        kind, level, first, last = next(one for one in made if one[1] == 2)
        # A day in the middle changes and is scored after the stretches of the level below were read.
        day = next(one[2] for one in made if one[:2] == (kind, 1) and first < one[2] < last)
        part_blocks.forget_parts(connection, {kind: [day]})
    assert part_blocks._make(db, kind, level, part_blocks.Days(first, last)) == 0
    assert roll_up_parts(db, block=3) > 0
    with db.begin() as connection:
        assert list(check_part_blocks(connection)) == []
        bound = FIRST.replace(hour=0, minute=0) + timedelta(days=20)
        connection.execute(
            text("INSERT INTO scorekeeper.retention (decisions_from, pruned_as_of) VALUES (:bound, :as_of)"),
            {"bound": bound, "as_of": AS_OF},
        )
        answered = "SELECT min(first_day) FROM scorekeeper.report_part_blocks"
        assert connection.execute(text(answered)).scalar_one() >= bound.date()
        connection.execute(text("DELETE FROM scorekeeper.part_block WHERE first_day >= :day"), {"day": bound.date()})
    # The days from before retention keep their rollups, and are no work that comes back each time.
    assert roll_up_parts(db, block=3, most=1) > 0
    roll_up_parts(db, block=3)
    assert roll_up_parts(db, block=3) == 0
    with db.begin() as connection:
        assert min(one[2] for one in read_blocks(connection)) >= bound.date()
        assert list(check_part_blocks(connection)) == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE scorekeeper.part_sums SET parts = cast(replace(cast(parts AS text), '\"trades\":1', '\"trades\":2')"
        " AS json) WHERE kind = 'system' AND breakdown = 'hour' AND version IS NULL",
        "UPDATE scorekeeper.part_sums SET parts = cast(replace(cast(parts AS text), '\"longest_wins\":1', "
        "'\"longest_wins\":2') AS json) WHERE kind = 'system' AND breakdown = 'interval' AND version = 'v1'",
        "UPDATE scorekeeper.part_sums SET parts = cast(replace(cast(parts AS text), '\"abstained_losers\":1', "
        "'\"abstained_losers\":2') AS json) WHERE kind = 'agent' AND breakdown = 'confidence' AND version IS NULL",
        "DELETE FROM scorekeeper.trade",
        "DELETE FROM scorekeeper.part_sums WHERE kind = 'agent' AND breakdown = 'weekday' AND version = 'v1'",
        "UPDATE scorekeeper.decision SET confidence = 5 WHERE confidence = 50",
        "DELETE FROM scorekeeper.agent_signal WHERE agent = 'Agent0'",
    ],
)
def test_verify_finds_what_is_not_what_its_rows_add_up_to(added_up: Database, change: str) -> None:
    with added_up.engine.connect() as connection:
        assert list(check_part_blocks(connection)) == []
        connection.exec_driver_sql(change)
        assert list(check_part_blocks(connection)) != []
        connection.rollback()


def test_a_breakdown_and_a_period_read_few_rows(added_up: Database) -> None:
    """Few: those of the last day and of what is no stretch yet, whatever the history."""
    with added_up.engine.connect() as connection:
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        period = {"since": FIRST + timedelta(days=20), "until": FIRST + timedelta(days=40)}
        for asked in ({"by": Breakdown.HOUR}, {"by": Breakdown.CONFIDENCE, **period}, period):
            start = rows_read(connection)
            query.system_metrics(connection, **asked)
            middle = rows_read(connection)
            with from_rows():
                query.system_metrics(connection, **asked)
            assert 5 * (middle - start) < rows_read(connection) - middle, asked
        connection.rollback()


def rows_read(connection: Connection) -> int:
    """Rows of signals that this transaction has read."""
    return int(
        connection.exec_driver_sql(
            "SELECT coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables "
            "WHERE relname = 'agent_signal'"
        ).scalar_one()
    )


@pytest.fixture(scope="module")
def added_up(cluster: embedded.Lease, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database that the tests do not change."""
    past = make_past(44)
    with fresh_database(cluster) as url, open_database(url, tmp_path_factory.mktemp("added")) as db:
        decide(db, past)
        begin_track(db)
        known = [one for one in past if one.scored.horizon_return_pct is not None]
        settle_some(db, [one for one in past if one.scored.exit], known)
        score_now(db)
        assert roll_up_parts(db, block=3) > 0
        yield db


def assert_laminar(blocks: list[tuple[str, int, date, date]]) -> None:
    """Those of a level do not overlap, and each of a higher level consists of those below."""
    for kind in ("system", "agent"):
        levels = sorted({level for of, level, _, _ in blocks if of == kind})
        for level in levels:
            some = [(first, last) for of, at, first, last in blocks if (of, at) == (kind, level)]
            assert all(one[1] < other[0] for one, other in pairwise(some))
            below = [(first, last) for of, at, first, last in blocks if (of, at) == (kind, level - 1)]
            for first, last in some if level > 1 else ():
                within = [(a, b) for a, b in below if first <= a and b <= last]
                assert (within[0][0], within[-1][1]) == (first, last)
                assert all(one[1] + timedelta(days=1) == other[0] for one, other in pairwise(within))
