"""What flows and tasks are made of, and where they are told: Prefect; or plain functions, where a command chose them.

The modules of flows and tasks import Prefect by this module alone, so that both ways share each step and their order.
What speaks to Prefect's server asks `HAS_SERVER` first, or for the run, which plain functions do not have.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from tasks import plain

P = ParamSpec("P")
R = TypeVar("R")

# Whether there is a server that is told what is done.
HAS_SERVER = not plain.is_chosen()

if TYPE_CHECKING or HAS_SERVER:
    import prefect
    from prefect import Task as Task
    from prefect import flow as flow
    from prefect import get_run_logger as get_run_logger
    from prefect import runtime as runtime
    from prefect.artifacts import Artifact as Artifact
    from prefect.artifacts import LinkArtifact as LinkArtifact
    from prefect.artifacts import MarkdownArtifact as MarkdownArtifact
    from prefect.artifacts import TableArtifact as TableArtifact
    from prefect.cache_policies import NO_CACHE

    from tasks.prefect_server import post_event as post_event
    from tasks.retries import may_pass

    async def _may_pass(_task: Any, _run: Any, state: Any) -> bool:
        return may_pass(await state.aresult(raise_on_failure=False))

    def task(
        *, name: str, retries: int = 0, retry_delay_seconds: float | list[float] = 0
    ) -> "Callable[[Callable[P, R]], Task[P, R]]":
        """A task of Prefect's: never cached, and repeated while its failure may pass."""
        about: dict[str, Any] = {"retry_condition_fn": _may_pass} if retries else {}
        return prefect.task(
            name=name, cache_policy=NO_CACHE, retries=retries, retry_delay_seconds=retry_delay_seconds, **about
        )
else:
    from tasks.plain import (  # noqa: F401
        Artifact,
        LinkArtifact,
        MarkdownArtifact,
        TableArtifact,
        flow,
        get_run_logger,
        post_event,
        runtime,
        task,
    )
