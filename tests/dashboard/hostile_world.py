"""A score in which every text that a stranger could have written is an attack, served on loopback."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from scorekeeper.analysis.run import analyze
from scorekeeper.learning.run import learn
from scorekeeper.report import write_report
from scorekeeper.settings import Settings, load_settings
from scorekeeper.store import embedded
from scorekeeper.store.database import Database, open_database
from tests.conftest import fresh_database
from tests.dashboard.serving import Served, serve
from tests.faults.test_shown import make_hostile
from tests.integration.trades.test_pipeline import take, track

BEFORE_ITS_END = timedelta(hours=37.5)  # where the market goes on, and some trades are open
PREFECT = "http://127.0.0.1:4200"


@dataclass
class World:
    """The database with its settings and market, and the dashboard that shows it."""

    db: Database
    settings: Settings
    market: Path
    as_of: datetime
    served: Served


@contextmanager
def open_world(cluster: embedded.Lease, folder: Path, sink: str) -> Iterator[World]:
    """Ingested, tracked to a moment at which some trades are open, analysed; `sink`: what the attacks would ask."""
    settings = load_settings(
        scorekeeper_home=folder, inbox_dir=folder / "inbox", log_dir=folder / "logs", datasets_dir=folder / "datasets"
    )
    market = folder / "market"
    with fresh_database(cluster) as url, open_database(url, folder) as db:
        at = datetime.fromisoformat(make_hostile(settings.inbox_dir, market, sink)) - BEFORE_ITS_END
        take(db, settings)
        with db.begin() as connection:  # each came in when it was made: nothing is learned from late ones
            connection.exec_driver_sql("UPDATE scorekeeper.decision SET received_at = opened_at")
        track(db, settings, market, at)
        db.transact(lambda connection: analyze(connection, at))
        learn(db, at)
        write_report(db, settings.reports_dir)
        with serve(db, prefect=PREFECT, reports=settings.reports_dir) as served:
            yield World(db, settings, market, at, served)
