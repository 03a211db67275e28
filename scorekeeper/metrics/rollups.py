"""The rollups: the sums of each UTC day and scope, made again where trades of the day have changed."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import localcontext
from typing import Any

from sqlalchemy import Connection

from scorekeeper.locks import Lock, lock
from scorekeeper.metrics.exact import EXACT
from scorekeeper.metrics.formulas import metrics_line
from scorekeeper.metrics.part_blocks import forget_parts
from scorekeeper.metrics.scorecard import decode_older
from scorekeeper.store.sql import statement

LONGEST_GAP = timedelta(days=8)  # between two days of a stretch


def score_stale_days(connection: Connection, as_of: datetime) -> int:
    """Make the rollups of the changed days again, and note a line of metrics for each version that closed; days.

    Inside the caller's transaction. A trade that closed after `as_of` does not count yet. The scorecards of the
    versions with a rollup of these days are outdated then, until they are composed again (scorecard.py).
    """
    lock(connection, Lock.SCORE)
    stale: defaultdict[str, list[date]] = defaultdict(list)
    for kind, day in connection.execute(statement("metrics/take_stale_days")):
        stale[kind].append(day)
    forget_parts(connection, stale)
    _mark_outdated(connection, stale)
    if stale["system"]:
        connection.execute(statement("metrics/delete_daily_scores"), {"days": stale["system"]})
        for stretch in _stretches(stale["system"]):
            connection.execute(statement("metrics/score_days"), stretch | {"as_of": as_of})
    if stale["agent"]:
        connection.execute(statement("metrics/delete_agent_daily_scores"), {"days": stale["agent"]})
        for stretch in _stretches(stale["agent"]):
            connection.execute(statement("metrics/score_agent_days"), stretch | {"as_of": as_of})
    # Both before and after: a version may have lost its only trade of a day, or have got its first.
    _mark_outdated(connection, stale)
    connection.execute(statement("metrics/keep_stale_days"), {"as_of": as_of})
    after = connection.execute(statement("metrics/select_last_metrics_event")).scalar_one()
    reported = {"as_of": as_of, "after": after}
    for version in connection.execute(statement("metrics/select_versions_to_report"), reported).scalars().all():
        insert_metrics_line(connection, as_of, version)
    return len(stale["system"]) + len(stale["agent"])


def _mark_outdated(connection: Connection, stale: Mapping[str, list[date]]) -> None:
    """Mark the scorecards of the versions that have a rollup of a stale day."""
    if any(stale.values()):
        lock(connection, Lock.SCORECARD)
        touched = {"days": stale.get("system", []), "agent_days": stale.get("agent", [])}
        connection.execute(statement("metrics/mark_scorecards_outdated"), touched)


def _stretches(days: Collection[date]) -> Iterator[dict[str, Any]]:
    """UTC days in stretches without a gap of over a week, each with the half-open range of time that holds them.

    Days that lie far apart are read by themselves, and a year of weekdays is one stretch.
    """
    stretch: list[date] = []
    for day in sorted(days):
        if stretch and day - stretch[-1] > LONGEST_GAP:
            yield _bounds(stretch)
            stretch = []
        stretch.append(day)
    if stretch:
        yield _bounds(stretch)


def _bounds(days: list[date]) -> dict[str, Any]:
    since, last = (datetime.combine(day, time(), UTC) for day in (days[0], days[-1]))
    return {"days": days, "since": since, "until": last + timedelta(days=1)}


def insert_metrics_line(connection: Connection, as_of: datetime, version: str | None) -> None:
    """Note a line for the log with the metrics of `version` (None: all)."""
    line = metrics_line(version, _sum_days(connection, version), as_of)
    connection.execute(statement("metrics/insert_metrics_event"), {"log_line": line})


def _sum_days(connection: Connection, version: str | None) -> dict[Any, Any]:
    """What metrics_line shows: the last days and the stored sums of those before, read together, or all days."""
    scope = {"version": version, "all_days": False}
    sums = dict(connection.execute(statement("metrics/sum_days"), scope).mappings().one())
    before_day, before = sums.pop("before_day"), sums.pop("before")
    if before_day is None:
        return sums
    if (older := decode_older(before_day, before)) is None:
        return dict(connection.execute(statement("metrics/sum_days"), scope | {"all_days": True}).mappings().one())
    if older.gross is None:
        return sums
    with localcontext(EXACT):
        return {name: getattr(older.gross, name) + value for name, value in sums.items()}
