"""The stored analysis equals plain loops over the rows, and follows what becomes of them."""

import json
import math
import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import pytest
from scipy import stats
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from scorekeeper.analysis.document import Analysis
from scorekeeper.analysis.intervals import robust_gap, robust_mean, robust_rate
from scorekeeper.analysis.run import analyze, choose_as_of, last_analysis, read_input
from scorekeeper.errors import ScorekeeperError
from scorekeeper.metrics import query, voiding
from scorekeeper.metrics.score_update import update_score
from scorekeeper.operations.sample import write_sample
from scorekeeper.settings import Settings
from scorekeeper.store.copy_columns import read_columns
from scorekeeper.store.database import Database
from tests import plain_analysis as plain
from tests.integration.trades.test_pipeline import take, track


def live_two_versions(db: Database, settings: Settings) -> datetime:
    """The sample, decided by v1, and every other decision by v2 as well; a void one and a suspect one among them."""
    chance = random.Random(3)
    folder = settings.inbox_dir.parent / "market"
    as_of = write_sample(settings.inbox_dir, folder)
    plainly = [p for p in settings.inbox_dir.glob("*.json*") if p.suffix != ".gz"]
    decisions = [json.loads(line) for p in plainly if p.suffix == ".jsonl" for line in p.read_text().splitlines()]
    for path in settings.inbox_dir.iterdir():
        path.unlink()
    for number, one in enumerate(list(decisions)):
        one |= {"version": "v1", "trade_id": f"a{number}", "interval": chance.choice(["1h", "60m", "15m", "1M", None])}
        one["agent_analyses"] = {
            agent: said if chance.random() < 0.8 else {"signal": said["signal"]}
            for agent, said in one["agent_analyses"].items()
            if chance.random() < 0.9
        }
        if number % 2:
            other = one | {"version": "v2", "trade_id": f"b{number}", "type": chance.choice(["BUY", "SELL", "HOLD"])}
            moment = datetime.fromisoformat(one["timestamp"]) + timedelta(seconds=5)
            decisions.append({name: value for name, value in other.items() if name not in ("stop_loss", "take_profit")})
            decisions[-1]["timestamp"] = moment.isoformat()
    decisions[7] |= {"price": decisions[7]["price"] * 1.3, "stop_loss": None, "take_profit": None}
    lines = (json.dumps({name: value for name, value in one.items() if value is not None}) for one in decisions)
    (settings.inbox_dir / "all.jsonl").write_text("\n".join(lines) + "\n")
    assert take(db, settings).rejected == 0
    track(db, settings, folder, as_of)
    with db.begin() as connection:
        assert voiding.void_decision(connection, "a11", "a test of the feed", as_of) == "voided"
    return as_of


def read_plainly(db: Database, as_of: datetime) -> list[plain.Decided]:
    with db.begin() as connection:
        said: defaultdict[str, dict[str, tuple[int, float | None]]] = defaultdict(dict)
        for row in connection.execute(text("SELECT * FROM scorekeeper.agent_signal")):
            said[row.trade_id][row.agent] = (row.direction, row.confidence)
        rows = connection.execute(
            text(
                "SELECT * FROM scorekeeper.decision WHERE voided_at IS NULL AND NOT coalesce(price_suspect, false)"
                " AND horizon_return_pct IS NOT NULL AND expires_at <= :as_of ORDER BY opened_at, trade_id"
            ),
            {"as_of": as_of},
        )
        return [
            plain.Decided(
                r.trade_id, r.opened_at.timestamp(), r.expires_at.timestamp(), r.version, r.symbol, r.bar_interval,
                r.direction, r.horizon_return_pct, said[r.trade_id],
            )
            for r in rows
        ]  # fmt: skip


def hold_against(analysis: Analysis, decided: list[plain.Decided]) -> None:
    """Every figure of the agents and the baselines, from plain loops."""
    assert analysis.decisions == len(decided)
    shares = plain.attributions(decided)
    assert [one.agent for one in analysis.agents] == sorted(shares)
    for agent in analysis.agents:
        spoke = [(d, *d.said[agent.agent]) for d in decided if agent.agent in d.said]
        calls = [(d, way, c) for d, way, c in spoke if way]
        moved = [(d, way, c) for d, way, c in calls if d.h]
        assert (agent.signals, agent.calls) == (len(spoke), len(calls))
        assert (agent.shapley_pct, agent.leave_one_out_pct) == pytest.approx(shares[agent.agent], abs=1e-9)
        ic = stats.spearmanr([plain.weight(way, c) for _, way, c in spoke], [d.h for d, _, _ in spoke]).statistic
        assert agent.ic == (None if math.isnan(ic) else pytest.approx(ic, abs=1e-12))
        right = robust_rate([100.0 if way * d.h > 0 else 0.0 for d, way, _ in moved], *spans([d for d, _, _ in moved]))
        assert agent.accuracy.estimate == right
        assert agent.call_return_pct.estimate == robust_mean(
            [way * d.h for d, way, _ in calls], *spans([d for d, _, _ in calls])
        )
        sure = [(c, 100.0 * (way * d.h > 0)) for d, way, c in moved if c is not None]
        gap = math.fsum(c - y for c, y in sure) / len(sure) if sure else None
        assert agent.overconfidence.estimate.mean == (None if gap is None else pytest.approx(gap))
        assert agent.overconfidence.estimate == robust_gap(
            [c for c, _ in sure], [y for _, y in sure], *spans([d for d, way, c in moved if c is not None])
        )
        for place, one in enumerate(agent.calibration):
            inside = [y for c, y in sure if 10 * place <= c < 10 * place + 10 or (place == 9 and c == 100)]
            assert one.n == len(inside)
            assert one.accuracy == (pytest.approx(math.fsum(inside) / len(inside)) if inside else None)
    earned = plain.baselines(decided)
    assert len(analysis.baselines) == len(earned)
    for baseline in analysis.baselines:
        theirs = earned[baseline.kind if baseline.agent is None else f"agent {baseline.agent}"]
        assert baseline.total_return_pct == pytest.approx(math.fsum(theirs), abs=1e-9)
        if baseline.difference is not None:
            differences = np.array(earned["system"]) - np.array(theirs)
            wanted = robust_mean(differences, *spans(decided))
            assert baseline.difference.estimate.ci95 == pytest.approx(wanted.ci95, abs=1e-12)


def spans(decided: list[plain.Decided]) -> tuple[list[float], list[float]]:
    return [d.opened for d in decided], [d.expires for d in decided]


def test_the_analysis_equals_plain_loops_over_the_rows(db: Database, settings: Settings) -> None:
    as_of = live_two_versions(db, settings)
    with db.begin() as connection:
        whole = analyze(connection, as_of)
        each = {version: last_analysis(connection, version) for version in (None, "v1", "v2")}
    assert each[None] == whole
    decided = read_plainly(db, as_of)
    hold_against(whole, decided)
    for version in ("v1", "v2"):
        analysis = each[version]
        assert analysis is not None
        hold_against(analysis, [d for d in decided if d.version == version])
    (pair,) = whole.pairs
    differences = plain.version_differences(decided, pair.one, pair.other, {"1h": 3_600, "60m": 3_600, "15m": 900})
    assert pair.paired.estimate.n == len(differences) > 20
    assert pair.paired.estimate.mean == pytest.approx(math.fsum(differences) / len(differences), abs=1e-9)
    with db.begin() as connection:
        trades = connection.execute(
            text(
                "SELECT t.* FROM scorekeeper.trade AS t INNER JOIN scorekeeper.decision AS d USING (trade_id) WHERE "
                "d.voided_at IS NULL AND NOT d.price_suspect AND exit_time <= :as_of ORDER BY t.opened_at, trade_id"
            ),
            {"as_of": as_of},
        ).all()
    opened, closed = [t.opened_at.timestamp() for t in trades], [t.exit_time.timestamp() for t in trades]
    assert whole.expectancy_pct.estimate == robust_mean([t.pnl_pct for t in trades], opened, closed)
    assert whole.net_expectancy_pct.estimate == robust_mean([t.net_pnl_pct for t in trades], opened, closed)
    assert whole.win_rate.estimate == robust_rate([100.0 * (t.pnl_pct > 0) for t in trades], opened, closed)


def test_an_analysis_again_is_the_same_and_one_row_a_scope(db: Database, settings: Settings) -> None:
    as_of = live_two_versions(db, settings)
    with db.begin() as connection:
        assert choose_as_of(connection, None, as_of + timedelta(days=9)) == as_of
        assert choose_as_of(connection, as_of - timedelta(days=1), as_of) == as_of - timedelta(days=1)
        with pytest.raises(ScorekeeperError, match="track first"):
            choose_as_of(connection, as_of + timedelta(minutes=1), as_of)
        assert analyze(connection, as_of) == analyze(connection, as_of)
    with db.begin() as connection:
        again = analyze(connection, as_of)
        earlier = analyze(connection, as_of - timedelta(hours=50))
        rows = connection.execute(text("SELECT as_of, version FROM scorekeeper.analysis ORDER BY as_of, version")).all()
    assert [row.version for row in rows] == ["v1", "v2", None] * 2
    assert earlier.decisions < again.decisions
    hold_against(earlier, read_plainly(db, as_of - timedelta(hours=50)))
    with db.begin() as connection:
        assert last_analysis(connection) == again
        assert last_analysis(connection, at=as_of - timedelta(hours=1)) == earlier
        assert last_analysis(connection, "v3") is None


def test_a_later_void_changes_the_next_analysis(db: Database, settings: Settings) -> None:
    as_of = live_two_versions(db, settings)
    with db.begin() as connection:
        before = analyze(connection, as_of)
        connection.execute(
            text("UPDATE scorekeeper.decision SET voided_at = now(), void_reason = 'x' WHERE version = 'v2'")
        )
        after = analyze(connection, as_of)
        gone = last_analysis(connection, "v2")
    assert (before.decisions > after.decisions, after.pairs, gone) == (True, (), None)
    hold_against(after, [d for d in read_plainly(db, as_of) if d.version == "v1"])


def test_a_version_without_decisions_in_the_last_run_shows_no_older_figures(db: Database, settings: Settings) -> None:
    as_of = live_two_versions(db, settings)
    with db.begin() as connection:
        analyze(connection, as_of - timedelta(hours=1))
        assert query.system_metrics(connection, version="v2")["independent_trades"] > 0
        connection.execute(
            text("UPDATE scorekeeper.decision SET voided_at = now(), void_reason = 'x' WHERE version = 'v2'")
        )
        analyze(connection, as_of)
        answer = query.system_metrics(connection, version="v2")
        assert (answer["analysis_as_of"], answer["independent_trades"]) == (None, None)
        assert last_analysis(connection, "v2") is None


def test_the_answer_takes_its_figures_from_the_last_analysis_of_its_scope(db: Database, settings: Settings) -> None:
    as_of = live_two_versions(db, settings)
    with db.begin() as connection:
        assert query.system_metrics(connection)["analysis_as_of"] is None
        whole = analyze(connection, as_of)
        answer, one = query.system_metrics(connection), query.system_metrics(connection, version="v2")
        others = [
            query.system_metrics(connection, symbol="BTC/USDT"),
            query.system_metrics(connection, include_suspect=True),
            query.system_metrics(connection, at=as_of - timedelta(days=1)),
        ]
    assert answer["analysis_as_of"] == whole.as_of == "2025-05-08T00:00:00Z"
    assert answer["expectancy_ci95_robust"] == list(whole.expectancy_pct.estimate.ci95 or ())
    assert answer["net"]["p_robust"] == whole.net_expectancy_pct.estimate.p
    assert answer["independent_trades"] == whole.expectancy_pct.estimate.independent
    for agent in whole.agents:
        found = answer["agent_performance"][agent.agent]
        assert (found["ic"], found["shapley_pct"]) == (agent.ic, agent.shapley_pct)
        assert found["accuracy"] == pytest.approx(agent.accuracy.estimate.mean)
        assert found["avg_call_return_pct"] == pytest.approx(agent.call_return_pct.estimate.mean)
    assert one["independent_trades"] < answer["independent_trades"]
    for each in others:
        assert (each["analysis_as_of"], each["p_robust"], each["net"]["p_robust"]) == (None, None, None)
        assert each["agent_performance"]["TechnicalAnalystAgent"]["shapley_pct"] is None


def test_an_analysis_from_before_the_first_track_does_not_outlive_it(db: Database, settings: Settings) -> None:
    with db.begin() as connection:
        empty = analyze(connection, datetime(2026, 1, 1, tzinfo=UTC))
        assert last_analysis(connection) == empty
    as_of = live_two_versions(db, settings)  # a replay market's clock stands in the past
    with db.begin() as connection:
        assert last_analysis(connection) is None
        assert analyze(connection, as_of) == last_analysis(connection)
        answer = query.system_metrics(connection, at=datetime(2026, 1, 2, tzinfo=UTC))
        assert answer["analysis_as_of"] == "2025-05-08T00:00:00Z"


def test_nothing_known_is_an_analysis_of_nothing(db: Database) -> None:
    with db.begin() as connection:
        now = datetime(2025, 5, 1, tzinfo=UTC)
        assert choose_as_of(connection, None, now) == now
        whole = analyze(connection, now)
        assert (whole.decisions, whole.agents, whole.versions) == (0, (), ())
        assert last_analysis(connection) == whole


def test_the_document_is_the_analysis_field_by_field(db: Database, settings: Settings) -> None:
    as_of = live_two_versions(db, settings)
    with db.begin() as connection:
        whole = analyze(connection, as_of)
        document = connection.execute(
            text("SELECT document FROM scorekeeper.analysis WHERE version IS NULL")
        ).scalar_one()
        rows = read_input(connection, as_of)
    assert {name: value for name, value in document.items() if name != "figures"} == msgspec.json.decode(
        msgspec.json.encode(whole)
    )
    assert (np.diff(rows.decisions.opened) >= 0).all()
    assert (np.diff(rows.signals.decision) >= 0).all()


def test_signals_of_agents_without_a_rollup_are_read_too(db: Database, settings: Settings) -> None:
    as_of = live_two_versions(db, settings)
    with db.begin() as connection:
        update_score(connection, as_of)
        known = read_input(connection, as_of)
        connection.execute(text("DELETE FROM scorekeeper.agent_daily_score WHERE agent LIKE 'F%'"))
        found = read_input(connection, as_of)
    assert len(known.agents) == 5
    assert known.agents == found.agents
    assert len(known.signals) > 500
    for name in ("decision", "agent", "direction", "confidence"):
        np.testing.assert_array_equal(getattr(known.signals, name), getattr(found.signals, name))


def test_a_copy_gives_no_rows_many_rows_and_the_error_that_ends_it(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(rows: str) -> list[int]:
        words = f"COPY (SELECT cast({rows} AS integer)) TO STDOUT WITH BINARY"
        monkeypatch.setattr("scorekeeper.store.database.raw", lambda name: words)
        with db.begin() as connection:
            return [int(number) for number in read_columns(connection, "numbers", {"number": ">i4"})["number"]]

    assert read("generate_series(1, 0)") == []
    assert read("-generate_series(1, 30000)") == list(range(-1, -30_001, -1))
    with pytest.raises(DBAPIError, match="division by zero"):
        read("1000 / (20000 - generate_series(1, 30000))")
    assert read("7") == [7]


def test_what_counted_a_voided_decision_is_gone_until_the_next_analysis(db: Database, settings: Settings) -> None:
    as_of = live_two_versions(db, settings)
    with db.begin() as connection:
        analyze(connection, as_of)
        assert query.system_metrics(connection)["independent_trades"] is not None
        voided = connection.execute(text("SELECT min(trade_id) FROM scorekeeper.trade WHERE version = 'v1'"))
        voiding.void_decision(connection, voided.scalar_one(), "a test of the feed", as_of)
        answer = query.system_metrics(connection)
        assert (answer["analysis_as_of"], answer["independent_trades"]) == (None, None)
        analyze(connection, as_of)
        assert query.system_metrics(connection)["independent_trades"] is not None
