"""What each version comes to is kept with each track, and two views name every figure of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from scorekeeper.analysis import run
from scorekeeper.metrics import names, query, score_update, scorecard, voiding
from scorekeeper.metrics.scorecard import list_versions, read_scorecard, store_scorecards
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from scorekeeper.verify.scores import check_score
from tests.integration.analysis.test_analyze import live_two_versions
from tests.plans import explain, of_table, rows_read

NOT_FIGURES = {*names.SCOPE, "net", "agent_performance"}
OF_GROSS_ALONE = ("win_rate_ci95_robust", "win_rate_p_robust", "dsr")


@pytest.fixture
def as_of(db: Database, settings: Settings) -> datetime:
    moment = live_two_versions(db, settings)

    def conclude(connection: Any) -> None:
        score_update.update_score(connection, moment)
        run.analyze(connection, moment)

    db.transact(conclude)
    return moment


def rows(db: Database, view: str) -> list[dict[str, Any]]:
    """The view's rows as JSON has them, times as the answer writes them."""
    with db.begin() as connection:
        found = connection.execute(text(f"SELECT * FROM scorekeeper.{view}")).mappings().all()
    return [
        {
            name: value.astimezone(UTC).isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value
            for name, value in row.items()
        }
        for row in found
    ]


def test_the_views_have_a_column_for_every_metric_of_the_list(db: Database) -> None:
    columns = text(
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute "
        "WHERE attrelid = cast(:view AS regclass) AND attnum > 3 ORDER BY attnum"
    )
    with db.begin() as connection:
        for view, metrics in (("report_system_metrics", names.SYSTEM), ("report_agent_metrics", names.AGENT)):
            found = connection.execute(columns, {"view": f"scorekeeper.{view}"}).all()
            assert [tuple(row) for row in found] == [(metric.name, metric.kind) for metric in metrics]


def test_each_version_has_a_row_before_and_one_after_fees_with_every_figure(db: Database, as_of: datetime) -> None:
    found = {(row["version"], row["after_fees"]): row for row in rows(db, "report_system_metrics")}
    assert found.keys() == {(version, basis) for version in (None, "v1", "v2") for basis in (False, True)}
    for (version, after_fees), row in found.items():
        with db.begin() as connection:
            answer = query.system_metrics(connection, version=version, at=as_of, compose=True)
        wanted = {name: value for name, value in answer.items() if name not in NOT_FIGURES}
        if after_fees:
            wanted |= dict.fromkeys(OF_GROSS_ALONE) | answer["net"]
        assert row.pop("as_of") == as_of.isoformat().replace("+00:00", "Z")
        del row["version"], row["after_fees"]
        assert row == wanted
    assert found[None, False]["completed_trades"] > 200
    assert found[None, False]["win_rate_ci95_robust"] is not None
    assert found[None, False]["total_pnl_pct"] != found[None, True]["total_pnl_pct"]


def test_each_agent_of_each_version_has_a_row_with_every_figure(db: Database, as_of: datetime) -> None:
    found = {(row.pop("version"), row.pop("agent")): row for row in rows(db, "report_agent_metrics")}
    for version in (None, "v1", "v2"):
        with db.begin() as connection:
            agents = query.system_metrics(connection, version=version, at=as_of, compose=True)["agent_performance"]
        assert len(agents) == 5
        for agent, figures in agents.items():
            row = found.pop((version, agent))
            del row["as_of"]
            assert row == figures
    assert not found


def test_metrics_are_those_that_are_kept_with_the_counts_and_the_moment_of_now(db: Database, as_of: datetime) -> None:
    now = as_of + timedelta(minutes=1)
    for version in (None, "v1", "v2"):
        with db.begin() as connection:
            kept = query.system_metrics(connection, version=version, at=now)
            composed = query.system_metrics(connection, version=version, at=now, compose=True)
        assert list(kept.items()) == list(composed.items())
    with db.begin() as connection:
        connection.execute(text("DELETE FROM scorekeeper.daily_score"))
        assert query.system_metrics(connection, at=now)["completed_trades"] > 200
        assert query.system_metrics(connection, at=now, compose=True)["completed_trades"] == 0
        connection.rollback()


def test_before_the_first_track_nothing_is_kept_and_without_decisions_zeros(db: Database) -> None:
    assert rows(db, "report_system_metrics") == []
    with db.begin() as connection, pytest.raises(LookupError, match="nothing was tracked"):
        read_scorecard(connection)
    db.transact(lambda connection: score_update.update_score(connection, datetime(2025, 4, 25, tzinfo=UTC)))
    gross, net = sorted(rows(db, "report_system_metrics"), key=lambda row: row["after_fees"])
    assert (gross["completed_trades"], gross["win_rate"], net["total_pnl_pct"]) == (0, None, 0.0)


def test_an_earlier_moment_does_not_replace_a_later_one(db: Database, as_of: datetime) -> None:
    before = rows(db, "report_system_metrics")
    db.transact(lambda connection: store_scorecards(connection, as_of - timedelta(days=1)))
    assert rows(db, "report_system_metrics") == before


def test_a_scorecard_that_was_changed_is_found(db: Database, as_of: datetime) -> None:
    with db.begin() as connection:
        assert list(check_score(connection)) == []
        connection.execute(
            text(
                "UPDATE scorekeeper.scorecard SET answer = jsonb_set(answer::jsonb, '{net,sharpe}', '9.5')"
                " WHERE version = 'v2'"
            )
        )
        (said,) = check_score(connection)
    assert said.startswith("scorecard v2: net is ")


def completed(db: Database) -> dict[str | None, int]:
    """The trades that each scorecard knows."""
    with db.begin() as connection:
        said = connection.execute(text("SELECT version, answer ->> 'completed_trades' FROM scorekeeper.scorecard"))
        return {version: int(trades) for version, trades in said}


ANOTHER_DAY = """
INSERT INTO scorekeeper.{table}
SELECT (jsonb_populate_record(r, jsonb_build_object('version', 'v0', 'day', r.day - 1000))).*
FROM scorekeeper.{table} AS r
WHERE r.version = 'v1' AND r.symbol IS NULL
"""


def test_a_version_is_composed_again_after_its_days_change_and_by_each_analysis(db: Database, as_of: datetime) -> None:
    with db.begin() as connection:
        for table in ("daily_score", "agent_daily_score"):
            connection.execute(text(ANOTHER_DAY.format(table=table)))
        score_update.update_score(connection, as_of + timedelta(minutes=1))
    true = completed(db)
    assert true["v0"] == true["v1"] > 100
    with db.begin() as connection:
        connection.execute(
            text("UPDATE scorekeeper.scorecard SET answer = jsonb_set(answer::jsonb, '{completed_trades}', '999')")
        )
        score_update.update_score(connection, as_of + timedelta(minutes=2))
    assert completed(db) == dict.fromkeys((None, "v0", "v1", "v2"), 999)
    with db.begin() as connection:
        voiding.void_decision(connection, "a12", "a test of what is composed", as_of)
    voided = {None: true[None] - 1, "v0": 999, "v1": true["v1"] - 1, "v2": true["v2"]}
    assert completed(db) == voided
    db.transact(lambda connection: run.analyze(connection, as_of + timedelta(minutes=2)))
    assert completed(db) == voided | {"v0": true["v0"]}


def test_earlier_days_are_added_up_once_until_one_of_them_changes(
    db: Database, as_of: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is kept of them is set to nonsense here, to see where it is used."""

    def void_at(order: str) -> None:
        with db.begin() as connection:
            last = text(
                "SELECT trade_id FROM scorekeeper.trade JOIN scorekeeper.decision USING (trade_id)"
                " WHERE trade.version = 'v1' AND voided_at IS NULL AND NOT price_suspect AND exit_time IS NOT NULL"
                f" ORDER BY decision.expires_at {order} LIMIT 1"
            )
            assert voiding.void_decision(connection, connection.scalar(last), "a test", as_of) == "voided"

    monkeypatch.setattr(scorecard, "OPEN_DAYS", timedelta(0))
    db.transact(lambda connection: store_scorecards(connection, as_of, from_scratch=True))
    true = completed(db)
    with db.begin() as connection:
        nonsense = text("UPDATE scorekeeper.scorecard SET before = jsonb_set(before::jsonb, '{gross,trades}', '10000')")
        assert connection.execute(nonsense).rowcount == 3
    void_at("DESC")
    assert completed(db)["v1"] > 10_000
    void_at("ASC")
    assert completed(db) == {None: true[None] - 2, "v1": true["v1"] - 2, "v2": true["v2"]}
    with db.begin() as connection:
        assert list(check_score(connection)) == []
        connection.execute(text("UPDATE scorekeeper.scorecard SET before = '{}'"))  # as another release may have it
    void_at("DESC")
    assert completed(db) == {None: true[None] - 3, "v1": true["v1"] - 3, "v2": true["v2"]}


def test_versions_are_found_without_reading_every_day(db: Database) -> None:
    with db.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO scorekeeper.equity (as_of, version, open_trades, marked_trades, realised_pnl_pct,"
                " unrealised_pnl_pct) SELECT timestamptz '2025-01-01' + n * interval '1 minute', 'v' || n % 3,"
                " 1, 0, 0, 0 FROM generate_series(1, 30000) AS n"
            )
        )
        connection.execute(text("ANALYZE scorekeeper.equity"))
        assert list_versions(connection) == ["v0", "v1", "v2"]
        plan = explain(connection, "metrics/select_versions")
        assert sum(rows_read(node) for node in of_table(plan, "equity")) == 3
