"""Flows and tasks as plain functions: for a command that has no Prefect server to tell.

Starting a server for one command costs some 15 seconds of CPU, and nothing shows what it is told. `tasks.engine`
offers these names in place of Prefect's, once a process has chosen them.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from functools import wraps
from types import SimpleNamespace
from typing import Any, ParamSpec, TypeVar

from scorekeeper.errors import ScorekeeperError
from tasks.retries import may_pass

P = ParamSpec("P")
R = TypeVar("R")
LOGGER = "scorekeeper.flow_runs"

_chosen = False


def choose() -> None:
    """From now on the flows of this process are plain functions. Call it before a flow is imported."""
    global _chosen
    _chosen = True


def is_chosen() -> bool:
    """Whether the flows of this process are plain functions."""
    return _chosen


def flow(**_about: Any) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """The function itself; what Prefect is told about a flow is shown nowhere."""
    return lambda function: function


def task(
    *, retries: int = 0, retry_delay_seconds: float | list[float] = 0, **_about: Any
) -> Callable[[Callable[P, Awaitable[R]]], Callable[P, Awaitable[R]]]:
    """The function, repeated as Prefect repeats a task: `retries` times more, while the failure may pass."""

    def decorate(function: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
        @wraps(function)
        async def run(*args: P.args, **named: P.kwargs) -> R:
            for attempt in range(retries):
                try:
                    return await function(*args, **named)
                except Exception as exc:
                    if not may_pass(exc):
                        raise
                    get_run_logger().warning("failed (%s); the next attempt follows", type(exc).__name__)
                delays = retry_delay_seconds
                await asyncio.sleep(delays[attempt] if isinstance(delays, list) else delays)
            return await function(*args, **named)

        run.fn = function  # type: ignore[attr-defined]  # as a task of Prefect has it
        return run

    return decorate


def get_run_logger() -> logging.Logger:
    """The logger of what would be a run. A command shows its lines as progress.

    With SCOREKEEPER_DEBUG errors go to standard error: no server keeps the traceback of one system's among several.
    """
    logger = logging.getLogger(LOGGER)
    if logger.propagate:
        logger.propagate = False
        logger.setLevel(logging.INFO)
        shown = logging.StreamHandler() if os.environ.get("SCOREKEEPER_DEBUG") else logging.NullHandler()
        shown.setLevel(logging.ERROR)
        logger.addHandler(shown)
    return logger


async def post_event(_name: str, _resource: str, _payload: dict[str, Any]) -> None:
    """Raises ScorekeeperError: the event stays to be told by a run that has a server."""
    raise ScorekeeperError("there is no Prefect server to tell")


class Artifact:
    """What Prefect's UI would show. It is written nowhere."""

    def __init__(self, **given: Any) -> None:
        self.key = given["key"]


MarkdownArtifact = TableArtifact = LinkArtifact = Artifact

# There is no run and no deployment that a function could ask about.
runtime = SimpleNamespace(
    flow_run=SimpleNamespace(id=None, scheduled_start_time=None), deployment=SimpleNamespace(id=None)
)
