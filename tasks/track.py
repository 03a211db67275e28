"""The tasks of the flow `track`."""

from datetime import UTC, datetime

from scorekeeper.market import open_market
from scorekeeper.market.sealed_candles import Asked
from scorekeeper.market.shared import SharedMarkets
from scorekeeper.metrics import score_update
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from scorekeeper.threads import run_in_thread
from scorekeeper.trades import fetch, settle
from tasks.at_work import is_one_of_several, run_logger
from tasks.engine import task
from tasks.progress import ProgressBar
from tasks.retries import REPEATABLE


@task(name="fetch candles", **REPEATABLE)
async def fetch_candles(
    db: Database, settings: Settings, as_of: datetime, markets: SharedMarkets | None = None
) -> fetch.Prices:
    """Fetch candles for each symbol with an open trade or an undecided decision; one that fails stops no other.

    `markets`: those that several systems of this run share.
    """
    bar = ProgressBar("candles-progress", "Symbols whose candles have been fetched")
    return await fetch.fetch_prices(
        db,
        settings,
        as_of,
        now=datetime.now(UTC),
        tell=run_logger().log,
        on_percent=None if is_one_of_several() else bar.show,
        opened_by=markets if markets is not None and is_one_of_several() else open_market,
    )


@task(name="settle trades", **REPEATABLE)
async def settle_trades(db: Database, settings: Settings, as_of: datetime, asked: Asked) -> settle.Settled:
    """Close what is due and fill in horizon returns; then, in a second transaction, update the days that changed.

    `asked`: what the fetch before it has asked the market.
    One task for both: the states and events of each minute's tasks are most of Prefect's database.
    """
    settled = await run_in_thread(
        db.transact,
        lambda c: settle.settle(c, as_of, suspect_price_pct=settings.suspect_price_pct, asked=asked),
    )
    await run_in_thread(db.transact, lambda c: score_update.update_score(c, as_of))
    return settled
