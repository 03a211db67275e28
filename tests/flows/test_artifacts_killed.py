"""17: a track that is killed while it writes its artifacts: the next one leaves the latest of each whole and right."""

import asyncio
import json
import signal
import time
from datetime import timedelta
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

from scorekeeper.metrics.scorecard import read_scorecard
from scorekeeper.operations.sample import write_sample
from scorekeeper.settings import load_settings
from scorekeeper.store.database import Database
from scorekeeper.verify.run import verify
from tasks.artifacts import agent_rows, summary_markdown, system_rows
from tests.flows.test_flows import artifacts
from tests.flows.test_stop import start

KEYS = ("performance-summary", "system-metrics", "agent-metrics", "open-trades", "performance-log")


def written(key: str) -> list[str]:
    """What is written of the key, each version: the latest of the hour is written over."""

    async def read() -> list[str]:
        keys = ArtifactFilter(key=ArtifactFilterKey(any_=[key]))
        async with get_client() as client:
            return [str(one.data) for one in await client.read_artifacts(artifact_filter=keys)]

    return asyncio.run(read())


@pytest.mark.parametrize("key", [KEYS[0], *(pytest.param(key, marks=pytest.mark.long) for key in KEYS[1:3])])
def test_after_a_kill_within_its_artifacts_the_next_track_leaves_the_latest(home: Path, db: Database, key: str) -> None:
    as_of = write_sample(home / "inbox", home / "market")
    assert start(home, "ingest").wait(600) == 0
    before, until = written(key), time.monotonic() + 600
    killed = start(home, "track", "--as-of", (as_of - timedelta(hours=20)).isoformat())
    while written(key) == before and time.monotonic() < until:
        pass
    killed.send_signal(signal.SIGKILL)
    assert killed.wait(600) == -signal.SIGKILL  # it had not come to its end
    again = start(home, "track", "--as-of", as_of.isoformat())
    assert again.wait(600) == 0
    with db.begin() as connection:
        metrics = read_scorecard(connection)
    assert artifacts("performance-summary")[0] == summary_markdown(metrics)
    assert json.loads(artifacts("system-metrics")[0]) == system_rows(metrics)
    assert json.loads(artifacts("agent-metrics")[0]) == agent_rows(metrics)
    assert json.loads(artifacts("open-trades")[0]) == []
    settings = load_settings()
    assert settings.log_path.as_uri() in artifacts("performance-log")[0]
    assert settings.dataset_path.as_uri() in artifacts("performance-dataset")[0]
    assert verify(db, settings) == []
