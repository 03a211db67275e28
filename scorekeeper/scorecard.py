"""What each version comes to, kept as composed: what dashboards read, and the artifacts show."""

from datetime import datetime
from json import dumps
from typing import Any

from sqlalchemy import Connection, text

from scorekeeper.score import SCORECARD_LOCK, system_metrics
from scorekeeper.store.sql import statement


def list_versions(connection: Connection) -> list[str]:
    """The versions that have a score or have had a trade open, in order."""
    return list(connection.execute(statement("select_versions")).scalars())


def read_scorecard(connection: Connection) -> dict[str, Any]:
    """The answer for all versions as it was composed last. Raises LookupError before the first."""
    answer: dict[str, Any] | None = connection.execute(statement("select_scorecard"), {"version": None}).scalar()
    if answer is None:
        raise LookupError("no scorecard is kept yet: nothing was tracked")
    return answer


def keep_scorecards(connection: Connection, as_of: datetime, *, anew: bool = False) -> None:
    """Keep the answer for all and for each version at `as_of`.

    What the days of a version come to is composed where they have changed since, or all of it `anew`.
    Inside the caller's transaction, after what changed the score. Never at an earlier moment than what is kept.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": SCORECARD_LOCK})
    kept = connection.execute(statement("select_scored_until")).scalar()
    as_of = max(as_of, kept or as_of)
    known = list_versions(connection)
    answers = {
        version: system_metrics(connection, version=version, at=as_of, compose=anew) for version in (None, *known)
    }
    connection.execute(statement("delete_scorecards"), {"versions": known})
    connection.execute(
        statement("upsert_scorecard"),
        [
            {"version": version, "as_of": as_of, "answer": dumps(answer, allow_nan=False)}
            for version, answer in answers.items()
        ],
    )
