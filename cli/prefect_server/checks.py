"""What `scorekeeper doctor` checks on Prefect's server."""

import asyncio
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import typer

from cli.prefect_server.client_settings import prepare, reach_directly, use_running_server
from scorekeeper.errors import ScorekeeperError
from scorekeeper.operations.health import Check
from scorekeeper.phrases import and_more
from scorekeeper.settings import Settings

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun

WORKER_SILENT = timedelta(minutes=2)  # a worker reports every 30 seconds
_MOST_RUNS, _MOST_STRANGERS = 3, 10


def check_prefect(settings: Settings, *, end_stuck: bool) -> list[Check]:
    """The server, its deployments, workers and runs; `end_stuck`: also end stuck runs."""
    os.environ.update(reach_directly(os.environ))
    home = settings.scorekeeper_home
    if use_running_server(home) is None:
        says = "no server: scorekeeper up does not run here, and PREFECT_API_URL is not set"
        return [Check("prefect", "warning", says, "scorekeeper up, unless something else runs ingest and track")]
    try:
        if os.access(home, os.W_OK):
            prepare(home)
        return asyncio.run(_ask_server(end_stuck=end_stuck))
    except ScorekeeperError as exc:
        words, _, what_to_do = str(exc).partition(": ")
        return [Check("prefect", "red", words, what_to_do)]


async def _ask_server(*, end_stuck: bool) -> list[Check]:
    """Raises ScorekeeperError if it does not answer."""
    # Imported here: Prefect reads its settings on import, and they are complete only now.
    from cli.prefect_server import deployments, runs
    from tasks.prefect_server import reach_server, server_address

    now = datetime.now(UTC)
    async with reach_server() as client:
        await client.hello()
        there = await client.read_deployments(limit=200)
        pools = {pool.name: pool for pool in await client.read_work_pools()}
        wanted = {name: (pool, entrypoint) for name, pool, entrypoint in deployments.read_deployments()}
        used = sorted({pool for pool, _ in wanted.values()} & set(pools))
        workers = [worker for pool in used for worker in await client.read_workers_for_work_pool(pool)]
        entrypoints = {name: entrypoint for name, (_, entrypoint) in wanted.items()}
        strangers = [
            one.name for one in there if one.work_pool_name in used and deployments.is_strange(one, entrypoints)
        ]
        strangers += [f"the command of the pool {one}" for one in used if deployments.has_strange_command(pools[one])]
        stuck = await runs.find_stuck(client, list(wanted), now)
        if end_stuck and stuck:
            await runs.end_stuck(client, stuck)
            typer.echo(f"{len(stuck)} runs marked Crashed, their slots are free", err=True)
            stuck = []
    return [
        Check("prefect", "ok", server_address()),
        _judge_deployments(list(wanted), {one.name: one for one in there}),
        _judge_workers(workers, now),
        _judge_runs(stuck, now),
        _judge_strangers(sorted(strangers)),
    ]


def _judge_deployments(wanted: list[str], found: dict[str, Any]) -> Check:
    missing = [name for name in wanted if name not in found]
    paused = [
        name
        for name in wanted
        if name in found and (found[name].paused or any(not schedule.active for schedule in found[name].schedules))
    ]
    says = [f"{word}: {', '.join(names)}" for word, names in (("not there", missing), ("paused", paused)) if names]
    if not says:
        return Check("deployments", "ok", f"{len(wanted)}, none paused")
    what_to_do = "prefect deploy --all, from the checkout" if missing else "resume them in Prefect's UI"
    return Check("deployments", "red", "; ".join(says), what_to_do)


def _judge_workers(workers: list[Any], now: datetime) -> Check:
    beats = [worker.last_heartbeat_time for worker in workers if worker.last_heartbeat_time]
    online = [beat for beat in beats if now - beat < WORKER_SILENT]
    if online:
        return Check("worker", "ok", f"{len(online)} at work")
    says = f"silent since {max(beats):%F %R} UTC" if beats else "there is none"
    return Check("worker", "red", says, "scorekeeper up, or prefect worker start --pool scorekeeper")


def _judge_runs(stuck: "list[FlowRun]", now: datetime) -> Check:
    if not stuck:
        return Check("runs", "ok", "none is stuck")
    named = [
        f"{run.name} ({run.state.name} for {(now - run.state.timestamp).total_seconds() // 60:.0f} min, {run.id})"
        for run in stuck[:_MOST_RUNS]
        if run.state is not None and run.state.timestamp is not None
    ]
    listed = f"{'; '.join(named)}{and_more(len(stuck), _MOST_RUNS)}"
    says = f"{len(stuck)} runs hold their slots, and no process executes them: {listed}"
    return Check("runs", "red", says, "scorekeeper doctor --end-stuck marks them Crashed, and frees the slots")


def _judge_strangers(strangers: list[str]) -> Check:
    """Deployments of others on a pool of ours: our workers run whatever these say."""
    if not strangers:
        return Check("strangers", "ok", "no deployment but ours has work for our workers")
    says = f"the workers also run what others deployed: {', '.join(strangers[:_MOST_STRANGERS])}"
    return Check("strangers", "warning", says, "if they are not yours, delete them and change the password: see docs")
