"""A flow over the trading systems of an installation: each in its turn, and a failure of one stops no other."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from scorekeeper.errors import ScorekeeperError
from scorekeeper.phrases import name_some
from scorekeeper.settings import Settings, check_one, load_settings, settings_of_all
from tasks.at_work import AT_WORK, run_logger
from tasks.engine import get_run_logger
from tasks.run_names import counted, rename_run

SYSTEMS_AT_ONCE = 4
MOST_NAMED = 5


@dataclass
class Done:
    """What a run over several systems did: each system's result by its name, and the failures, a line each."""

    results: dict[str, Any] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


def one_system(system: str | None) -> Settings:
    """The settings of the system that a flow works on. Raises ScorekeeperError if there are several to choose from."""
    settings = load_settings(system=system)
    check_one(settings)
    return settings


async def each_system(
    system: str | None,
    name: str,
    work: Callable[[Settings], Awaitable[dict[str, Any]]],
    after: Callable[[Settings, Done], Awaitable[None]] | None = None,
) -> dict[str, Any]:
    """Do `work` for the system of that name, or for each of SYSTEMS_DIR; what it returns, for several by their names.

    `name`: what the run of several is called. `after`: called with the common settings and what was done, before a
    failure is raised. Raises ScorekeeperError that names each system that failed.
    """
    settings = load_settings(system=system)
    if settings.systems_dir is None or settings.system:
        return await work(settings)
    found, troubles = settings_of_all(settings)
    done, at_once = Done(failed=dict(troubles)), asyncio.Semaphore(SYSTEMS_AT_ONCE)

    async def work_on(one: str, its_settings: Settings) -> None:
        AT_WORK.set(one)  # of this asyncio task alone
        async with at_once:
            try:
                done.results[one] = await work(its_settings)
            except ScorekeeperError as exc:
                done.failed[one] = str(exc)
            except Exception as exc:  # an error of ours in one system is no reason to leave the others alone
                done.failed[one] = type(exc).__name__
                run_logger().exception("failed")

    await asyncio.gather(*(asyncio.create_task(work_on(one.system, one)) for one in found))
    count = len(found) + len(troubles)
    said = f", {counted(len(done.failed), 'failure')}: {name_some(sorted(done.failed), MOST_NAMED)}"
    await rename_run(f"{name} {counted(count, 'system')}{said if done.failed else ''}")
    if after is not None:
        await after(settings, done)
    _fail(done.failed, count)
    return {"systems": dict(sorted(done.results.items()))}


def _fail(failed: Mapping[str, str], systems: int) -> None:
    for one, why in sorted(failed.items()):
        get_run_logger().error("%s: %s", one, why)
    if failed:
        lines = [f"{one} ({why})" for one, why in sorted(failed.items())]
        raise ScorekeeperError(
            f"{len(failed)} of {systems} systems failed: {name_some(lines, MOST_NAMED, separator='; ')}"
        )
