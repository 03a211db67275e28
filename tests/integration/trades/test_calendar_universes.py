"""Stocks with half days, clock changes, costs and sizes: the database says what the plain reference says.

`--universes N` tries N of them, `--hypothesis-seed S` others.
"""

import asyncio
import json
import math
from collections import Counter
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as how
from hypothesis import strategies as st

from dashboard.data.filters import Filters
from dashboard.data.terms import read_terms
from scorekeeper.inbox import ingest
from scorekeeper.metrics import query, score_update
from scorekeeper.metrics.breakdown import Breakdown
from scorekeeper.publish import publish
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from scorekeeper.trades import fetch, settle
from scorekeeper.verify.recount import MarketYear
from scorekeeper.verify.run import verify
from tests import reference, reference_terms
from tests.agreement import close_to
from tests.lives import delete_all
from tests.plain_counts import ClosedTrade, count_system
from tests.reference import MINUTE, RefCandle, RefDecision
from tests.reference_terms import NEW_YORK, RefTerms
from tests.universes import write_candles

# Clocks go back on the Sunday; Thanksgiving, then a half day; clocks go forward on the Sunday.
BEGINNINGS = [datetime(2025, 10, 30, tzinfo=UTC), datetime(2025, 11, 25, tzinfo=UTC), datetime(2026, 3, 5, tzinfo=UTC)]
DAYS = 7
SYMBOLS = ("SPY", "BRK.B")
COSTS: list[dict[str, Any]] = [
    {},
    {"maker_fee_bps": 2.0, "spread_bps": 3.0},
    {"fee_per_share": 0.005, "fee_minimum": 1.0, "position_size": "units"},
    {"maker_fee_bps": -1.0, "funding_bps_per_day": 5.0, "position_size": "money", "account_equity": 25_000.0},
]


@dataclass
class Stocks:
    """Decisions on stocks, the candles of one week, and how a hold and a cost is set."""

    candles: dict[str, list[RefCandle]]
    decisions: list[dict[str, Any]]
    options: dict[str, Any]
    looks: list[datetime]


def draw_candles(draw: st.DrawFn, begins: datetime) -> list[RefCandle]:
    """A candle every some minutes of each session, at the first and the last minute too, with gaps overnight."""
    price, candles = 100.0, []
    moves = st.sampled_from([0.0, 0.2, -0.2, 0.9, -0.9])
    every = draw(st.sampled_from([30, 65, 195]))
    for session in reference_terms.sessions():
        if not begins <= session.opens_at < begins + timedelta(days=DAYS):
            continue
        last = session.closes_at - MINUTE
        minutes = {session.opens_at + k * MINUTE for k in range(0, 390, every)} | {last}
        for at in sorted(minute for minute in minutes if minute <= last):
            opened, closed = price, round(max(1.0, price + draw(moves)), 2)
            candles.append(RefCandle(at, opened, max(opened, closed) + 0.1, min(opened, closed) - 0.1, closed, 1.0))
            price = closed
        price = round(price + draw(st.sampled_from([0.0, 0.0, 4.0, -4.0])), 2)
    return candles


@st.composite
def stocks(draw: st.DrawFn) -> Stocks:
    begins = draw(st.sampled_from(BEGINNINGS))
    universe = Stocks({symbol: draw_candles(draw, begins) for symbol in SYMBOLS}, [], {}, [])
    universe.options = {**draw(st.sampled_from(COSTS)), "max_hold_sessions": draw(st.sampled_from([None, 1, 3]))}
    for number in range(draw(st.integers(1, 8))):
        symbol = draw(st.sampled_from(SYMBOLS))
        opened = begins + timedelta(
            minutes=draw(st.integers(0, (DAYS - 2) * 1440)), seconds=draw(st.sampled_from([0, 0, 30]))
        )
        before = [c.close for c in universe.candles[symbol] if c.minute_at + MINUTE <= opened]
        price = before[-1] if before else universe.candles[symbol][0].open
        way = draw(st.sampled_from([1, -1, 0]))
        said: dict[str, Any] = {
            "trade_id": f"t{number}", "symbol": symbol, "type": {1: "BUY", -1: "SELL", 0: "HOLD"}[way], "price": price,
            "timestamp": opened.isoformat(), "agent_analyses": {"Ann": {"signal": "BUY", "confidence": 60}},
            "position_size": draw(st.sampled_from([None, 7, 1500.5])),
            "order_type": draw(st.sampled_from([None, "limit", "market"])),
            "spread_bps": draw(st.sampled_from([None, None, 8])),
            **draw(st.sampled_from([{}, {"max_hold_sessions": 2}, {"max_hold_minutes": 395}, {"max_hold_minutes": 1}])),
        }  # fmt: skip
        if way and draw(st.booleans()):
            said |= {"stop_loss": price - way * 1.0, "take_profit": price + way * draw(st.sampled_from([0.5, 2.0]))}
        universe.decisions.append({name: value for name, value in said.items() if value is not None})
    end = max(c[-1].minute_at for c in universe.candles.values()) + MINUTE
    looks = draw(st.lists(st.integers(0, DAYS * 1440), max_size=2))
    universe.looks = sorted({min(begins + look * MINUTE, end) for look in looks} | {end})
    return universe


def expires_at(decision: dict[str, Any], options: dict[str, Any]) -> datetime:
    opened = datetime.fromisoformat(decision["timestamp"])
    sessions = decision.get("max_hold_sessions")
    if sessions is None and "max_hold_minutes" not in decision:
        sessions = options["max_hold_sessions"]
    if sessions is not None:
        return reference_terms.after_sessions(opened, sessions)
    return reference_terms.after_trading_time(opened, timedelta(minutes=decision.get("max_hold_minutes", 60)))


def terms_of(decision: dict[str, Any], options: dict[str, Any]) -> RefTerms:
    size, unit = decision.get("position_size"), options.get("position_size")
    quantity = None if size is None or unit is None else size if unit == "units" else size / decision["price"]
    return RefTerms(
        maker_bps=options.get("maker_fee_bps"), per_share=options.get("fee_per_share", 0),
        minimum=options.get("fee_minimum", 0), spread_bps=decision.get("spread_bps", options.get("spread_bps", 0)),
        funding_bps_per_day=options.get("funding_bps_per_day", 0),
        limit_entry=decision.get("order_type") == "limit", quantity=quantity,
    )  # fmt: skip


def to_ref(decision: dict[str, Any], options: dict[str, Any]) -> RefDecision:
    return RefDecision(
        decision["trade_id"], decision["symbol"], "v0.2.0", {"BUY": 1, "SELL": -1, "HOLD": 0}[decision["type"]],
        decision["price"], datetime.fromisoformat(decision["timestamp"]), expires_at(decision, options),
        decision.get("stop_loss"), decision.get("take_profit"), None, 10, None, {"Ann": (1, 60.0)},
    )  # fmt: skip


def track(db: Database, settings: Settings, as_of: datetime) -> None:
    asyncio.run(fetch.fetch_prices(db, settings, as_of, now=datetime.now(UTC), tell=lambda level, says: None))
    with db.begin() as connection:
        settle.settle(connection, as_of, suspect_price_pct=settings.suspect_price_pct)
        score_update.update_score(connection, as_of)
    publish.publish(db, log_path=settings.log_path, dataset_path=settings.dataset_path)


def check(db: Database, universe: Stocks, as_of: datetime) -> None:
    with db.begin() as connection:
        rows = connection.exec_driver_sql(
            "SELECT d.trade_id, d.expires_at, d.horizon_return_pct, t.exit_time, t.exit_price, t.exit_reason,"
            " t.pnl_pct, t.net_pnl_pct, t.position_value, t.mfe_pct, t.mae_pct, d.opened_at, d.price_suspect"
            " FROM scorekeeper.decision AS d LEFT JOIN scorekeeper.trade AS t USING (trade_id)"
        ).all()
        found = {row.trade_id: row for row in rows}
        answer = query.system_metrics(
            connection, account_equity=universe.options.get("account_equity"), by=Breakdown.HOUR, zone=NEW_YORK.key
        )
        # The dashboard says the same, from what a reader may read.
        shown = read_terms(connection, Filters(), universe.options.get("account_equity"))
        assert shown == {name: answer[name] for name in ("net_holds", "money") if name in answer}
    trades = []
    for decision in universe.decisions:
        ref, terms = to_ref(decision, universe.options), terms_of(decision, universe.options)
        got = found[decision["trade_id"]]
        candles = universe.candles[ref.symbol]
        sealed = reference.sealed_by_file(candles, as_of)
        assert got.expires_at == ref.expires_at, decision
        assert got.horizon_return_pct == reference.horizon_return(ref, candles, sealed, as_of), decision
        exit = reference.settle_trade(ref, candles, sealed, as_of) if ref.direction else None
        assert got.exit_time == (exit and exit.exit_time), decision
        if exit is None:
            continue
        at_target = exit.exit_reason == "take_profit"
        net = reference_terms.net_pct(
            terms, ref.direction, decision["price"], exit.exit_price, at_target, exit.exit_time - ref.opened_at,
            exit.pnl_pct,
        )  # fmt: skip
        assert (got.exit_price, got.exit_reason, got.pnl_pct) == (exit.exit_price, exit.exit_reason, exit.pnl_pct)
        assert math.isclose(got.net_pnl_pct, net, rel_tol=1e-12, abs_tol=1e-12), (decision, got, net)
        value = None if terms.quantity is None else terms.quantity * decision["price"]
        assert got.position_value == pytest.approx(value), decision
        if not got.price_suspect:
            trades.append((got, ClosedTrade(*(getattr(got, field.name) for field in fields(ClosedTrade)))))
    hours = Counter(f"{got.opened_at.astimezone(NEW_YORK):%H}:00" for got, _ in trades)
    assert {one["hour"]: n for one in answer["groups"] if (n := one["completed_trades"])} == hours
    closes_on = [session.closes_at.date() for session in reference_terms.sessions()]
    market = MarketYear(closes_on, 252)
    close_to(answer, count_system([trade for _, trade in trades], market))
    net_trades = [replace(trade, pnl_pct=got.net_pnl_pct) for got, trade in trades]
    close_to(answer["net"], count_system(net_trades, market))
    check_money(answer, [got for got, _ in trades], universe.options.get("account_equity"))


def check_money(answer: dict[str, Any], rows: list[Any], equity: float | None) -> None:
    sized = [row for row in rows if row.position_value is not None]
    assert ("money" in answer) == bool(sized)
    if not sized:
        return
    money, net = answer["money"], [row.position_value * row.net_pnl_pct / 100 for row in sized]
    value = math.fsum(row.position_value for row in sized)
    earned = math.fsum(row.position_value * row.pnl_pct / 100 for row in sized)
    wanted = {
        "traded_value": value, "gross_pnl": earned, "net_pnl": math.fsum(net), "costs": earned - math.fsum(net),
        "weighted_pnl_pct": 100 * earned / value,
    }  # fmt: skip
    if equity is None:
        assert (money["equity"], money["return_pct"]) == (None, None)
    else:
        wanted |= {"equity": equity + math.fsum(net), "return_pct": 100 * math.fsum(net) / equity}
    assert {name: money[name] for name in wanted} == pytest.approx(wanted, rel=1e-9, abs=1e-9)
    assert money["trades"] == len(sized)


@pytest.mark.drawn
def test_stocks_say_what_the_reference_says_of_their_sessions_and_costs(
    db: Database, settings: Settings, pytestconfig: pytest.Config
) -> None:
    root = settings.inbox_dir.parent

    @how(
        max_examples=max(6, pytestconfig.getoption("universes") // 3),
        derandomize=pytestconfig.getoption("--hypothesis-seed") is None,
        database=None, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate],
    )  # fmt: skip
    @given(stocks())
    def every_universe(universe: Stocks) -> None:
        with db.begin() as connection:
            delete_all(connection)
        folder = Path(root / f"stocks{len(list(root.iterdir()))}")
        (folder / "inbox").mkdir(parents=True)
        (folder / "market").mkdir()
        chosen = settings.model_copy(
            update={
                "inbox_dir": folder / "inbox", "log_dir": folder / "logs", "datasets_dir": folder / "datasets",
                "market": f"replay:{folder / 'market'}", "calendar": "XNYS", **universe.options,
            }
        )  # fmt: skip
        for symbol, candles in universe.candles.items():
            write_candles(folder / "market" / f"{symbol}.csv", candles)
        lines = "".join(json.dumps(decision) + "\n" for decision in universe.decisions)
        (chosen.inbox_dir / "decisions.jsonl").write_text(lines)
        taken = ingest.ingest_files(db, chosen, received_at=datetime.now(UTC) + timedelta(seconds=10))
        assert (taken.decisions, taken.rejected) == (len(universe.decisions), 0)
        for look in universe.looks:
            track(db, chosen, look)
            check(db, universe, look)
        assert verify(db, chosen) == []

    every_universe()
