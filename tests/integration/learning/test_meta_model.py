"""The meta-model in the database: the same rows for any schedule, no future in them, found what was planted."""

import random
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text

from scorekeeper.learning.run import learn
from scorekeeper.metrics.voiding import void_decision
from scorekeeper.store.database import Database
from scorekeeper.verify.meta import check_meta_model
from tests.trading import BEGIN, insert_planted, plant

TABLES = ("meta_trade", "meta_model")
DAY = timedelta(days=1)


def read_rows(db: Database) -> dict[str, list[tuple[Any, ...]]]:
    """All rows, to the bit, in order."""
    with db.begin() as connection:
        return {
            table: sorted(map(tuple, connection.execute(text(f"SELECT * FROM scorekeeper.{table}"))), key=str)
            for table in TABLES
        }


def test_any_schedule_gives_the_same_rows_to_the_bit(
    db: Database, other_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = plant(1, 1500, skill=0.3, symbols=("BTC/USDT", "ETH/USDT", "XRP/USDT"), gone=(9_000, 11_000))
    for one in (db, other_db):
        with one.begin() as connection:
            end = insert_planted(connection, planted)
    learn(db, end)
    once = read_rows(db)
    with db.begin() as connection:
        assert list(check_meta_model(connection, "v1", end, 4)) == []
    monkeypatch.setattr("scorekeeper.learning.learn_meta.STEP_TRADES", 150)
    chance, moment = random.Random(1), planted.rows[0]["opened"]
    while moment < end:
        moment += timedelta(hours=chance.choice([1, 5, 13, 24, 40, 90]))
        learn(other_db, moment)
    learn(other_db, end)
    again = read_rows(other_db)
    assert once["meta_trade"] == again["meta_trade"]
    assert once["meta_model"] == again["meta_model"]
    assert len(once["meta_model"]) > 30


def test_rows_before_a_change_of_the_future_stay_as_they_are(db: Database, other_db: Database) -> None:
    # The same decisions and prices up to some moment; after it other agents, other returns.
    planted, turned = plant(2, 900, skill=0.3), plant(2, 900, skill=0.3)
    turn = BEGIN + 9 * DAY
    for row in turned.rows:
        if row["expires"] > turn:
            row |= {"h": -row["h"], "net": -row["net"], "pnl": -row["pnl"]}
    turned.prices[:, 9 * 1440 :] **= -1
    for one, written in ((db, planted), (other_db, turned)):
        with one.begin() as connection:
            end = insert_planted(connection, written)
        learn(one, end)
    before, after = read_rows(db), read_rows(other_db)
    columns = {"meta_trade": 1, "meta_model": 1}  # expires_at, as_of
    for table, place in columns.items():
        kept = [row for row in before[table] if row[place] <= turn]
        assert kept == [row for row in after[table] if row[place] <= turn]
        assert len(kept) > 10
    with db.begin() as connection, other_db.begin() as other:
        assert foretold(connection, turn) == foretold(other, turn) != []
    assert before["meta_model"] != after["meta_model"]


def foretold(connection: Connection, until: datetime) -> list[tuple[Any, ...]]:
    """What was said of trades that opened before `until`, whatever came of them."""
    return [
        tuple(row)
        for row in connection.execute(
            text(
                "SELECT trade_id, hour_size, day_size, hour_return, p_net, market_net, base_net, kept_net"
                " FROM scorekeeper.meta_trade WHERE opened_at < :until ORDER BY trade_id"
            ),
            {"until": until},
        )
    ]


def test_a_void_long_after_makes_the_rows_again_and_verify_finds_what_is_false(
    db: Database, other_db: Database
) -> None:
    planted = plant(3, 700, skill=0.4)
    gone = planted.rows[300]["id"]
    with db.begin() as connection:
        end = insert_planted(connection, planted)
    learn(db, end)
    with db.begin() as connection:
        void_decision(connection, gone, at=end, why="a test")
    learn(db, end)
    with other_db.begin() as connection:
        insert_planted(connection, planted)
        void_decision(connection, gone, at=end, why="a test")
    learn(other_db, end)
    assert read_rows(db) == read_rows(other_db)
    assert gone not in {row[2] for row in read_rows(db)["meta_trade"]}
    for change, says in (
        ("meta_trade SET p_net = p_net + 1e-6 WHERE p_net IS NOT NULL", "p_net of"),
        ("meta_trade SET hour_size = hour_size * 1.001 WHERE hour_size IS NOT NULL", "hour_size of"),
        ("meta_trade SET net_pct = net_pct + 0.1", "net_pct of"),
        ("meta_model SET informs = NOT coalesce(informs, false)", "informs for"),
        (
            "meta_model SET coefficients = jsonb_set(coefficients, '{features,0,coefficient}', '0.5')",
            "not the most probable",
        ),
        ("meta_model SET metrics = jsonb_set(metrics, '{e_value}', '21')", "e_value for"),
        ("meta_model SET as_of = as_of + interval '1 hour' WHERE coefficients IS NULL", "midnights have rows"),
    ):
        with db.begin() as connection:
            connection.execute(text(f"UPDATE scorekeeper.{change}"))
            found = list(check_meta_model(connection, "v1", end + 2 * DAY, 4))
            assert any(says in one for one in found), (change, found)
            connection.rollback()
    with db.begin() as connection:
        assert list(check_meta_model(connection, "v1", end, 4)) == []
