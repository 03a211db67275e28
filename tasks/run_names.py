"""Names that show in Prefect's UI what each run did."""

from scorekeeper.phrases import and_more
from tasks.at_work import is_one_of_several
from tasks.engine import runtime


async def rename_run(name: str) -> None:
    """Name the current flow run after what it did. A run over several systems is named once, when all are done."""
    run_id = runtime.flow_run.id
    if run_id is None or is_one_of_several():
        return
    from prefect.client.orchestration import get_client

    async with get_client() as client:
        await client.update_flow_run(run_id, name=name[:200])


def counted(number: int, noun: str) -> str:
    """The number with its noun: 1 file, 2 files."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def no_prices_for(failed: list[str]) -> str:
    """The end of a run's name that says which symbols have no prices; empty if all have."""
    if not failed:
        return ""
    return f", no prices for {failed[0].split(' (')[0]}{and_more(len(failed), 1)}"
