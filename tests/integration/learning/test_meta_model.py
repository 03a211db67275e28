"""The meta-model in the database: the same rows for any schedule, no future in them, found what was planted."""

import random
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from scorekeeper.learning.run import learn
from scorekeeper.store.database import Database
from tests.trading import insert_planted, plant

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
