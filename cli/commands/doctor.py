"""`scorekeeper doctor`: everything that can be wrong, looked at, and what to do about it."""

import asyncio
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import typer

from cli.prefect_server.client_settings import prepare, use_running_server
from cli.up.supervision import ROOT, reach_directly
from scorekeeper.errors import ScorekeeperError
from scorekeeper.market import open_market
from scorekeeper.operations import health
from scorekeeper.operations.health import Check
from scorekeeper.safe_text import escape_controls
from scorekeeper.settings import Settings, load_settings

WORKER_SILENT = timedelta(minutes=2)  # it reports every 30 seconds
_COLOURS = {"ok": typer.colors.GREEN, "warning": typer.colors.YELLOW, "red": typer.colors.RED}


def examine(*, ask_exchange: bool, as_json: bool, end_stuck: bool = False) -> None:
    """Look at everything and say it; `end_stuck`: and end runs that nobody executes. Raises ScorekeeperError."""
    settings = load_settings()
    checks = health.check_all(settings, _now)
    if ask_exchange:
        checks.append(asyncio.run(_check_exchange(settings)))
    checks += _check_prefect(settings, end_stuck=end_stuck)
    report(checks, as_json=as_json)


def report(checks: list[Check], *, as_json: bool, more: dict[str, Any] | None = None) -> None:
    """Print checks. Raises ScorekeeperError if one is red."""
    red = [check.name for check in checks if check.state == "red"]
    if as_json:
        from json import dumps

        answer = (more or {}) | {"healthy": not red, "checks": [asdict(check) for check in checks]}
        typer.echo(dumps(answer, indent=2))
    else:
        for check in checks:
            _print_line(check)
    if red:
        raise ScorekeeperError(f"not well: {', '.join(red)}")


def _print_line(check: Check) -> None:
    word = f"{check.state:<8}"
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        word = typer.style(word, fg=_COLOURS[check.state])
    typer.echo(f"{word}{check.name:<12}{escape_controls(check.says)}")
    if check.do:
        typer.echo(f"{'':<20}-> {escape_controls(check.do)}")


def _now() -> datetime:
    return datetime.now(UTC)


async def _check_exchange(settings: Settings) -> Check:
    try:
        async with open_market(
            settings.market, settings.candle_grace_minutes, cache=settings.scorekeeper_home / "cache",
            exchange_options=settings.exchange_options,
        ) as market:  # fmt: skip
            before = _now()
            theirs = await market.now()
            after = _now()
    except ScorekeeperError as away:
        return Check("exchange", "red", str(away), "trades stay open until it answers, and close at their own minutes")
    if theirs is None:
        return Check("exchange", "ok", f"{settings.market} has no clock")
    # Some only tell whole seconds.
    return health.compare_clocks("exchange", theirs, before - timedelta(seconds=1), after, "the exchange's clock")


def _check_prefect(settings: Settings, *, end_stuck: bool) -> list[Check]:
    os.environ.update(reach_directly(os.environ))
    home = settings.scorekeeper_home
    if use_running_server(home) is None:
        says = "no server: scorekeeper up does not run here, and PREFECT_API_URL is not set"
        return [Check("prefect", "warning", says, "scorekeeper up, unless something else runs ingest and track")]
    if os.access(home, os.W_OK):
        prepare(home)
    return asyncio.run(_ask_prefect(end_stuck=end_stuck))


async def _ask_prefect(*, end_stuck: bool) -> list[Check]:
    from cli.prefect_server import stuck_runs as stuck
    from tasks.prefect_server import reach_server, server_address

    try:
        async with reach_server() as client:
            await client.hello()
            deployments = await client.read_deployments(limit=200)
            found = {one.name: one for one in deployments}
            pools = {pool.name: pool for pool in await client.read_work_pools()}
            wanted = {name: (pool, entrypoint) for name, pool, entrypoint in _wanted()}
            names = list(wanted)
            used = sorted({pool for pool, _ in wanted.values()} & set(pools))
            workers = [worker for pool in used for worker in await client.read_workers_for_work_pool(pool)]
            entrypoints = {name: entrypoint for name, (_, entrypoint) in wanted.items()}
            strangers = [
                one.name for one in deployments if one.work_pool_name in used and stuck.is_strange(one, entrypoints)
            ]
            strangers += [f"the command of the pool {one}" for one in used if stuck.has_strange_command(pools[one])]
            lost = await stuck.find_stuck(client, names, _now())
            if end_stuck and lost:
                await stuck.end_stuck(client, lost)
                typer.echo(f"{len(lost)} runs marked Crashed, their slots are free", err=True)
                lost = []
    except ScorekeeperError as away:
        words, _, what_to_do = str(away).partition(": ")
        return [Check("prefect", "red", words, what_to_do or "start it: scorekeeper up, or that of PREFECT_API_URL")]
    return [
        Check("prefect", "ok", server_address()),
        _judge_deployments(names, found),
        _judge(workers),
        stuck.judge_runs(lost, _now()),
        stuck.judge_strangers(sorted(strangers)),
    ]


def _wanted() -> Iterator[tuple[str, str, str]]:
    import yaml

    for one in yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]:
        yield one["name"], one["work_pool"]["name"], one["entrypoint"]


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


def _judge(workers: list[Any]) -> Check:
    beats = [worker.last_heartbeat_time for worker in workers if worker.last_heartbeat_time]
    online = [beat for beat in beats if _now() - beat < WORKER_SILENT]
    if online:
        return Check("worker", "ok", f"{len(online)} at work")
    says = f"silent since {max(beats):%F %R} UTC" if beats else "there is none"
    return Check("worker", "red", says, "scorekeeper up, or prefect worker start --pool scorekeeper")
