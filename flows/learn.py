"""Hourly: learn from what became known, and publish it."""

from datetime import datetime
from functools import partial
from typing import Any

from scorekeeper.settings import Settings
from tasks.alert_events import emit_learn_failed
from tasks.at_work import run_logger, step
from tasks.database import connect
from tasks.engine import flow
from tasks.learn import learn_versions
from tasks.learned_artifacts import publish_learned
from tasks.run_names import counted, rename_run
from tasks.systems import each_system


@flow(
    name="learn",
    description="Weights of agents with their evidence, from what became known; agent_weights.json.",
    flow_run_name="learn",
)
async def learn(as_of: datetime | None = None, system: str | None = None) -> dict[str, Any]:
    """Learn what was known at the last whole hour at or before `as_of` (default: now), and publish the newest.

    `system`: one of SYSTEMS_DIR (default: all).
    """
    return await each_system(system, "learn", partial(learn_system, as_of))


async def learn_system(as_of: datetime | None, settings: Settings) -> dict[str, Any]:
    """Learn for one system."""
    with connect(settings) as db:
        try:
            done = await step(learn_versions)(db, as_of)
            await rename_run(f"learn {_moment(done.until)} {counted(len(done.versions), 'version')}")
            await step(publish_learned)(db, settings)
        except Exception as exc:
            await emit_learn_failed(db, exc)
            raise
        await emit_learn_failed(db, None)
    run_logger().info("Learned up to %s: %s", _moment(done.until), ", ".join(done.versions) or "no version")
    return {"until": done.until and done.until.isoformat(), "versions": done.versions, "made_again": done.made_again}


def _moment(until: datetime | None) -> str:
    return "nothing, since nothing is tracked" if until is None else f"{until:%Y-%m-%d %H:%M} UTC"
