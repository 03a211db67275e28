"""The pages of one trade, of agents and of days: as the database has it, and each link with just its rows."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from sqlalchemy import Connection, text

from dashboard.data.agents import read_agent_days, read_agreement, read_tenths
from dashboard.data.answer import read_answer
from dashboard.data.calendar import read_days
from dashboard.data.filters import Filters
from dashboard.data.lists import read_decisions, read_trades
from dashboard.data.trade import MOST_CANDLES, TradeStory, read_trade
from dashboard.pages.agent import stances
from dashboard.pages.calendar import months
from dashboard.story import candle_chart, moments_of, said_chart, summary
from scorekeeper.settings import load_settings
from scorekeeper.store import embedded
from scorekeeper.store.database import Database, open_database
from tests.conftest import fresh_database
from tests.dashboard.lived import MINUTE, draw_filters, live_through
from tests.dashboard.serving import serve
from tests.integration.trades.test_pipeline import take
from tests.universes import START, Universe, make_universe, write_replay

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SEEDS = (530, 531, 532)


@pytest.fixture(scope="module", params=SEEDS)
def lived(
    request: pytest.FixtureRequest, cluster: embedded.Lease, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Database, Universe]]:
    """A universe, lived through in a database."""
    folder: Path = tmp_path_factory.mktemp("story")
    universe = make_universe(request.param)
    (folder / "market").mkdir()
    write_replay(universe, folder / "market")
    settings = load_settings(
        scorekeeper_home=folder, inbox_dir=folder / "inbox", log_dir=folder / "logs", datasets_dir=folder / "data",
        market=f"replay:{folder / 'market'}",
    )  # fmt: skip
    with fresh_database(cluster) as url, open_database(url, folder, migrate=False) as db:
        live_through(db, settings, universe, NOW)
        yield db, universe


def every_id(connection: Connection) -> list[str]:
    return list(connection.execute(text("SELECT trade_id FROM scorekeeper.decision ORDER BY trade_id")).scalars())


def tell(connection: Connection, trade_id: str, filters: Filters | None = None) -> TradeStory:
    story = read_trade(connection, filters or Filters(), trade_id)
    assert story is not None
    return story


def listed(connection: Connection, href: str) -> int:
    """How many rows a link lists."""
    path, _, query = href.partition("?")
    filters = Filters.read(parse_qsl(query))
    read: Any = {"trades": read_trades, "decisions": read_decisions}[path]
    page = read(connection, filters, 10_000)
    assert page.count == len(page.rows)
    return len(page.rows)


def test_every_decisions_story_can_be_told_and_drawn(lived: tuple[Database, Universe]) -> None:
    db, _ = lived
    with db.begin() as connection:
        for trade_id in every_id(connection):
            story = tell(connection, trade_id)
            assert summary(story).endswith(".")
            assert len(story.candles) <= MOST_CANDLES
            known = [one.at for one in moments_of(story)]
            assert known == sorted(known)
            assert {story.row["opened_at"], story.row["received_at"]} <= set(known)
            if story.candles:
                assert len(candle_chart(story).rows) == len(story.candles)
            if story.signals:
                rows = said_chart(story, lambda name: "agent").rows
                assert [row[-1] == "right" for row in rows] == [one.right is True for one in story.signals]


def test_drawn_candles_are_those_of_the_market_put_together(lived: tuple[Database, Universe]) -> None:
    db, universe = lived
    with db.begin() as connection:
        for trade_id in every_id(connection)[:12]:
            story = tell(connection, trade_id)
            step = timedelta(minutes=story.step_minutes)
            for one in story.candles:
                minutes = connection.execute(
                    text(
                        "SELECT open, high, low, close FROM scorekeeper.candle WHERE symbol = :symbol"
                        " AND minute_at >= :since AND minute_at < :until ORDER BY minute_at"
                    ),
                    {
                        "symbol": story.row["symbol"], "since": max(one.minute_at, story.candles[0].minute_at),
                        "until": min(one.minute_at + step, story.until),
                    },
                ).all()  # fmt: skip
                assert (one.open, one.close) == (minutes[0].open, minutes[-1].close)
                assert one.high == max(m.high for m in minutes)
                assert one.low == min(m.low for m in minutes)
    assert universe.candles


def test_the_trailing_stop_is_drawn_where_the_tracker_had_it(lived: tuple[Database, Universe]) -> None:
    db, _ = lived
    with db.begin() as connection:
        for trade_id in every_id(connection):
            story = tell(connection, trade_id)
            row = story.row
            if row["trailing_stop_pct"] is None or row["entry_price"] is None:
                assert story.trail == []
                continue
            levels = [level for _, level in story.trail]
            assert levels == sorted(levels, reverse=row["direction"] < 0)  # it never moves back
            assert levels[0] == pytest.approx(
                row["entry_price"] * (1 - row["direction"] * row["trailing_stop_pct"] / 100)
            )
            if row["exit_reason"] == "trailing_stop":
                before = [level for at, level in story.trail if at < row["exit_time"]]
                assert any(row["direction"] * (level - row["exit_price"]) >= -1e-9 * abs(level) for level in before)


def test_as_of_a_moment_a_story_knows_nothing_of_what_came_later(lived: tuple[Database, Universe]) -> None:
    db, universe = lived
    chance = random.Random(1)
    span = (universe.end - START) // MINUTE
    with db.begin() as connection:
        for trade_id in every_id(connection):
            at = START + chance.randrange(span) * MINUTE
            now = tell(connection, trade_id)
            then = read_trade(connection, Filters(as_of=at), trade_id)
            if now.row["opened_at"] >= at:
                assert then is None
                continue
            assert then is not None
            assert all(one.minute_at < at for one in then.candles)
            for name in ("exit_time", "expires_at"):
                known = then.row["exit_price" if name == "exit_time" else "horizon_return_pct"]
                assert known is None or now.row[name] <= at
            assert then.row["voided_at"] is None or then.row["voided_at"] <= at
            assert all(one.seen_at <= at for one in then.revisions)
            assert [one.what for one in moments_of(then, at) if one.at > at] in ([], ["Its horizon"])


def test_neighbours_walk_through_all_closed_trades_in_order(lived: tuple[Database, Universe]) -> None:
    db, _ = lived
    with db.begin() as connection:
        page = read_trades(connection, Filters(sort="exit_time", order="asc", suspect="yes"), 10_000)
        wanted = [row.trade_id for row in page.rows]
        walked = [tell(connection, first) for first in wanted[:1]]
        while walked and walked[-1].next_id is not None:
            walked.append(tell(connection, walked[-1].next_id))
        assert [story.row["trade_id"] for story in walked] == wanted
        assert [story.previous_id for story in walked] == [None, *wanted][: len(wanted)]


def test_days_and_tenths_add_up_to_the_answer_and_lead_to_their_rows(lived: tuple[Database, Universe]) -> None:
    db, universe = lived
    chance = random.Random(2)
    with db.begin() as connection:
        for _ in range(8):
            filters = draw_filters(chance, universe)
            if chance.random() < 0.3:
                filters = filters.changed(as_of=START + chance.randrange((universe.end - START) // MINUTE) * MINUTE)
            answer = read_answer(connection, filters)
            of_trades = answer["net"] if filters.after_fees else answer
            days = read_days(connection, filters)
            assert sum(day.trades for day in days) == answer["completed_trades"]
            assert sum(day.total_pnl_pct for day in days) == pytest.approx(of_trades["total_pnl_pct"], abs=1e-9)
            assert len(days) == answer["days"]
            assert sum(month.trades for month in months(days)) == answer["completed_trades"]
            for day in days:
                assert listed(connection, day.href) == day.trades, (filters, day)
            tenths = read_tenths(connection, filters)
            for agent, figures in answer["agent_performance"].items():
                own = read_agent_days(connection, filters, agent)
                for name in ("signals", "calls", "correct", "incorrect"):
                    assert sum(getattr(day, name) for day in own) == figures[name], (filters, agent, name)
                returns = sum(day.total_call_return_pct for day in own)
                assert returns == pytest.approx(figures["total_call_return_pct"] or 0.0, abs=1e-9)
                for one in own[:3]:
                    assert listed(connection, one.href) == one.signals, (filters, agent, one)
                for _, outcomes in stances(agent, figures, filters):
                    for _, n, href in outcomes:
                        assert listed(connection, href) == n, (filters, agent, href)
            for tenth in tenths:
                assert listed(connection, tenth.href) == tenth.calls, (filters, tenth)
                assert 0 <= tenth.correct <= tenth.calls
                assert tenth.low <= tenth.avg_confidence <= tenth.high


def test_agreement_is_counted_over_decisions_that_both_called(lived: tuple[Database, Universe]) -> None:
    db, _ = lived
    with db.begin() as connection:
        pairs = read_agreement(connection, Filters())
        found = {(pair.one, pair.other): (pair.both_called, pair.same) for pair in pairs}
        said: dict[str, dict[str, int]] = {}
        rows = connection.execute(
            text(
                "SELECT s.trade_id, s.agent, s.direction FROM scorekeeper.agent_signal AS s INNER JOIN"
                " scorekeeper.decision AS d ON s.trade_id = d.trade_id"
                " WHERE s.direction <> 0 AND d.voided_at IS NULL AND d.price_suspect IS NOT TRUE"
            )
        )
        for trade_id, agent, direction in rows:
            said.setdefault(agent, {})[trade_id] = direction
        for (one, other), (both, same) in found.items():
            shared = said[one].keys() & said[other].keys()
            assert (both, same) == (len(shared), sum(said[one][i] == said[other][i] for i in shared))
        assert found


def test_the_page_names_the_fields_that_were_left_out(cluster: embedded.Lease, tmp_path: Path) -> None:
    decision = {"symbol": "BTC/USDT", "type": "BUY", "price": 10.0, "timestamp": "2025-05-05T00:00:00Z",
                "trade_id": "noted", "confidence": "very", "mood": "<b>very</b>", "reason": "x" * 900}  # fmt: skip
    settings = load_settings(
        scorekeeper_home=tmp_path, inbox_dir=tmp_path / "inbox", log_dir=tmp_path / "logs", datasets_dir=tmp_path / "d"
    )
    settings.inbox_dir.mkdir()
    (settings.inbox_dir / "one.json").write_text(json.dumps(decision))
    with fresh_database(cluster) as url, open_database(url, tmp_path) as db:
        take(db, settings)
        with serve(db) as served:
            page = httpx.get(f"{served.address}/trade?id=noted", timeout=60)
    assert page.status_code == 200, page.text[-800:]
    wanted = ("confidence</bdi>: ", "&lt;b&gt;very", "show all", "No candles of that time", "the trade is open")
    for words in wanted:
        assert words in page.text, words
    assert "<b>very" not in page.text
