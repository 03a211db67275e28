"""The scorecards: the answer of `system_metrics` for all and for each version, stored for dashboards and artifacts.

A scorecard also stores the sums of its version's older days. While none of these days changes, only the last days are
read to compose it.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from json import dumps
from typing import Any

import msgspec
from sqlalchemy import Connection, Row

from scorekeeper.locks import Lock, lock
from scorekeeper.metrics.daily_series import count_tail
from scorekeeper.metrics.day_sums import AgentSums, DaySums, PeriodSums, add_agents, extend
from scorekeeper.metrics.formulas import compose_period
from scorekeeper.metrics.market_days import read_series_days
from scorekeeper.metrics.query import compose_whole, read_agents, read_days, system_metrics
from scorekeeper.metrics.series_days import EVERY_DAY, SeriesDays, fold_days, last_boundary
from scorekeeper.store.sql import statement

# The last days of a version are read each time: late decisions and voids mostly change them.
OPEN_DAYS = timedelta(days=7)


def list_versions(connection: Connection) -> list[str]:
    """The versions that have a score or have had an open trade, in order."""
    return list(connection.execute(statement("metrics/select_versions")).scalars())


def read_scorecard(connection: Connection) -> dict[str, Any]:
    """The stored answer for all versions. Raises LookupError where there is none yet."""
    answer: dict[str, Any] | None = connection.execute(
        statement("metrics/select_scorecard"), {"version": None}
    ).scalar()
    if answer is None:
        raise LookupError("there is no scorecard yet: nothing was tracked")
    return answer


class OlderDays(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The sums of all days of a version before `day`, gross and after fees, and those of its agents.

    `calendar`: whose sessions are the days of the daily series; None: every day is one.
    """

    day: date
    gross: PeriodSums | None
    net: PeriodSums | None
    agents: list[AgentSums]
    calendar: str | None = None


def _none_older(series: SeriesDays) -> OlderDays:
    return OlderDays(date.min, None, None, [], series.name)


def store_scorecards(connection: Connection, as_of: datetime, *, from_scratch: bool = False) -> None:
    """Store the answer for all and for each version at `as_of`, inside the transaction that changed the score.

    A version is composed where its days have changed; `from_scratch`: from all days of all versions. Stored answers
    never go back to an earlier as_of.
    """
    lock(connection, Lock.SCORECARD)
    kept = connection.execute(statement("metrics/select_scored_until")).scalar()
    as_of = max(as_of, kept or as_of)
    known = list_versions(connection)
    connection.execute(statement("metrics/delete_scorecards"), {"versions": known})
    series = read_series_days(connection)
    for version in (None, *known):
        whole, older = None, _none_older(series)
        card = connection.execute(statement("metrics/select_scorecard_state"), {"version": version}).one_or_none()
        if from_scratch or card is None or card.outdated:
            older, whole = _compose(connection, version, older if from_scratch else _decode(card, series), series)
        answer = system_metrics(connection, version=version, at=as_of, whole=whole, money=False)
        connection.execute(
            statement("metrics/upsert_scorecard"),
            {
                "version": version,
                "as_of": as_of,
                "answer": dumps(answer, allow_nan=False),
                "composed": whole is not None,
                "before_day": older.day,
                "before": msgspec.json.encode(older).decode(),
            },
        )


def find_wrong_sums(connection: Connection) -> list[str | None]:
    """The versions (None: all) whose stored sums of older days differ from what those days add up to."""
    wrong, series = [], read_series_days(connection)
    for version in (None, *list_versions(connection)):
        card = connection.execute(statement("metrics/select_scorecard_state"), {"version": version}).one_or_none()
        older, scope = _decode(card, series), _scope(version)
        if older != _add_up(connection, scope, _none_older(series), read_days(connection, scope), older.day, series):
            wrong.append(version)
    return wrong


def _scope(version: str | None) -> dict[str, str | None]:
    return {"version": version, "symbol": None}


def _decode(card: Row[Any] | None, series: SeriesDays) -> OlderDays:
    """The stored sums of older days; none where there are none, or those of another release or calendar."""
    older = None if card is None else decode_older(card.before_day, card.before)
    return older if older is not None and older.calendar == series.name else _none_older(series)


def decode_older(before_day: date | None, before: Any) -> OlderDays | None:
    """The sums of the days before `before_day` from what a scorecard stores; None for that of another release."""
    try:
        older = msgspec.convert(before, OlderDays)
    except msgspec.ValidationError:
        return None
    return older if older.day == before_day else None


def _compose(
    connection: Connection, version: str | None, older: OlderDays, series: SeriesDays
) -> tuple[OlderDays, dict[str, Any]]:
    """A version's sums of all but its last days, to be stored; and all its figures."""
    scope = _scope(version)
    days = read_days(connection, scope, older.day)
    if days[0] and older.day < (until := last_boundary(days[0][-1].day - OPEN_DAYS, series)):
        older = _add_up(connection, scope, older, days, until, series)
    gross, net = (
        extend(sums, [one for one in basis if one.day >= older.day], series)
        for sums, basis in zip((older.gross, older.net), days, strict=True)
    )
    of_gross, of_net = (
        compose_period(period, _read_lowest_days(connection, known, period, series), series)
        for period, known in ((gross, scope | {"after_fees": False}), (net, scope | {"after_fees": True}))
    )
    agents = add_agents(older.agents, read_agents(connection, scope, older.day))
    return older, compose_whole(gross.count_days(series) if gross else 0, of_gross, of_net, agents)


def _read_lowest_days(
    connection: Connection, scope: Mapping[str, Any], period: PeriodSums | None, series: SeriesDays
) -> list[Decimal]:
    """The sums of the lowest days of the daily series with trades, in percent; of a market that closes, of all."""
    if series is EVERY_DAY:
        most = count_tail(period.count_days(series)) if period else 0
        return list(
            connection.execute(statement("metrics/select_lowest_day_sums"), {**scope, "most": most}).scalars()
        )
    rows = connection.execute(statement("metrics/select_day_sums"), scope)
    return list(fold_days(((row.day, row.sum_pct) for row in rows), series).values())


def _add_up(
    connection: Connection,
    scope: Mapping[str, Any],
    older: OlderDays,
    days: tuple[list[DaySums], list[DaySums]],
    until: date,
    series: SeriesDays,
) -> OlderDays:
    """Add those of `days` that lie before `until` to the sums of the days before them."""
    gross, net = (
        extend(sums, [one for one in basis if one.day < until], series)
        for sums, basis in zip((older.gross, older.net), days, strict=True)
    )
    agents = add_agents(older.agents, read_agents(connection, scope, older.day, until))
    return OlderDays(until, gross, net, agents, series.name)
