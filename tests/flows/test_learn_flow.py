"""The hourly learning on a real Prefect server: what it publishes, and what the command prints."""

import json
from datetime import timedelta
from pathlib import Path

from flows.learn import learn
from scorekeeper.store.database import open_database
from tasks.learned_artifacts import TABLES
from tests.deciding import decide, insert_decisions, track_until
from tests.flows.test_command import scorekeeper
from tests.flows.test_flows import artifacts, run


def test_what_is_learned_is_published_and_a_repeat_changes_nothing(home: Path, database_url: str) -> None:
    done = run(learn())
    assert done == {"until": None, "versions": [], "made_again": []}
    untracked = scorekeeper(home, "learn", DATABASE_URL=database_url)
    assert (untracked.returncode, untracked.stderr) == (0, "")
    assert "Nothing is tracked yet, so nothing was learned" in untracked.stdout
    decisions = decide(8, 90)
    end = decisions[-1].opened_at + timedelta(hours=4)
    with open_database(database_url, home) as db, db.begin() as connection:
        insert_decisions(connection, decisions)
        track_until(connection, end)
    early = scorekeeper(home, "learn", "--as-of", (end - timedelta(hours=9)).isoformat(), DATABASE_URL=database_url)
    assert (early.returncode, early.stderr) == (0, "")
    done = run(learn())
    until = end.replace(minute=0, second=0, microsecond=0)
    assert done == {"until": until.isoformat(), "versions": ["v1"], "made_again": []}
    published = home / "datasets" / "agent_weights.json"
    content = published.read_bytes()
    assert json.loads(content)["agents"].keys() == {agent for one in decisions for agent in one.signals}
    rows = json.loads(artifacts("agent-weights")[0])
    assert {row["agent"].replace("\\", "") for row in rows} == json.loads(content)["agents"].keys()
    shown = {key: artifacts(key) for key in (*TABLES, "learning", "agent-weights-file")}
    run(learn())
    assert {key: artifacts(key) for key in shown} == shown
    assert {len(found) for found in shown.values()} == {1}
    published.unlink()
    again = scorekeeper(home, "learn", DATABASE_URL=database_url)
    assert (again.returncode, again.stderr) == (0, "")
    assert f"Learned up to {until:%Y-%m-%d %H:%M} UTC" in again.stdout
    assert "What was learned of version v1" in again.stdout
    assert published.read_bytes() == content
