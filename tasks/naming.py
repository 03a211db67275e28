"""Names by which a run can be told from the others in the UI."""

from prefect import runtime
from prefect.client.orchestration import get_client

from scorekeeper.phrases import and_more


async def rename_run(name: str) -> None:
    """Let the flow run that this is called in be named after what it did."""
    run_id = runtime.flow_run.id
    if run_id is None:
        return
    async with get_client() as client:
        await client.update_flow_run(run_id, name=name[:200])


def counted(number: int, noun: str) -> str:
    """The number with its noun: 1 file, 2 files."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def trouble(failed: list[str]) -> str:
    """What is said of symbols without prices at the end of a name."""
    if not failed:
        return ""
    return f", no prices for {failed[0].split(' (')[0]}{and_more(len(failed), 1)}"
