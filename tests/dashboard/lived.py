"""A universe that was lived through, and what one may ask of it."""

import asyncio
import random
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from dashboard.data.filters import Filters
from scorekeeper.analysis.run import analyze
from scorekeeper.decisions.decision import DecisionContext
from scorekeeper.decisions.parse import parse_decision
from scorekeeper.inbox import store_decisions
from scorekeeper.metrics import score_update, voiding
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from scorekeeper.trades import close_requests, settle
from scorekeeper.trades.fetch import fetch_prices
from tests.universes import HOLD_MINUTES, START, Universe

MINUTE = timedelta(minutes=1)


def say_nothing(_level: int, _words: str) -> None:
    pass


def track(db: Database, settings: Settings, as_of: datetime, now: datetime) -> None:
    asyncio.run(fetch_prices(db, settings, as_of, now=now, tell=say_nothing))
    db.transact(lambda c: settle.settle(c, as_of, suspect_price_pct=settings.suspect_price_pct))
    db.transact(lambda c: score_update.update_score(c, as_of))


def live_through(db: Database, settings: Settings, universe: Universe, now: datetime) -> None:
    """Every decision comes in at the first look after its time and its delay, closes and voids when asked for."""
    context = DecisionContext(now, "v1", HOLD_MINUTES, ZoneInfo("UTC"), None)
    waiting = [parse_decision(document, context=context) for document in universe.decisions]
    closes = sorted(universe.closes, key=lambda close: close[1])
    voids = sorted(universe.voids, key=lambda void: void.at)
    for as_of in (*universe.schedule, universe.end):
        due = {d.trade_id for d in waiting if d.opened_at + universe.delays[d.trade_id] <= as_of}
        due |= {d.trade_id for d in waiting if as_of == universe.end}
        arriving = [d for d in waiting if d.trade_id in due]
        waiting = [d for d in waiting if d.trade_id not in due]
        with db.begin() as connection:
            where: dict[str, Any] = {"source_name": "live", "source_sha256": None, "fee_bps": settings.fee_bps}
            store_decisions.record(connection, arriving, received_at=as_of, **where)
        while closes and closes[0][1] <= as_of:
            trade_id, at = closes.pop(0)
            with db.begin() as connection:
                close_requests.request_close(connection, trade_id, at)
        while voids and voids[0].at <= as_of:
            void = voids.pop(0)
            with db.begin() as connection:
                voiding.void_decision(connection, void.trade_id, "as the universe has it", as_of)
        track(db, settings, as_of, now)
    db.transact(lambda c: analyze(c, universe.end))


def draw_filters(chance: random.Random, universe: Universe) -> Filters:
    """A scope that somebody might ask for."""

    def moment() -> datetime:
        span = (universe.end - START) // MINUTE
        at = START + chance.randrange(-10, span + 10) * MINUTE
        return at.replace(hour=0, minute=0) if chance.random() < 0.3 else at

    since, until = sorted((moment(), moment()))
    return Filters(
        version=chance.choice([None, None, "v1", "v2", "v3"]),
        symbol=chance.choice([None, None, *universe.candles]),
        since=chance.choice([None, None, since]),
        until=chance.choice([None, None, until + MINUTE]),
        suspect=chance.choice(["no", "no", "yes"]),
        late=chance.choice(["yes", "yes", "no"]),
        fees=chance.choice(["gross", "net"]),
    )
