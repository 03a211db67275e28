"""A process that does the whole job over one inbox, to be killed: python -m tests.faults.pipeline MARKET AS_OF…"""

import asyncio
import sys
from datetime import UTC, datetime, timedelta

from scorekeeper.decisions.symbols import spell
from scorekeeper.inbox import ingest, reader
from scorekeeper.market import binding, symbol_list
from scorekeeper.market.replay import ReplayMarket
from scorekeeper.metrics import rollups
from scorekeeper.publish import publish
from scorekeeper.settings import load_settings
from scorekeeper.store.database import open_database
from scorekeeper.trades import fetch, settle

RECEIVED_AT = datetime(2026, 1, 1, tzinfo=UTC)


def main(folder: str, *moments: str) -> None:
    settings = load_settings()
    reader.BATCH_DECISIONS = 100  # many commits to be killed between
    with open_database(settings.database_url, settings.scorekeeper_home) as db:
        ingest.ingest_files(db, settings, received_at=RECEIVED_AT)
        market = ReplayMarket(str(folder), settings.candle_grace_minutes)
        for as_of in map(datetime.fromisoformat, moments):
            with db.begin() as connection:
                last = connection.exec_driver_sql("SELECT begun_as_of FROM scorekeeper.market").scalar()
            if last is not None and as_of < last:
                continue
            db.transact(lambda c, at=as_of: binding.bind_market(c, market.name, at))  # type: ignore[misc]
            spellings = db.transact(symbol_list.select_spellings)
            listed = asyncio.run(market.read_spellings({spell(raw) for raw in spellings}))
            db.transact(lambda c, all=spellings, known=listed: symbol_list.release_decisions(c, all, known))  # type: ignore[misc]
            for need in db.transact(lambda c, at=as_of: fetch.select_needs(c, at)):  # type: ignore[misc]
                asyncio.run(fetch.fetch_symbol(db, market, need, as_of, suspect_price_pct=5))
            db.transact(lambda c, at=as_of: settle.settle(c, at, suspect_price_pct=5))  # type: ignore[misc]
            with db.begin() as connection:
                rollups.score_stale_days(connection, as_of)
                settle.mark_open_trades(connection, as_of)
                binding.advance_as_of(connection, as_of)
            publish.publish(db, log_path=settings.log_path, dataset_path=settings.dataset_path)


def follow() -> None:
    """Takes what there is in the inbox, in small batches, at a time when only an open file is waited for."""
    settings = load_settings()
    reader.BATCH_DECISIONS = 15
    with open_database(settings.database_url, settings.scorekeeper_home) as db:
        ingest.ingest_files(db, settings, received_at=datetime.now(UTC) + timedelta(seconds=6))


if __name__ == "__main__":
    main(*sys.argv[1:])
