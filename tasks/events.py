"""Events of ours on Prefect's server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from prefect import runtime
from prefect.client.orchestration import PrefectClient, get_client
from prefect.events import Event, RelatedResource, Resource
from prefect.settings import PREFECT_API_URL

from scorekeeper.errors import ScorekeeperError


async def post(name: str, resource: str, payload: dict[str, Any]) -> None:
    """Emit the event `name` of `resource`, related to the flow run that this is called in. Raises ScorekeeperError.

    Over HTTP and not by emit_event, which says nothing when the server is away.
    """
    run_id = runtime.flow_run.id
    run = {"prefect.resource.id": f"prefect.flow-run.{run_id}", "prefect.resource.role": "flow-run"}
    related = [RelatedResource(run)] if run_id else []
    event = Event(event=name, resource=Resource({"prefect.resource.id": resource}), payload=payload, related=related)
    async with reach_server() as client:
        await client.request("POST", "/events", json=[event.model_dump(mode="json")])


@asynccontextmanager
async def reach_server() -> AsyncIterator[PrefectClient]:
    """A client of the server. Raises ScorekeeperError if it does not answer as one."""
    try:
        async with get_client() as client:
            yield client
    except httpx.HTTPStatusError as refused:
        if refused.response.status_code not in (401, 403):
            raise _no_answer(refused) from None
        raise not_let_in() from None
    except (httpx.HTTPError, ValueError) as failed:  # ValueError: an answer that is no answer of Prefect's
        raise _no_answer(failed) from None


def not_let_in() -> ScorekeeperError:
    """What to say of a server that refuses our password."""
    return ScorekeeperError(
        f"the Prefect server at {shown_address()} does not let us in: set PREFECT_API_AUTH_STRING (Cloud: "
        "PREFECT_API_KEY)"
    )


def _no_answer(failed: Exception) -> ScorekeeperError:
    return ScorekeeperError(f"the Prefect server at {shown_address()} does not take events ({type(failed).__name__})")


def shown_address() -> str:
    """The address of the server without what may be a password."""
    return str(PREFECT_API_URL.value()).rsplit("@", 1)[-1]
