"""After a restore from a backup: what came in since is taken in again, from the archive and the published dataset.

Each decision comes in exactly once, with the time of its first arrival, so that none becomes late.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from itertools import count, islice
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection

from scorekeeper.decisions.decision import DecisionContext
from scorekeeper.decisions.reading_rules import make_reading
from scorekeeper.decisions.strict_json import DecisionError
from scorekeeper.inbox import store_decisions
from scorekeeper.inbox.places.choose import open_place
from scorekeeper.locks import Lock, hold
from scorekeeper.operations import import_dataset
from scorekeeper.operations.first_arrival import Said, is_known, read_records, read_said, received_at
from scorekeeper.operations.recover_files import FileRecovery
from scorekeeper.operations.recovered import BATCH, Recovered
from scorekeeper.publish import publish
from scorekeeper.publish.outputs import has_output, move_output
from scorekeeper.publish.set_aside import AHEAD
from scorekeeper.safe_text import escape_controls
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from scorekeeper.store.sql import statement
from scorekeeper.trades import close_requests, settle
from scorekeeper.trading_calendar import calendar_of
from scorekeeper.verify import unknown_files

RECOVERED = "recovered"  # in the name of a dataset that was set aside, once all of it is known


def recover(db: Database, settings: Settings, now: datetime, datasets: Sequence[Path] = ()) -> Recovered:
    """Take in what archive and quarantine hold and the database does not know, then what only the dataset holds.

    Log and dataset are published before and after. The first publication sets lines aside that the database does not
    know. `datasets`: others that contain what was lost, such as one that was set aside under another name, or a copy on
    another disk. May be repeated, and killed at any time. No ingest runs meanwhile. Raises ScorekeeperError.
    """
    paths = {"log_path": settings.log_path, "dataset_path": settings.dataset_path}
    done = Recovered(set_aside=publish.publish(db, **paths).explain())
    with hold(db.engine, Lock.INGEST):
        _Recovery(db, settings, now, done).run(datasets)
    done.set_aside += publish.publish(db, **paths).explain()
    return done


def _recovered_name(path: Path) -> Path:
    """A free name for a dataset that was set aside: an earlier recovery may have used the first ones."""
    names = (path.parent / re.sub(rf"{AHEAD}-\d+", f"{RECOVERED}-{number}", path.name) for number in count(1))
    return next(name for name in names if not has_output(name))


class _Recovery:
    def __init__(self, db: Database, settings: Settings, now: datetime, done: Recovered) -> None:
        self._db, self._settings, self._now, self._done = db, settings, now, done
        context = DecisionContext(
            now, settings.system_version, settings.max_hold_time_minutes, settings.timezone, None, settings.reading,
            settings.positions, settings.max_hold_sessions, calendar_of(settings.calendar), settings.costs,
        )  # fmt: skip
        # Published confidences are in percent, on whatever scale the files give them.
        self._published = msgspec.structs.replace(context, reading=make_reading(settings.words, {}))
        self._said: dict[str, Said] = {}
        self._files = FileRecovery(db, settings, now, done, context, self._said)

    def run(self, named: Sequence[Path]) -> None:
        set_aside = unknown_files.list_set_aside(self._settings.dataset_path)
        datasets = [*set_aside, *named]
        with self._db.begin() as connection:
            unknown = (ids for path in datasets for ids in unknown_files.find_unknown_ids(connection, path))
            missing = {one for ids in unknown for one in ids}
            # Of the archive by day: as they came.
            files = sorted(unknown_files.find_unknown_files(connection, self._settings), key=str)
        for path in datasets:
            for record in read_records(path):
                if record["trade_id"] in missing:
                    self._said.setdefault(record["trade_id"], read_said(record))
        for file in files:
            self._files.take(file)
        if self._said:
            for address in open_place(self._settings).look():
                self._files.take_told(address)
        for path in datasets:
            refused = len(self._done.refused)
            records = read_records(path)
            while some := list(islice(records, BATCH)):
                with self._db.begin() as connection:
                    self._take_records(connection, some, path)
            if path in set_aside and len(self._done.refused) == refused:
                move_output(path, _recovered_name(path))

    def _take_records(self, connection: Connection, records: list[dict[str, Any]], path: Path) -> None:
        """Take in decisions of a dataset that no file has brought, and the exits that candles do not decide again."""
        ids = {"ids": list({record["trade_id"] for record in records})}
        missing = set(connection.execute(statement("verify/select_unknown_ids"), ids).scalars())
        for record in records:
            if record["trade_id"] in missing:
                missing.discard(record["trade_id"])
                self._take_record(connection, record, path)
            if record.get("status") == "completed" and record.get("exit_price") is not None:
                self._done.exits += self._take_exit(connection, record)

    def _take_record(self, connection: Connection, record: dict[str, Any], path: Path) -> None:
        try:
            decision = import_dataset.read_decision(record, self._published)
        except DecisionError as exc:
            self._done.refused.append(escape_controls(f"{path}, {record['trade_id']}: {exc.field}: {exc.reason}"))
            return
        said = self._said.setdefault(decision.trade_id, read_said(record))
        if said.expires_at is not None:
            decision = msgspec.structs.replace(decision, expires_at=said.expires_at)
        # If the record does not say when the decision arrived, it counts as arrived when it was made.
        (verdict,) = store_decisions.record(
            connection, [decision], source_name=path.name, source_sha256=None, fee_bps=self._settings.fee_bps,
            received_at=received_at(decision, said, decision.opened_at),
        )  # fmt: skip
        if verdict.outcome != "accepted":
            return  # it was deleted by its age
        self._done.from_dataset += 1
        self._done.guessed += not is_known(said)

    def _take_exit(self, connection: Connection, record: dict[str, Any]) -> int:
        """Close a trade as it was closed, where that did not follow from candles; ask again for a close by hand."""
        trade_id, source, reason = record["trade_id"], record.get("price_source"), record.get("exit_reason")
        time, price = datetime.fromisoformat(record["exit_time"]), float(record["exit_price"])
        if source == "market":
            return reason == "manual" and close_requests.request_close(connection, trade_id, time) == "requested"
        if source == "quote":
            return settle.close_by_quote(
                connection, trade_id, price=price, at=time, as_of=self._now.replace(second=0, microsecond=0),
                reason=str(reason),
            )  # fmt: skip
        settle.open_settlement(connection)
        closed = import_dataset.close_as_imported(
            connection, trade_id, price, time, record.get("mfe_pct"), record.get("mae_pct"), self._now
        )
        settle.record_settlement(connection)
        return closed
