"""`scorekeeper watch`: the inbox's watcher, for a Prefect server of the user's own."""

import asyncio
from functools import partial

import typer

from cli import stopping
from cli.installation import load_for_prefect
from cli.logs import begin_logs
from cli.options import installation_options


@installation_options("home", "inbox", "system")
def watch() -> None:
    """Tell Prefect when decision files arrive.

    For a Prefect server of your own (PREFECT_API_URL); scorekeeper up watches by itself. One event tells of many files,
    and while files wait it is sent again every 10 seconds. Needs no database. Ends with Ctrl-C.
    """
    settings = load_for_prefect()
    begin_logs(settings, "watcher")
    from tasks.inbox_watcher import inboxes_of, watch_inboxes

    async def until_signal() -> None:
        stop = asyncio.Event()

        def end(number: int) -> None:
            stopping.stop_in_time(number)
            stop.set()

        for number in stopping.SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, end, number)
        await watch_inboxes(partial(inboxes_of, settings), stop, typer.echo)

    asyncio.run(until_signal())
