"""What each version comes to, kept as composed: what dashboards read, and the artifacts show."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from json import dumps
from typing import Any

import msgspec
from sqlalchemy import Connection, Row

from scorekeeper.locks import Lock, lock
from scorekeeper.metrics.day_sums import AgentSums, DaySums, PeriodSums, add_agents, extend
from scorekeeper.metrics.formulas import compose_period
from scorekeeper.metrics.query import compose_whole, read_agents, read_days, system_metrics
from scorekeeper.store.sql import statement

# The last days of a version are read each time: what is late, or voided soon, changes them.
OPEN_DAYS = timedelta(days=7)


def list_versions(connection: Connection) -> list[str]:
    """The versions that have a score or have had a trade open, in order."""
    return list(connection.execute(statement("metrics/select_versions")).scalars())


def read_scorecard(connection: Connection) -> dict[str, Any]:
    """The answer for all versions as it was composed last. Raises LookupError before the first."""
    answer: dict[str, Any] | None = connection.execute(
        statement("metrics/select_scorecard"), {"version": None}
    ).scalar()
    if answer is None:
        raise LookupError("no scorecard is kept yet: nothing was tracked")
    return answer


class Before(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What all days of a version before `day` come to, added up: it is read instead of them while none has changed."""

    day: date
    gross: PeriodSums | None
    net: PeriodSums | None
    agents: list[AgentSums]


NOTHING = Before(date.min, None, None, [])


def keep_scorecards(connection: Connection, as_of: datetime, *, anew: bool = False) -> None:
    """Keep the answer for all and for each version at `as_of`.

    What the days of a version come to is composed where they have changed since, or all of it `anew`.
    Inside the caller's transaction, after what changed the score. Never at an earlier moment than what is kept.
    """
    lock(connection, Lock.SCORECARD)
    kept = connection.execute(statement("metrics/select_scored_until")).scalar()
    as_of = max(as_of, kept or as_of)
    known = list_versions(connection)
    connection.execute(statement("metrics/delete_scorecards"), {"versions": known})
    for version in (None, *known):
        whole, before = None, NOTHING
        card = connection.execute(statement("metrics/select_scorecard_state"), {"version": version}).one_or_none()
        if anew or card is None or card.outdated:
            before, whole = _compose(connection, version, NOTHING if anew else _decode(card))
        answer = system_metrics(connection, version=version, at=as_of, whole=whole)
        connection.execute(
            statement("metrics/upsert_scorecard"),
            {
                "version": version,
                "as_of": as_of,
                "answer": dumps(answer, allow_nan=False),
                "composed": whole is not None,
                "before_day": before.day,
                "before": msgspec.json.encode(before).decode(),
            },
        )


def find_wrong_sums(connection: Connection) -> list[str | None]:
    """The versions (None: all) of which what is kept of earlier days is not what these days come to."""
    wrong = []
    for version in (None, *list_versions(connection)):
        card = connection.execute(statement("metrics/select_scorecard_state"), {"version": version}).one_or_none()
        before, scope = _decode(card), _scope(version)
        if before != _add_up(connection, scope, NOTHING, read_days(connection, scope), before.day):
            wrong.append(version)
    return wrong


def _scope(version: str | None) -> dict[str, str | None]:
    return {"version": version, "symbol": None}


def _decode(card: Row[Any] | None) -> Before:
    """What a scorecard knows of earlier days; NOTHING for nothing, and for what another release has written."""
    try:
        before = NOTHING if card is None else msgspec.convert(card.before, Before)
    except msgspec.ValidationError:
        return NOTHING
    return before if card is not None and before.day == card.before_day else NOTHING


def _compose(connection: Connection, version: str | None, before: Before) -> tuple[Before, dict[str, Any]]:
    """What to keep of a version's days, all but the last ones; and all its figures."""
    scope = _scope(version)
    days = read_days(connection, scope, before.day)
    if days[0] and before.day < days[0][-1].day - OPEN_DAYS:
        before = _add_up(connection, scope, before, days, days[0][-1].day - OPEN_DAYS)
    gross, net = (
        extend(sums, [one for one in basis if one.day >= before.day])
        for sums, basis in zip((before.gross, before.net), days, strict=True)
    )
    of_gross, of_net = (
        compose_period(period, connection.execute(statement("metrics/select_day_sums"), known).scalars().all())
        for period, known in ((gross, scope | {"after_fees": False}), (net, scope | {"after_fees": True}))
    )
    agents = add_agents(before.agents, read_agents(connection, scope, before.day))
    return before, compose_whole(gross.calendar_days if gross else 0, of_gross, of_net, agents)


def _add_up(
    connection: Connection,
    scope: Mapping[str, Any],
    before: Before,
    days: tuple[list[DaySums], list[DaySums]],
    until: date,
) -> Before:
    """Those of `days` that lie before `until`, on top of those that are added up already."""
    gross, net = (
        extend(sums, [one for one in basis if one.day < until])
        for sums, basis in zip((before.gross, before.net), days, strict=True)
    )
    return Before(until, gross, net, add_agents(before.agents, read_agents(connection, scope, before.day, until)))
