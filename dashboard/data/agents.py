"""Agents beside the figures that the answer has: reliability, days, agreement."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from dashboard.data.filters import Filters


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
    """What an agent's calls came to on one UTC day of expiry."""

    day: date
    signals: int
    calls: int
    correct: int
    incorrect: int
    total_call_return_pct: float


@dataclass(frozen=True)
class Agreement:
    """How often two agents that both called said the same."""

    one: str
    other: str
    both_called: int
    same: int


def read_tenths(connection: Connection, filters: Filters, agent: str | None = None) -> list[Tenth]:
    """Reliability by tenths of confidence, of one agent or of all, empty tenths left out."""
    raise NotImplementedError


def read_agent_days(connection: Connection, filters: Filters, agent: str) -> list[AgentDay]:
    """By day of expiry, in order."""
    raise NotImplementedError


def read_agreement(connection: Connection, filters: Filters, most: int = 12) -> list[Agreement]:
    """Each pair among the agents with the most signals, over the last decisions that both called."""
    raise NotImplementedError
