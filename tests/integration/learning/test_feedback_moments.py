"""Feedback at a moment holds what was known then, whatever comes later; each way to ask for it gives the same."""

import csv
import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from mcp_server.reading import Scores
from mcp_server.tools import Tools
from scorekeeper import PerformanceTracker
from scorekeeper.learning.feedback import Feedback
from scorekeeper.learning.learned import read_learned
from scorekeeper.learning.read_feedback import list_agents, read_feedback
from scorekeeper.learning.run import learn
from scorekeeper.learning.words import render_weights
from scorekeeper.metrics import voiding
from scorekeeper.operations.sample import write_sample
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from tests.deciding import decide, insert_decisions, track_until
from tests.flows.test_command import scorekeeper
from tests.integration.trades.test_pipeline import NOW, take, track

LESS = timedelta(hours=21)


def ask(db: Database, as_of: datetime | None = None) -> dict[str, Feedback]:
    with db.begin() as connection:
        return {
            agent: read_feedback(connection, agent, as_of=as_of) for agent in list_agents(connection, as_of=as_of)
        }


def change_future(folder: Path, after: datetime) -> None:
    """From a moment on every price is another one: what had risen falls."""
    for path in folder.glob("*.csv"):
        with path.open(newline="") as file:
            head, *rows = list(csv.reader(file))
        at = next(place for place, row in enumerate(rows) if int(row[0]) >= after.timestamp() * 1000)
        pivot = float(rows[at - 1][4])
        for row in rows[at:]:
            open_, high, low, close = (pivot * pivot / float(cell) for cell in row[1:5])
            row[1:5] = [repr(open_), repr(low), repr(high), repr(close)]  # the highest is now the lowest
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([head, *rows])


def test_feedback_of_a_moment_is_blind_to_the_future(db: Database, other_db: Database, settings: Settings) -> None:
    folder = settings.inbox_dir.parent / "market"
    end = write_sample(settings.inbox_dir, folder)
    then = end - LESS
    take(db, settings)
    track(db, settings, folder, then)
    before = ask(db)
    assert len(before) == 5
    track(db, settings, folder, end)
    assert ask(db, then) == before
    after = ask(db)
    assert all(after[agent].calls > before[agent].calls > 100 for agent in before)
    assert ask(db, NOW) == after

    write_sample(settings.inbox_dir, folder)
    change_future(folder, then)
    take(other_db, settings)
    track(other_db, settings, folder, end)
    assert ask(other_db, then) == before
    assert all(ask(other_db)[agent].right.mean != after[agent].right.mean for agent in before)


def test_feedback_counts_what_metrics_counts(
    db: Database, database_url: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = settings.inbox_dir.parent / "market"
    end = write_sample(settings.inbox_dir, folder)
    take(db, settings)
    track(db, settings, folder, end)
    agent = "TechnicalAnalystAgent"
    with db.begin() as connection:
        voided = read_feedback(connection, agent).last[0].trade_id
        voiding.void_decision(connection, voided, "a test of the feed", end)
    track(db, settings, folder, end)
    monkeypatch.setenv("DATABASE_URL", database_url)
    with PerformanceTracker() as tracker:
        scored = tracker.get_system_metrics()["agent_performance"][agent]
        told = tracker.get_feedback(agent)
        bitcoin = tracker.get_feedback(agent, symbol="btcusdt", as_of=datetime(2025, 5, 7))  # noqa: DTZ001 - a naive one is UTC
    with db.begin() as connection:
        found = read_feedback(connection, agent)
    assert (found.signals, found.calls, found.abstentions) == (
        scored["signals"], scored["calls"], scored["abstentions"]
    )  # fmt: skip
    assert found.right.mean == pytest.approx(scored["accuracy"], abs=1e-9)
    assert found.call_return_pct.mean == pytest.approx(scored["avg_call_return_pct"], abs=1e-9)
    assert voided not in {one.trade_id for one in found.last}
    assert told == found.text
    monkeypatch.setattr("scorekeeper.learning.read_feedback.MOST_DECISIONS", 50)
    with db.begin() as connection:
        few = read_feedback(connection, agent)
    assert few.signals == 50
    assert [one.trade_id for one in few.last] == [one.trade_id for one in found.last]
    assert "at 2025-05-07T00:00Z, version v0.2.0, BTC/USDT only." in bitcoin
    assert "ETH/USDT" not in bitcoin

    where = settings.base_dir
    every = scorekeeper(where, "feedback", DATABASE_URL=database_url)
    assert every.returncode == 0, every.stderr
    assert every.stdout.count("Your score at") == 5
    assert f"{agent}:\n{told}\n" in every.stdout
    one = scorekeeper(where, "feedback", "--agent", agent, "--json", DATABASE_URL=database_url)
    document = json.loads(one.stdout)
    assert (document["text"], document["calls"]) == (told, found.calls)
    unknown = scorekeeper(where, "feedback", "--agent", "No\x1bbody", DATABASE_URL=database_url)
    assert unknown.returncode == 2
    assert "no agent of that name was scored; agents: FundingRateAnalystAgent" in " ".join(unknown.stderr.split())


def test_what_was_learned_is_the_same_in_feedback_tool_and_file(db: Database) -> None:
    decisions = decide(5, 500)
    end = decisions[-1].opened_at + timedelta(hours=3)
    with db.begin() as connection:
        insert_decisions(connection, decisions)
        track_until(connection, end)
    learn(db, end)
    told = Tools(Scores(db.engine)).get_weights(limit=50).structured_content
    with db.begin() as connection:
        learned = read_learned(connection, fee_bps=10)
        assert learned is not None
        file = json.loads(render_weights(learned))
        given = {one.agent: read_feedback(connection, one.agent) for one in learned.agents}
    assert told is not None
    assert (told["as_of"], told["version"], told["sentence"]) == (file["as_of"], file["version"], file["sentence"])
    assert (told["evidence"], told["fees"]) == (file["evidence"], file["fees"])
    assert {one["agent"]: (one["weight"], one["weight_in_use"], one["p"]) for one in told["agents"]} == {
        agent: (one["weight"], one["weight_in_use"], one["p"]) for agent, one in file["agents"].items()
    }
    fitted = {one.agent: one for one in learned.maps if one.a is not None}
    assert len(fitted) == len(given) > 2
    for agent, feedback in given.items():
        assert feedback.calls > 100
        assert feedback.recalibration is not None
        assert (feedback.recalibration.a, feedback.recalibration.b) == (fitted[agent].a, fitted[agent].b)
        assert ("As learned, your 60 means" in feedback.text) == bool(fitted[agent].helps)
        assert len(feedback.text.split()) <= 200
