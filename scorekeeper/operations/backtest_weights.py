"""A backtest of the loop: what past decisions would have earned by the learned vote, beside what was done.

Each decision is voted on by what was known when it was made. All is scored at the horizon, by which agents are scored
too: a vote that differs from what was done has no stop, and no exit of its own.
"""

from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scorekeeper.analysis.intervals import RobustMean, robust_mean
from scorekeeper.learning.run import learn
from scorekeeper.store.copy_columns import Columns, read_columns
from scorekeeper.store.database import Database
from scorekeeper.store.sql import statement

_VOTED = {
    "done": ">i4", "learned": ">i4", "equal": ">i4", "adopted": ">i4", "worth": ">i4", "return": ">f8", "fee": ">f8",
    "opened": ">f8", "expires": ">f8",
}  # fmt: skip
# What is followed, in the order in which it is shown, and the pairs that are compared.
POLICIES = {
    "done": "what was done",
    "equal_vote": "the equal vote",
    "learned_vote": "the learned vote",
    "vote_in_use": "the vote in use: learned while adopted, else equal",
    "learned_vote_worth_trading": "the learned vote, where it is worth its fees",
}
PAIRS = (
    ("learned_vote", "done"), ("learned_vote", "equal_vote"), ("vote_in_use", "done"),
    ("learned_vote_worth_trading", "done"),
)  # fmt: skip


def score_votes(db: Database, as_of: datetime, fee_bps: float) -> dict[str, Any]:
    """Learn up to the hour of `as_of`, and score the votes on all decisions of `db`. See docs/operations/backtest.md.

    `fee_bps`: a side, of decisions that were no trade. Returns {"learned_until", "decisions", "adopted_decisions",
    "policies", "paired"}; figures are percent a decision, as means with robust intervals; None: undefined.
    """
    learned = learn(db, as_of)
    with db.begin() as connection:
        connection.execute(
            statement("operations/create_voted"), {"until": learned.until or as_of, "fee_bps": fee_bps}
        )
        voted = read_columns(connection, "operations/copy_voted", _VOTED)
    followed = _follow(voted)
    spans = voted["opened"], voted["expires"]
    gross = {name: side * voted["return"] for name, side in followed.items()}
    net = {name: gross[name] - np.abs(side) * voted["fee"] for name, side in followed.items()}
    return {
        "learned_until": None if learned.until is None else learned.until.isoformat().replace("+00:00", "Z"),
        "decisions": len(voted["done"]),
        "adopted_decisions": int(voted["adopted"].sum()),
        "policies": {
            name: {
                "says": POLICIES[name],
                "traded": int(np.count_nonzero(side)),
                "gross_pct": _described(robust_mean(gross[name], *spans)),
                "net_pct": _described(robust_mean(net[name], *spans)),
            }
            for name, side in followed.items()
        },
        "paired": [
            {
                "one": one,
                "other": other,
                "differ": int(np.count_nonzero(followed[one] != followed[other])),
                "gross_pct": _described(robust_mean(gross[one] - gross[other], *spans)),
                "net_pct": _described(robust_mean(net[one] - net[other], *spans)),
            }
            for one, other in PAIRS
        ],
    }


def _follow(voted: Columns) -> dict[str, NDArray[np.int32]]:
    """The direction that each policy gives each decision."""
    return {
        "done": voted["done"],
        "equal_vote": voted["equal"],
        "learned_vote": voted["learned"],
        "vote_in_use": np.where(voted["adopted"] == 1, voted["learned"], voted["equal"]),
        "learned_vote_worth_trading": np.where(voted["worth"] == 1, voted["learned"], 0),
    }


def _described(found: RobustMean) -> dict[str, Any]:
    return {
        "mean": found.mean,
        "ci95_robust": None if found.ci95 is None else list(found.ci95),
        "p_robust": found.p,
        "independent": found.independent,
    }
