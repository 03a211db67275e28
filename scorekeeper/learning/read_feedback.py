"""Reads what feedback is made of, from the views that a reader may read."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from scorekeeper.learning.feedback import Feedback, Recalibration, Signal, give_feedback
from scorekeeper.metrics.formulas import iso
from scorekeeper.store.sql import statement

MOST_DECISIONS = 10_000  # the last ones: reading takes as long after years as after weeks


def read_feedback(
    connection: Connection, agent: str, *, symbol: str | None = None, version: str | None = None,
    as_of: datetime | None = None,
) -> Feedback:  # fmt: skip
    """The feedback on one agent at a moment (None, or one that is not tracked yet: the last track).

    It rests on the last 10,000 decisions of the version that count, and that the agent said something to or not.

    `symbol`: as it is stored; None: all. `version`: None for the one of the agent's last decision that counts. An agent
    that is not known has no calls.
    """
    scope = connection.execute(
        statement("learning/select_feedback_scope"), {"as_of": as_of, "agent": agent, "version": version}
    ).one()
    if scope.as_of is None or scope.version is None:
        return give_feedback(agent, scope.version, symbol, scope.as_of, [], {})
    given: dict[str, Any] = {"version": scope.version, "symbol": symbol, "as_of": scope.as_of, "most": MOST_DECISIONS}
    signals = [
        Signal(*row)
        for row in connection.execute(statement("learning/select_feedback_signals"), given | {"agent": agent})
    ]
    moves: dict[str | None, tuple[int, float]] = {
        row.symbol: (row.outcomes, row.mean_size_pct or 0.0)
        for row in connection.execute(statement("learning/select_feedback_moves"), given | {"symbol": None})
    }
    fitted = next(
        (
            Recalibration(row.a, row.b, row.helps)
            for row in connection.execute(
                statement("learning/select_maps_at"), {"version": scope.version, "at": scope.as_of}
            )
            if row.agent == agent and row.a is not None
        ),
        None,
    )
    return give_feedback(agent, scope.version, symbol, scope.as_of, signals, moves, fitted)


def list_agents(connection: Connection, *, version: str | None = None, as_of: datetime | None = None) -> list[str]:
    """The agents of a version (None: of the last decision that counts) that feedback can be given to, in order."""
    scope = connection.execute(
        statement("learning/select_feedback_scope"), {"as_of": as_of, "agent": None, "version": version}
    ).one()
    if scope.as_of is None or scope.version is None:
        return []
    given = {"version": scope.version, "as_of": scope.as_of}
    return [row.agent for row in connection.execute(statement("learning/select_feedback_agents"), given)]


def list_every_agent(connection: Connection) -> list[str]:
    """The agents of all versions, in order."""
    given = {"version": None, "as_of": None}
    return [row.agent for row in connection.execute(statement("learning/select_feedback_agents"), given)]


def as_document(feedback: Feedback) -> dict[str, Any]:
    """The feedback as JSON has it: undefined is None, times end in Z."""
    document = asdict(feedback)
    document["as_of"] = iso(feedback.as_of)
    document["last"] = [{**one, "opened_at": iso(one["opened_at"])} for one in document["last"]]
    return document
