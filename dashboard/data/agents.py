"""Agents beside the figures that the answer has: reliability, days, agreement."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection

from dashboard.data.added_up import SETTLED
from dashboard.data.answer import Stretch, cut, parameters, read_agent_rows
from dashboard.data.filters import Filters
from scorekeeper.store.sql import statement

DAY = timedelta(days=1)
AGREED_OVER = 2_000  # the last decisions: beyond, a pair's agreement hardly changes


@dataclass(frozen=True)
class Tenth:
    """An agent's judged calls whose confidence lies in [low, high), 100 included in the last; accuracy in percent."""

    agent: str
    low: int
    high: int
    calls: int
    correct: int
    avg_confidence: float
    accuracy: float
    href: str


@dataclass(frozen=True)
class AgentDay:
    """What an agent's calls came to on one UTC day of expiry; `href`: its decisions of that day."""

    day: date
    signals: int
    calls: int
    correct: int
    incorrect: int
    total_call_return_pct: float
    href: str


@dataclass(frozen=True)
class Agreement:
    """How often two agents that both called said the same."""

    one: str
    other: str
    both_called: int
    same: int


def read_tenths(connection: Connection, filters: Filters, agent: str | None = None) -> list[Tenth]:
    """Reliability by tenths of confidence, of one agent or of all, empty tenths left out."""
    counts: defaultdict[str, list[list[float]]] = defaultdict(lambda: [[0, 0, 0.0] for _ in range(10)])
    for row in read_agent_rows(connection, filters, None):
        if agent is None or row["agent"] == agent:
            found = zip(row["bin_calls"], row["bin_correct"], row["bin_confidence"], strict=True)
            for tenth, (calls, correct, confidence) in zip(counts[row["agent"]], found, strict=True):
                tenth[0] += int(calls)
                tenth[1] += int(correct)
                tenth[2] += float(confidence)
    return [
        Tenth(
            name, 10 * place, 10 * place + 10, int(calls), int(correct), confidence / calls, 100 * correct / calls,
            filters.link(
                "decisions", agent=name, call="judged", confidence_from=10.0 * place, confidence_to=10.0 * place + 10
            ),
        )
        for name, tenths in sorted(counts.items())
        for place, (calls, correct, confidence) in enumerate(tenths)
        if calls
    ]  # fmt: skip


def read_agent_days(connection: Connection, filters: Filters, agent: str) -> list[AgentDay]:
    """By day of expiry, in order."""
    days: defaultdict[date, list[float]] = defaultdict(lambda: [0.0] * 5)
    for stretch in stretches(filters, SETTLED):
        name = "dashboard/select_agent_days" if stretch.rolled_up else "dashboard/count_agent_days"
        given = {**bounds(filters, stretch), "agent": agent}
        for day, *counts in connection.execute(statement(name), given):
            days[day] = [a + float(b) for a, b in zip(days[day], counts, strict=True)]
    return [
        AgentDay(
            day, int(counts[0]), int(counts[1]), int(counts[2]), int(counts[3]), counts[4],
            filters.link("decisions", agent=agent, call="scored", **within_day(filters, day)),
        )
        for day, counts in sorted(days.items())
    ]  # fmt: skip


def read_agreement(connection: Connection, filters: Filters, most: int = 12) -> list[Agreement]:
    """Each pair among the agents with the most signals, over the last `AGREED_OVER` decisions of the scope."""
    given = {**parameters(filters), "most": most, "decisions": AGREED_OVER}
    return [Agreement(*row) for row in connection.execute(statement("dashboard/select_agreement"), given)]


def stretches(filters: Filters, settled: timedelta) -> Iterator[Stretch]:
    """The filters' period in the parts that are read in one way; `settled`: how long before as_of rollups hold."""
    plain = filters.suspect == "no" and filters.late == "yes"
    until = None if filters.as_of is None else begin_of((filters.as_of - settled).astimezone(UTC).date())
    return cut(filters.since, filters.until, until, rolled_up=plain)


def bounds(filters: Filters, stretch: Stretch) -> dict[str, Any]:
    """What a statement takes for one part of the period."""
    period: dict[str, Any] = {"since": stretch.since, "until": stretch.until, "by": None, "agent": None}
    if stretch.rolled_up:
        period |= {
            name: None if at is None else at.astimezone(UTC).date()
            for name, at in (("from_day", stretch.since), ("to_day", stretch.until))
        }
    return {**parameters(filters), **period}


def begin_of(day: date) -> datetime:
    """The day's first moment, in UTC."""
    return datetime.combine(day, time(), UTC)


def within_day(filters: Filters, day: date) -> dict[str, datetime]:
    """The part of a UTC day that the filters hold, as filters."""
    start, end = begin_of(day), begin_of(day) + DAY
    return {
        "since": start if filters.since is None else max(start, filters.since),
        "until": end if filters.until is None else min(end, filters.until),
    }
