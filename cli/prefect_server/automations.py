"""What Prefect's server does by itself when something goes wrong: its automations, as they should be."""

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import typer

from cli.prefect_server.deployments import POOL
from scorekeeper.errors import ScorekeeperError
from tasks import alert_events

if TYPE_CHECKING:
    from uuid import UUID

    from prefect.client.orchestration import PrefectClient
    from prefect.events.actions import ActionTypes
    from prefect.events.schemas.automations import AutomationCore, EventTrigger

Labels = dict[str, str | list[str]]
# The installation, and each of its systems.
_ABOUT: str | list[str] = [alert_events.RESOURCE, f"{alert_events.RESOURCE}.*"]
LATE_SECONDS = 600
HEARTBEAT_SECONDS = 30
SILENT_SECONDS = 4 * HEARTBEAT_SECONDS
_DRAWDOWN = "The P&L after fees has fallen by DRAWDOWN_ALERT_PCT below its peak: scorekeeper metrics"
_ALERTS = {
    alert_events.FILE_QUARANTINED: "Decisions or files were rejected: scorekeeper quarantine list",
    alert_events.PRICE_STALE: "There are no prices for an open trade: scorekeeper doctor --exchange",
    alert_events.DRAWDOWN_BREACHED: _DRAWDOWN,
    alert_events.TRACK_LATE: "Decisions wait, and track has not run for ten minutes: scorekeeper doctor",
    alert_events.LEARN_FAILED: "What became known is not learned, and weights grow old: scorekeeper learn says why",
    alert_events.VERIFY_FAILED: "What is stored differs from its recomputation: scorekeeper verify",
}
_SUBJECT = "Scorekeeper: {{ event.event }}"
_BODY = "{{ automation.description }}\n{{ event.occurred }}: {{ event.payload }}"
_SILENT_BODY = "{{ automation.description }}"


def make_automations(notify: str | None) -> None:
    """Make the automations on the server, or update those there; `notify`: a notification block, as type/name.

    Raises ScorekeeperError.
    """
    asyncio.run(_make(notify))


async def _make(notify: str | None) -> None:
    from prefect.settings import PREFECT_API_URL

    from tasks.prefect_server import reach_server

    if not PREFECT_API_URL.value():
        raise ScorekeeperError("no Prefect server to make them on: set PREFECT_API_URL, or run scorekeeper up")
    async with reach_server() as client:
        block = await _find_block(client, notify) if notify else None
        for wanted in build(block):
            found = await client.read_automations_by_name(wanted.name)
            if found:
                wanted.enabled = found[0].enabled  # a user may have disabled it on purpose
                # The client's update_automation leaves out fields with default values, an action's type among them.
                body = wanted.model_dump(mode="json", exclude={"owner_resource"})
                await client.request("PUT", "/automations/{id}", path_params={"id": found[0].id}, json=body)
            else:
                await client.create_automation(wanted)
            for duplicate in found[1:]:
                await client.delete_automation(duplicate.id)
            typer.echo(f"{'kept' if found else 'made'}: {wanted.name}")
    if block is None:
        typer.echo("They show in the event feed only. To be notified, make a block, then --notify TYPE/NAME")


async def _find_block(client: "PrefectClient", name: str) -> "UUID":
    from prefect.exceptions import ObjectNotFound

    kind, _, block = name.partition("/")
    try:
        return (await client.read_block_document_by_name(block, kind)).id
    except ObjectNotFound:
        raise ScorekeeperError(f"there is no block {name!r}: prefect block ls shows them as TYPE/NAME") from None


def build(block: "UUID | None") -> "list[AutomationCore]":
    """The automations as they should be; `block`: the notification block to send to, None: no notification."""
    from prefect.client.schemas.objects import StateType
    from prefect.events.actions import CancelFlowRun, ChangeFlowRunState, DoNothing, SendNotification
    from prefect.events.schemas.automations import AutomationCore

    def notify(body: str) -> "list[ActionTypes]":
        return [SendNotification(block_document_id=block, subject=_SUBJECT, body=body) if block else DoNothing()]

    for_alerts = [
        AutomationCore(
            name=name, description=words,
            trigger=_when(expect={name}, match={"prefect.resource.id": _ABOUT}),
            actions=notify(_BODY),
        )
        for name, words in _ALERTS.items()
    ]  # fmt: skip
    runs: Labels = {"prefect.resource.id": "prefect.flow-run.*"}
    silent = AutomationCore(
        name="scorekeeper: track is silent",
        description=f"No track has completed for {LATE_SECONDS // 60} minutes: scorekeeper doctor",
        trigger=_unless(
            expect={"prefect.flow-run.Completed"}, match=runs, seconds=LATE_SECONDS,
            related={"prefect.resource.role": "deployment", "prefect.resource.name": "track"},
        ),
        actions=notify(_SILENT_BODY),
    )  # fmt: skip
    late = AutomationCore(
        name="scorekeeper: drop late runs",
        description="A run of track or ingest that has waited ten minutes for a worker. The next run does its work.",
        trigger=_unless(
            after={"prefect.flow-run.Late"}, match=runs, seconds=LATE_SECONDS,
            expect={f"prefect.flow-run.{state}" for state in ("Pending", "Running", "Cancelling", *_ENDED)},
            related={"prefect.resource.role": "deployment", "prefect.resource.name": ["track", "ingest"]},
            for_each={"prefect.resource.id"},
        ),
        actions=[CancelFlowRun()],
    )  # fmt: skip
    zombie = AutomationCore(
        name="scorekeeper: end zombie runs",
        description="A run that sends no heartbeat holds its deployment's slot. Needs heartbeats, see the docs.",
        trigger=_unless(
            after={"prefect.flow-run.heartbeat"}, match=runs, seconds=SILENT_SECONDS, for_each={"prefect.resource.id"},
            expect={"prefect.flow-run.heartbeat", *(f"prefect.flow-run.{state}" for state in _ENDED)},
            related={"prefect.resource.role": "tag", "prefect.resource.id": f"prefect.tag.{POOL}"},
        ),
        actions=[
            # Not forced: the trigger may fire for a run that has completed, and the server then refuses the change.
            ChangeFlowRunState(name="Crashed", state=StateType.CRASHED, message="it sends no heartbeat", force=False)
        ],
    )  # fmt: skip
    not_started = AutomationCore(
        name="scorekeeper: end runs that never began",
        description="A run that a worker claimed ten minutes ago and never started. It holds a slot.",
        trigger=_unless(
            after={"prefect.flow-run.Pending", "prefect.flow-run.Submitting", "prefect.flow-run.InfrastructurePending"},
            match=runs, seconds=LATE_SECONDS, for_each={"prefect.resource.id"},
            expect={f"prefect.flow-run.{state}" for state in ("Running", "Scheduled", *_ENDED)},
            related={"prefect.resource.role": "tag", "prefect.resource.id": f"prefect.tag.{POOL}"},
        ),
        actions=[
            ChangeFlowRunState(name="Crashed", state=StateType.CRASHED, message="it never started", force=False)
        ],
    )  # fmt: skip
    return [*for_alerts, silent, late, zombie, not_started]


_ENDED = ("Completed", "Failed", "Cancelled", "Crashed", "AwaitingRetry")


def _when(*, expect: set[str], match: Labels) -> "EventTrigger":
    from prefect.events.schemas.automations import EventTrigger, Posture

    return EventTrigger(expect=expect, match=match, posture=Posture.Reactive, threshold=1, within=timedelta(0))


def _unless(
    *, expect: set[str], match: Labels, seconds: int, related: Labels,
    after: set[str] | None = None, for_each: set[str] | None = None,
) -> "EventTrigger":  # fmt: skip
    from prefect.events.schemas.automations import EventTrigger, Posture

    return EventTrigger(
        after=after or set(), expect=expect, match=match, match_related=related, for_each=for_each or set(),
        posture=Posture.Proactive, threshold=1, within=timedelta(seconds=seconds),
    )  # fmt: skip
