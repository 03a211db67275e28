"""`scorekeeper doctor`: check everything that can be wrong, and say what to do about it."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import AsJson, installation_options
from scorekeeper.errors import ScorekeeperError

if TYPE_CHECKING:
    from scorekeeper.operations.health import Check
    from scorekeeper.settings import Settings


@installation_options(each=True)
def doctor(
    json: AsJson = False,
    exchange: Annotated[bool, typer.Option("--exchange", help="Ask the exchange too: its clock.")] = False,
    end_stuck: Annotated[
        bool, typer.Option("--end-stuck", help="Mark stuck runs as Crashed, so that they hold no slot.")
    ] = False,
) -> None:
    """Look at everything that can be wrong, and say what to do.

    Home, database, schema, clocks, last track, oldest price, inbox, quarantine, disks; and with a Prefect server its
    deployments, workers and stuck runs. Makes and migrates nothing. Exit code 1 if something is red.
    """
    from cli.output.checks import print_checks
    from cli.prefect_server.checks import check_prefect
    from scorekeeper.operations.health import check_all
    from scorekeeper.settings import load_settings

    settings = load_settings()
    checks = check_all(settings, _now)
    if exchange:
        checks.append(asyncio.run(check_exchange(settings)))
    checks += check_prefect(settings, end_stuck=end_stuck)
    print_checks(checks, as_json=json)


def _now() -> datetime:
    return datetime.now(UTC)


async def check_exchange(settings: "Settings") -> "Check":
    """Whether the market of the settings answers, and whether its clock agrees with ours."""
    from scorekeeper.market import open_market
    from scorekeeper.operations.health import Check, compare_clocks

    try:
        async with open_market(
            settings.market, settings.candle_grace_minutes, **settings.market_options
        ) as market:
            before = _now()
            its_time = await market.now()
            after = _now()
    except ScorekeeperError as exc:
        return Check("exchange", "red", str(exc), "trades stay open until it answers, and close at their own minutes")
    if its_time is None:
        return Check("exchange", "ok", f"{settings.market} has no clock")
    # Some exchanges report whole seconds only.
    return compare_clocks("exchange", its_time, before - timedelta(seconds=1), after, "the exchange's clock")
