"""What is learned after old decisions were deleted by their age is what would have been learned with them."""

from datetime import timedelta
from typing import Any

from sqlalchemy import text

from scorekeeper.learning.run import learn
from scorekeeper.store.database import Database
from tests.trading import BEGIN, insert_planted, plant

DAY = timedelta(days=1)
SAME = (
    "learned_vote", "learned_outcome", "learned_probability", "weight_state", "agent_weight", "weight_evidence",
    "calibration_map", "calibration_tally", "learning_progress",
)  # fmt: skip
# What is known of a trade; what the model says of it follows from the trades on which it was fitted.
OF_TRADES = (
    "version, expires_at, trade_id, opened_at, released_at, uniqueness, net_pct, horizon_net_pct, hour_size, day_size,"
    "hour_return, p_net IS NULL FROM scorekeeper.meta_trade"
)
OF_MODELS = "as_of, target, trades, independent_trades, coefficients IS NULL FROM scorekeeper.meta_model"


def read_rows(db: Database, *selections: str) -> list[list[tuple[Any, ...]]]:
    with db.begin() as connection:
        found = [connection.execute(text(f"SELECT {one}")).all() for one in selections]
    return [sorted(map(tuple, rows), key=str) for rows in found]


def test_weights_evidence_and_maps_go_on_and_the_model_is_fitted_on_what_is_there(
    db: Database, other_db: Database
) -> None:
    planted = plant(1, 1000, skill=0.3, symbols=("BTC/USDT", "ETH/USDT"))
    for one in (db, other_db):
        with one.begin() as connection:
            end = insert_planted(connection, planted)
        learn(one, BEGIN + 8 * DAY)
    with db.begin() as connection:
        connection.execute(
            text("INSERT INTO scorekeeper.retention (decisions_from, pruned_as_of) VALUES (:bound, :bound)"),
            {"bound": BEGIN + 6 * DAY},
        )
        assert connection.execute(text("SELECT scorekeeper.delete_decisions(100000)")).scalar_one() > 300
    for one in (db, other_db):
        learn(one, end)
    same = [f"* FROM scorekeeper.{table}" for table in SAME]
    assert read_rows(db, *same, OF_TRADES) == read_rows(other_db, *same, OF_TRADES)
    (models,), (others,) = read_rows(db, OF_MODELS), read_rows(other_db, OF_MODELS)
    assert models == others
    fitted = "sum((coefficients->>'trades')::int) FROM scorekeeper.meta_model"
    assert read_rows(db, fitted) < read_rows(other_db, fitted)
