"""The daily fits of how sure the learned score is, as they are stored."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from scorekeeper.learning.constants import DAY
from scorekeeper.learning.probability import NODES, day_sums, fit_beta, p_up
from scorekeeper.learning.window import from_copy, micros, moment
from scorekeeper.store.copy_columns import read_columns
from scorekeeper.store.sql import json_rows, statement
from scorekeeper.store.temporary import drop_temporary

_SCORED = {"expires": ">i8", "returns": ">f8", "score": ">f8", "uniqueness": ">f8"}


@dataclass(frozen=True)
class Fits:
    """The fits that bear on a step, in order: the midnights (microseconds) from which each holds, and its beta."""

    begins: NDArray[np.int64]
    betas: NDArray[np.float64]

    def beta(self, times: NDArray[np.int64]) -> NDArray[np.float64]:
        """The beta that holds at each of the times; 0 before the first fit."""
        return np.concatenate([[0.0], self.betas])[np.searchsorted(self.begins, times, "right")]

    def p_up(self, times: NDArray[np.int64], score: NDArray[np.float64]) -> NDArray[np.float64]:
        """The probability of a move upwards that a score says, at each of the times."""
        return p_up(self.beta(times), score)


def learn_probability(connection: Connection, version: str, after: datetime, until: datetime) -> Fits:
    """Fit beta at each UTC midnight after `after` and up to `until`, and store the fits.

    A midnight before which no outcome of the day became known has none. A fit needs the whole day's outcomes, which are
    stored already. Returns the fits that hold in this span.
    """
    last = connection.execute(statement("learning/select_last_probability"), {"version": version}).one_or_none()
    begins = [] if last is None else [micros(last.as_of)]
    betas = [] if last is None else [last.beta]
    first, end = micros(after) // DAY * DAY, micros(until) // DAY * DAY
    if first < end:
        drop_temporary(connection, "learning_scored")
        connection.execute(
            statement("learning/create_scored"), {"version": version, "after": moment(first), "until": moment(end)}
        )
        found = read_columns(connection, "learning/copy_scored", _SCORED)
        midnight = -(-from_copy(found["expires"]) // DAY) * DAY
        days, starts = np.unique(midnight, return_index=True)
        rows = []
        outcomes, signed = (0, 0.0) if last is None else (last.outcomes, last.sum_signed)
        moments = np.zeros(NODES) if last is None else np.array(last.moments)
        if len(days):
            of_day, moments_of_day = day_sums(found["score"], found["uniqueness"], found["returns"], starts)
        counts = np.diff([*starts, len(midnight)])
        for number, day in enumerate(days.tolist()):
            outcomes += int(counts[number])
            signed += float(of_day[number])
            moments = moments + moments_of_day[number]
            begins.append(day)
            betas.append(fit_beta(signed, moments))
            rows.append(
                {
                    "as_of": day, "outcomes": outcomes, "beta": betas[-1], "sum_signed": signed,
                    "moments": moments.tolist(),
                }
            )  # fmt: skip
        connection.execute(statement("learning/insert_probabilities"), {"version": version, "rows": json_rows(rows)})
    return Fits(np.array(begins, dtype=np.int64), np.array(betas, dtype=np.float64))
