"""What each version comes to, kept as composed: what dashboards read, and the artifacts show."""

from datetime import date, datetime, timedelta
from json import dumps
from typing import Any

import msgspec
from sqlalchemy import Connection, text

from scorekeeper.domain.pieces import AgentSums, DayPieces, Period, add_agents, extend
from scorekeeper.score import SCORECARD_LOCK, compose_whole, read_agents, read_days, system_metrics
from scorekeeper.store.sql import statement

# The last days of a version are read each time: what is late, or voided soon, changes them.
OPEN_DAYS = timedelta(days=7)


def list_versions(connection: Connection) -> list[str]:
    """The versions that have a score or have had a trade open, in order."""
    return list(connection.execute(statement("select_versions")).scalars())


def read_scorecard(connection: Connection) -> dict[str, Any]:
    """The answer for all versions as it was composed last. Raises LookupError before the first."""
    answer: dict[str, Any] | None = connection.execute(statement("select_scorecard"), {"version": None}).scalar()
    if answer is None:
        raise LookupError("no scorecard is kept yet: nothing was tracked")
    return answer


class Before(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What all days of a version before `day` come to, added up: it is read instead of them while none has changed."""

    day: date
    gross: Period | None
    net: Period | None
    agents: list[AgentSums]


def keep_scorecards(connection: Connection, as_of: datetime, *, anew: bool = False) -> None:
    """Keep the answer for all and for each version at `as_of`.

    What the days of a version come to is composed where they have changed since, or all of it `anew`.
    Inside the caller's transaction, after what changed the score. Never at an earlier moment than what is kept.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": SCORECARD_LOCK})
    kept = connection.execute(statement("select_scored_until")).scalar()
    as_of = max(as_of, kept or as_of)
    known = list_versions(connection)
    connection.execute(statement("delete_scorecards"), {"versions": known})
    for version in (None, *known):
        whole, before = None, None
        if anew or connection.execute(statement("select_scorecard"), {"version": version}).one_or_none() is None:
            before, whole = _compose(connection, version, None if anew else _read_before(connection, version))
        answer = system_metrics(connection, version=version, at=as_of, whole=whole)
        connection.execute(
            statement("upsert_scorecard"),
            {
                "version": version,
                "as_of": as_of,
                "answer": dumps(answer, allow_nan=False),
                "composed": whole is not None,
                "before_day": None if before is None else before.day,
                "before": None if before is None else msgspec.json.encode(before).decode(),
            },
        )


def find_wrong_sums(connection: Connection) -> list[str | None]:
    """The versions (None: all) of which what is kept of earlier days is not what these days come to."""
    return [
        version
        for version in (None, *list_versions(connection))
        if (before := _read_before(connection, version)) is not None
        and before != _add_up(connection, version, None, _read_days(connection, version, None), before.day)
    ]


def _read_before(connection: Connection, version: str | None) -> Before | None:
    """What is kept of earlier days; None for nothing, and for what another release has written."""
    found = connection.execute(statement("select_scorecard_before"), {"version": version}).one_or_none()
    if found is None:
        return None
    try:
        before = msgspec.convert(found.before, Before)
    except msgspec.ValidationError:
        return None
    return before if before.day == found.before_day else None


def _compose(
    connection: Connection, version: str | None, before: Before | None
) -> tuple[Before | None, dict[str, Any]]:
    """What to keep of a version's days, all but the last ones; and all its figures."""
    days = _read_days(connection, version, before)
    if days[0] and (before is None or before.day < days[0][-1].day - OPEN_DAYS):
        before = _add_up(connection, version, before, days, days[0][-1].day - OPEN_DAYS)
    from_day = None if before is None else before.day
    agents = read_agents(connection, {"version": version, "symbol": None}, from_day)
    if before is None:
        sums: list[Period | None] = [None, None]
    else:
        sums, agents = [before.gross, before.net], add_agents(before.agents, agents)
        days = [[one for one in basis if one.day >= before.day] for basis in days]
    gross, net = (extend(known, basis) for known, basis in zip(sums, days, strict=True))
    busy = [
        connection.execute(statement("select_day_sums"), {"version": version, "after_fees": after_fees}).scalars().all()
        for after_fees in (False, True)
    ]
    return before, compose_whole(gross, net, busy, agents)


def _read_days(connection: Connection, version: str | None, before: Before | None) -> list[list[DayPieces]]:
    """Those that are not added up: gross, after fees."""
    from_day = None if before is None else before.day
    return list(read_days(connection, {"version": version, "symbol": None}, from_day))


def _add_up(
    connection: Connection, version: str | None, before: Before | None, days: list[list[DayPieces]], day: date
) -> Before:
    """Those of `days` that lie before `day`, on top of those that are added up already."""
    known = before or Before(date.min, None, None, [])
    gross, net = (
        extend(sums, [one for one in basis if one.day < day])
        for sums, basis in zip((known.gross, known.net), days, strict=True)
    )
    scope = {"version": version, "symbol": None}
    return Before(day, gross, net, add_agents(known.agents, read_agents(connection, scope, known.day, day)))
