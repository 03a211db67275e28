"""One step of learning: votes, outcomes, how sure the score is, evidence, and the weights of each hour."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from scorekeeper.learning import evidence, weights
from scorekeeper.learning.constants import HOUR, MISSING_CONFIDENCE
from scorekeeper.learning.stored_evidence import learn_evidence
from scorekeeper.learning.stored_probability import Fits, learn_probability
from scorekeeper.learning.uniqueness import call_uniqueness, mean_uniqueness
from scorekeeper.learning.window import Window, choose_end, micros, read_window, to_copy
from scorekeeper.locks import Lock, lock
from scorekeeper.store.copy_columns import write_columns
from scorekeeper.store.sql import statement
from scorekeeper.store.temporary import drop_temporary

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_ALWAYS = np.iinfo(np.int64).min
# By kind of row: the statements that make a temporary table of numbers, fill it, and make rows of it.
_STATEMENTS = {
    "new_vote": ("learning/create_new_votes", "learning/copy_new_votes", "learning/insert_votes"),
    "new_outcome": ("learning/create_new_outcomes", "learning/copy_new_outcomes", "learning/insert_outcomes"),
    "new_state": ("learning/create_new_states", "learning/copy_new_states", "learning/insert_states"),
    "new_weight": ("learning/create_new_weights", "learning/copy_new_weights", "learning/insert_weights"),
}
_VOTES = {
    "decision": ">i4", "direction": ">i4", "equal_direction": ">i4", "score": ">f8", "equal_score": ">f8",
    "scale": ">f8", "move": ">f8", "p_up": ">f8",
}  # fmt: skip
_OUTCOMES = {
    "decision": ">i4", "score": ">f8", "excess": ">f8", "uniqueness": ">f8", "independent": ">f8"
}  # fmt: skip
_STATES = {
    "as_of": ">i8", "outcomes": ">i8", "independent": ">f8", "up": ">f8", "down": ">f8", "squares": ">f8",
    "sizes": ">f8", "advantage": ">f8", "beta": ">f8",
}  # fmt: skip
_WEIGHTS = {
    "as_of": ">i8", "agent": ">i4", "weight": ">f8", "in_use": ">f8", "p": ">f8", "calls": ">f8", "ups": ">f8",
    "independent": ">f8", "right_up": ">f8", "right_down": ">f8", "wrong_up": ">f8", "wrong_down": ">f8",
}  # fmt: skip


class ChangedError(Exception):
    """Since this run began, a settlement has changed what is learned already; that is noted, to be learned again."""


@dataclass(frozen=True)
class _Followed:
    """What a window says after `state`: the outcomes in order, the paths of all sums, and since when each agent speaks.

    `places`: of the outcomes among the window's decisions. `first_seen`: microseconds, by agent.
    """

    market_state: weights.MarketSums
    agent_state: weights.AgentSums
    places: Ints
    known_at: Ints
    outcomes: weights.Outcomes
    calls: weights.Calls
    market: weights.MarketPath
    first_seen: Ints

    def weigh(self, times: Ints) -> tuple[Floats, Floats, NDArray[np.bool_], dict[str, Floats]]:
        """Weights, p, which agents are known, and the sums of each agent, at each of the times: a column per agent."""
        at = np.searchsorted(self.known_at, times, "right")
        shape = (len(times), len(self.first_seen))
        p, sums = np.empty(shape), {name: np.empty(shape) for name in ("calls", "ups", "independent")}
        sums |= {name: np.empty(shape) for name in ("right_up", "right_down", "wrong_up", "wrong_down")}
        followed = weights.follow_agents(self.agent_state, self.market, self.outcomes, self.calls)
        for number, path in enumerate(followed):
            p[:, number] = weights.p_right(path.evidence, self.market, at)
            for name, values in (("calls", path.calls), ("ups", path.ups), ("independent", path.independent)):
                sums[name][:, number] = values[at]
            for name, values in zip(("right_up", "right_down", "wrong_up", "wrong_down"), path.evidence, strict=True):
                sums[name][:, number] = values[at]
        known = self.first_seen[None, :] <= times[:, None]
        return weights.weigh(p, known, sums["calls"].sum(axis=1) > 0), p, known, sums


def learn_weights(connection: Connection, version: str, until: datetime) -> bool:
    """Learn what became known to a version in the hours up to `until`, or in the first of them; whether some are left.

    Runs in the caller's transaction. However the hours are divided into steps, the rows are the same.
    """
    lock(connection, Lock.LEARN)
    progress = connection.execute(statement("learning/select_progress"), {"version": version}).one_or_none()
    if progress is None or progress.learned_until >= until:
        return False
    after = progress.learned_until
    state = _read_state(connection, version)
    end = choose_end(connection, version, after, until, len(state[1].names))
    window = read_window(connection, version, after, end)
    # Only now it is known how many agents are new.
    if (fewer := choose_end(connection, version, after, end, len({*state[1].names, *window.agents}))) < end:
        end, window = fewer, read_window(connection, version, after, fewer)
    followed = _follow(state, window, micros(after))
    new = np.flatnonzero(window.opened > micros(after))
    votes = _vote(window, followed, new)
    outcomes = _judge(window, followed, votes)
    _write(connection, "new_outcome", _OUTCOMES, outcomes)
    fits = learn_probability(connection, version, after, end)
    votes["p_up"] = fits.p_up(window.opened[new], votes["score"])
    _write(connection, "new_vote", _VOTES, votes)
    blocks = learn_evidence(connection, version, progress, after, end)
    _write_states(connection, version, followed, outcomes["advantage"], fits, blocks.adoptions, (after, end))
    connection.execute(
        statement("learning/advance_learned"),
        {"version": version, "until": end, "block_hours": blocks.hours, "blocks_from": blocks.since},
    )
    return end < until


def _follow(state: tuple[weights.MarketSums, weights.AgentSums], window: Window, after: int) -> _Followed:
    market, agents = state
    names = sorted({*agents.names, *window.agents})
    number = np.searchsorted(names, window.agents) if names else np.empty(0, dtype=np.int64)
    agent = number[window.agent] if len(window.agent) else window.agent
    new = window.opened[window.decision] > after
    first_seen = np.full(len(names), np.iinfo(np.int64).max)
    first_seen[np.isin(names, agents.names)] = _ALWAYS
    np.minimum.at(first_seen, agent[new], window.opened[window.decision[new]])

    order = np.argsort(window.expiry)
    places = order[~np.isnan(window.returns[order]) & (window.expires[order] > after)]
    outcome_of = np.full(len(window.opened), -1)
    outcome_of[places] = np.arange(len(places))
    called = np.flatnonzero(window.direction)
    own = call_uniqueness(window.opened, window.expires, window.decision[called], agent[called], len(names))
    outcome = outcome_of[window.decision[called]]
    judged = np.flatnonzero(outcome >= 0)
    judged = judged[np.lexsort((agent[called[judged]], outcome[judged]))]
    calls = weights.Calls(
        outcome[judged], agent[called[judged]], window.direction[called[judged]], own[judged]
    )
    outcomes = weights.Outcomes(mean_uniqueness(window.opened, window.expires)[places], window.returns[places])
    return _Followed(
        market, agents.among(names), places, window.expires[places], outcomes, calls,
        weights.follow_market(market, outcomes), first_seen,
    )  # fmt: skip


def _read_state(connection: Connection, version: str) -> tuple[weights.MarketSums, weights.AgentSums]:
    state = connection.execute(statement("learning/select_state"), {"version": version}).one_or_none()
    if state is None:
        nothing = np.empty(0)
        return weights.MarketSums(), weights.AgentSums([], np.empty((0, 4)), nothing, nothing, nothing)
    rows = connection.execute(
        statement("learning/select_agent_sums"), {"version": version, "as_of": state.as_of}
    ).all()
    sums = np.array([row.sums for row in rows], dtype=np.float64).reshape(len(rows), 5)
    calls = np.array([row.calls for row in rows], dtype=np.float64)
    independent = np.array([row.independent_calls for row in rows], dtype=np.float64)
    agents = weights.AgentSums([row.agent for row in rows], sums[:, :4], calls, sums[:, 4], independent)
    return weights.MarketSums(state.outcomes, state.independent, *state.sums), agents


def _vote(window: Window, followed: _Followed, new: Ints) -> dict[str, NDArray[Any]]:
    """The votes on the decisions at the places `new`, without p_up."""
    weight, _, known, _ = followed.weigh(window.opened[new])
    place = np.full(len(window.opened), -1)
    place[new] = np.arange(len(new))
    said = np.flatnonzero(place[window.decision] >= 0)
    confidence = np.where(np.isnan(window.confidence[said]), MISSING_CONFIDENCE, window.confidence[said]) / 100.0
    names = np.searchsorted(followed.agent_state.names, window.agents) if window.agents else np.empty(0, dtype=int)
    votes = weights.vote(
        weight,
        known.sum(axis=1),
        place[window.decision[said]],
        names[window.agent[said]] if len(said) else window.agent[said],
        window.direction[said] * confidence,
    )
    at = np.searchsorted(followed.known_at, window.opened[new], "right")
    count = np.asarray(followed.market_state.outcomes + at, dtype=np.float64)
    count[count == 0] = np.nan
    return {
        "decision": new,
        "direction": votes.direction,
        "equal_direction": votes.equal_direction,
        "score": votes.score,
        "equal_score": votes.equal_score,
        "scale": np.sqrt(followed.market.squares[at] / count),
        "move": followed.market.sizes[at] / count,
    }


def _judge(window: Window, followed: _Followed, votes: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """What each outcome says of its votes, of which some were stored by earlier steps."""
    of_all = {name: values.copy() for name, values in window.votes.items()}
    for name, values in of_all.items():
        values[votes["decision"]] = votes[name]
    voted = {name: values[followed.places] for name, values in of_all.items()}
    if np.isnan(voted["score"]).any():
        raise ChangedError("a decision counts that did not when its hour was learned")
    returns = followed.outcomes.returns
    return {
        "decision": followed.places,
        "score": voted["score"],
        "excess": evidence.excess(voted["score"], voted["equal_score"], returns, voted["scale"]),
        "uniqueness": followed.outcomes.uniqueness,
        "independent": followed.market.independent[1:],
        "advantage": (voted["direction"] - voted["equal_direction"]) * returns,
    }


def _write_states(
    connection: Connection,
    version: str,
    followed: _Followed,
    advantage: Floats,
    fits: Fits,
    adoptions: list[tuple[int, bool]],
    span: tuple[datetime, datetime],
) -> None:
    """Store the state and the weights of each hour of `span` in which something was learned.

    `adoptions`: whether the weights are adopted, from which hour on; the first entry is what held before.
    """
    after, end = (micros(one) for one in span)
    learned = [followed.known_at, followed.first_seen[followed.first_seen > after]]
    learned.append(np.array([hour for hour, _ in adoptions[1:]], dtype=np.int64))
    hours = np.unique(-(-np.concatenate(learned) // HOUR) * HOUR)
    hours = hours[(hours > after) & (hours <= end)]
    weight, p, known, sums = followed.weigh(hours)
    at = np.searchsorted(followed.known_at, hours, "right")
    start = followed.market_state
    _write(
        connection,
        "new_state",
        _STATES,
        {
            "as_of": to_copy(hours),
            "outcomes": start.outcomes + at,
            "independent": followed.market.independent[at],
            "up": followed.market.up[at],
            "down": followed.market.down[at],
            "squares": followed.market.squares[at],
            "sizes": followed.market.sizes[at],
            "advantage": weights.running(start.advantage, advantage)[at],
            "beta": fits.beta(hours),
        },
        version=version,
    )
    begins = np.array([hour for hour, _ in adoptions], dtype=np.int64)
    adopted = np.array([one for _, one in adoptions])[np.searchsorted(begins, hours, "right") - 1]
    row, column = np.nonzero(known)
    _write(
        connection,
        "new_weight",
        _WEIGHTS,
        {
            "as_of": to_copy(hours)[row],
            "agent": column,
            "weight": weight[row, column],
            "in_use": np.where(adopted[row], weight[row, column], 1.0),
            "p": p[row, column],
        }
        | {name: values[row, column] for name, values in sums.items()},
        version=version,
        agents=followed.agent_state.names,
    )


def _write(
    connection: Connection, what: str, columns: Mapping[str, str], values: Mapping[str, NDArray[Any]], **given: Any
) -> None:
    """Store rows by way of a temporary table of numbers, from which a statement makes them."""
    create, copy, insert = _STATEMENTS[what]
    drop_temporary(connection, what)
    connection.execute(statement(create))
    write_columns(connection, copy, columns, values)
    connection.execute(statement(insert), given)
