"""The hourly analysis on a real Prefect server: what it publishes, and what the command prints."""

import json
from datetime import timedelta
from pathlib import Path

from flows.analyze import analyze
from flows.ingest import ingest
from flows.track import track
from scorekeeper.operations.sample import write_sample
from tests.flows.test_command import scorekeeper
from tests.flows.test_flows import artifacts, run

TABLES = ("agent-attribution", "calibration", "baselines", "versions")


def test_an_analysis_is_published_as_tables_sentences_and_a_report(home: Path, database_url: str) -> None:
    as_of = write_sample(home / "inbox", home / "market")
    run(ingest())
    run(track(as_of))
    done = run(analyze())
    assert (done["as_of"], done["decisions"]) == ("2025-05-08T00:00:00Z", 420)
    written = {key: len(artifacts(key)) for key in (*TABLES, "analysis", "report")}
    tables = {key: json.loads(artifacts(key)[0]) for key in TABLES}
    assert len(tables["agent-attribution"]) == 5
    assert len(tables["baselines"]) == 1 + 4 + 5
    assert [row["what"] for row in tables["versions"]] == ["v0.2.0"]
    assert sum(int(row["calls"]) for row in tables["calibration"]) > 1_000
    for rows in tables.values():
        assert len(rows) < 200
        assert all(isinstance(value, str) for row in rows for value in row.values())
    words = artifacts("analysis")[0]
    assert "of them independent, the win rate of" in words
    for key in (*TABLES, "report"):
        assert f"(/artifacts/key/{key})" in words
    assert "report.html" in artifacts("report")[0]
    assert "cannot be told from" in (home / "reports" / "report.html").read_text(encoding="utf-8")
    run(analyze())  # nothing has changed: no artifact is written again
    assert {key: len(artifacts(key)) for key in (*TABLES, "analysis", "report")} == written
    rows = {row["figure"]: row for row in json.loads(artifacts("system-metrics")[0])}
    assert rows["analysis_as_of"]["gross"] == "n/a"  # track came before the first analysis
    run(track(as_of))
    rows = {row["figure"]: row for row in json.loads(artifacts("system-metrics")[0])}
    assert int(rows["independent_trades"]["gross"]) > 20
    assert rows["p_robust"]["after fees"] != rows["p_robust"]["gross"]
    earlier = scorekeeper(
        home, "analyze", "--as-of", (as_of - timedelta(days=2)).isoformat(), DATABASE_URL=database_url
    )
    assert (earlier.returncode, earlier.stderr) == (0, "")
    assert "What can be concluded at 2025-05-06T00:00:00Z:" in earlier.stdout
    assert "TechnicalAnalystAgent" in earlier.stdout
    assert artifacts("analysis")[0] == words  # what the UI shows last is of the last moment


def test_before_anything_is_known_an_analysis_says_so(home: Path) -> None:
    done = run(analyze())
    assert (done["decisions"], done["trades"]) == (0, 0)
    assert done["sentences"] == ["No trade has closed yet: nothing can be concluded about what the system earns."]
    assert "nothing can be concluded" in artifacts("analysis")[0]
