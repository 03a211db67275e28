"""The steps of tests/faults/model.py, done for real to an installation in a folder; each may be killed and repeated."""

import asyncio
import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox import ingest, quarantine, reader
from scorekeeper.metrics import score_update, voiding
from scorekeeper.operations import prune
from scorekeeper.publish import publish
from scorekeeper.settings import Settings, load_settings
from scorekeeper.store.database import Database, open_database
from scorekeeper.trades import close_requests, fetch, settle
from tests.faults.model import GRACE_MINUTES, KEEP_DAYS, SUSPECT_PCT, File, Step

BATCH_DECISIONS = 3  # so that small files, too, come in by several commits


def settings_in(folder: Path) -> Settings:
    """An installation that has its all in this folder, with a replay market."""
    return load_settings(
        inbox_dir=folder / "inbox", log_dir=folder / "logs", datasets_dir=folder / "datasets",
        scorekeeper_home=folder / "home", market=f"replay:{folder / 'market'}", candle_grace_minutes=GRACE_MINUTES,
        suspect_price_pct=SUSPECT_PCT, keep_candles_days=KEEP_DAYS, keep_archive_days=KEEP_DAYS,
    )  # fmt: skip


def perform(db: Database, settings: Settings, step: Step) -> str:
    """Do it; what is said of it ("" where nothing is)."""
    at = step.at
    if step.kind == "ingest":
        summary = ingest.ingest_files(db, settings, received_at=at)
        assert summary.trouble == []
    elif step.kind == "track":
        return track(db, settings, at)
    elif step.kind in ("publish", "rebuild"):
        act = publish.publish if step.kind == "publish" else publish.rebuild
        act(db, log_path=settings.log_path, dataset_path=settings.dataset_path)
    elif step.kind == "prune":
        prune.prune(db, settings, at)
    elif step.kind == "void":
        return db.transact(lambda c: voiding.void_decision(c, step.about, "a mock feed", at))
    elif step.kind == "close":
        moment = step.moment
        assert moment is not None
        return db.transact(lambda c: close_requests.request_close(c, step.about, moment))
    elif step.kind == "retry":
        retry(db, settings, step)
    else:
        assert step.kind == "write"
        assert step.file is not None
        write(settings.inbox_dir, step.file)
    return ""


def track(db: Database, settings: Settings, as_of: datetime) -> str:
    """As the flow does; "refused" where `as_of` lies before the last one."""
    try:
        prices = asyncio.run(
            fetch.fetch_prices(
                db,
                settings,
                as_of,
                now=as_of,
                tell=lambda *_: None,
            )
        )
    except ScorekeeperError as refused:
        if "lies before the last one" not in str(refused):
            raise
        return "refused"
    assert prices.failed == prices.unknown == prices.gone == []
    db.transact(lambda c: settle.settle(c, as_of, suspect_price_pct=settings.suspect_price_pct, asked=prices.asked))
    db.transact(lambda c: score_update.update_score(c, as_of))
    return ""


def retry(db: Database, settings: Settings, step: Step) -> None:
    """Put all files of a content back into the inbox, if something of it stands refused."""
    with db.begin() as connection:
        found = quarantine.list_quarantined(connection, settings, prefix=step.about)
    for one in found:
        quarantine.put_back(db, settings, one, step.at)


def write(inbox: Path, file: File) -> None:
    """As writers are asked to: elsewhere, and renamed in."""
    part = inbox / f"{file.name}.part"
    part.write_bytes(file.content)
    stamp = file.modified_at.timestamp()
    os.utime(part, (stamp, stamp))
    part.rename(inbox / file.name)


def main(spelled: str) -> None:
    """One step in a process of its own, in the working directory, and the database that DATABASE_URL names."""
    reader.BATCH_DECISIONS = BATCH_DECISIONS
    settings = settings_in(Path.cwd())
    with open_database(settings.database_url, settings.scorekeeper_home, migrate=False) as db:
        perform(db, settings, read(spelled))


def spell(step: Step) -> str:
    """The step as text, for another process."""
    moment = step.moment and step.moment.isoformat()
    return json.dumps({"kind": step.kind, "at": step.at.isoformat(), "about": step.about, "moment": moment})


def read(spelled: str) -> Step:
    """What `spell` made of a step."""
    given: dict[str, Any] = json.loads(spelled)
    moment = given["moment"] and datetime.fromisoformat(given["moment"])
    return Step(given["kind"], datetime.fromisoformat(given["at"]), given["about"], moment)
