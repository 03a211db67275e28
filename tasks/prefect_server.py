"""Prefect's server as our tasks use it: reaching it, and posting events to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from prefect import runtime
from prefect.client.orchestration import PrefectClient, get_client
from prefect.context import AsyncClientContext, SyncClientContext
from prefect.events import Event, RelatedResource, Resource
from prefect.settings import PREFECT_API_URL

from scorekeeper.errors import ScorekeeperError


async def post_event(name: str, resource: str, payload: dict[str, Any]) -> None:
    """Post the event `name` of `resource`, related to the current flow run, if any. Raises ScorekeeperError.

    Posted over HTTP: Prefect's `emit_event` reports no error when the server is away.
    """
    run_id = runtime.flow_run.id
    run = {"prefect.resource.id": f"prefect.flow-run.{run_id}", "prefect.resource.role": "flow-run"}
    related = [RelatedResource(run)] if run_id else []
    event = Event(event=name, resource=Resource({"prefect.resource.id": resource}), payload=payload, related=related)
    async with reach_server() as client:
        await client.request("POST", "/events", json=[event.model_dump(mode="json")])


@asynccontextmanager
async def reach_server() -> AsyncIterator[PrefectClient]:
    """A client of the server. Raises ScorekeeperError if the server is away, or its answer is not Prefect's."""
    try:
        async with get_client() as client:
            yield client
    except (httpx.HTTPError, ValueError) as exc:  # ValueError: the answer is not one of Prefect's
        raise explain_failure(exc) from None


@asynccontextmanager
async def one_client() -> AsyncIterator[None]:
    """Let everything that is awaited inside reach the server by the same client, Prefect's engine included.

    For a process that stays: each new client reads the certificates of all authorities, which takes 20 ms of CPU, opens
    a connection, and asks for a token before it changes something.
    """
    async with AsyncClientContext():
        with SyncClientContext():
            yield


def explain_failure(exc: BaseException) -> ScorekeeperError:
    """The error to show for one of asking the server: it refuses our password, is away, or is none of Prefect's."""
    if isinstance(exc, httpx.HTTPStatusError) and exc.response.status_code in (401, 403):
        return ScorekeeperError(
            f"the Prefect server at {server_address()} does not let us in: set PREFECT_API_AUTH_STRING (Cloud: "
            "PREFECT_API_KEY)"
        )
    return ScorekeeperError(
        f"the Prefect server at {server_address()} gives no answer ({type(exc).__name__}): see that it runs "
        "(scorekeeper up), and that PREFECT_API_URL names its API"
    )


def server_address() -> str:
    """The server's address without a user name or password in it."""
    return str(PREFECT_API_URL.value()).rsplit("@", 1)[-1]
