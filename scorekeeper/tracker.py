"""The predecessor's Python interface, on the database and the statements that the flows use."""

import logging
import math
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from scorekeeper.decisions.timestamps import as_utc
from scorekeeper.errors import ScorekeeperError
from scorekeeper.learning import asked
from scorekeeper.market.symbol_list import find_symbol
from scorekeeper.metrics import query, rollups, voiding
from scorekeeper.metrics.breakdown import Breakdown
from scorekeeper.metrics.scorecard import store_scorecards
from scorekeeper.operations import record_many
from scorekeeper.operations.fast_record import FastRecorder, Recorded
from scorekeeper.operations.quotes import QuoteProvider, read_quote
from scorekeeper.publish import publish
from scorekeeper.publish.lines import dataset_record
from scorekeeper.store import cluster_folder
from scorekeeper.store.database import describe_database, open_database
from scorekeeper.store.sql import statement
from scorekeeper.trades import settle

logger = logging.getLogger("PerformanceTracker")


class PerformanceTracker:
    """Records decisions, closes trades and gives metrics. Every process that uses the database sees the same trades.

    Threads may share a tracker. A forked child may use it and gets its own connections. A pickled tracker opens the
    database again where it is unpickled. If the server stops, an embedded one is started again, and another is waited
    for, ten seconds long. Raises DatabaseError, a ScorekeeperError, if it does not come back.
    """

    def __init__(self, log_dir: str | Path | None = None, datasets_dir: str | Path | None = None) -> None:
        """Open the database that the environment or `.env` names, else an embedded Postgres.

        `log_dir` and `datasets_dir`: where the two files are published; by default LOG_DIR and DATASETS_DIR.
        """
        # pydantic takes a third as long as the database's library: a host that only imports the tracker does without.
        from scorekeeper.settings import check_one, load_settings

        self._settings = load_settings(log_dir=log_dir or None, datasets_dir=datasets_dir or None)
        check_one(self._settings)
        home = self._settings.scorekeeper_home
        begins = self._settings.database_url is None and not cluster_folder.has_cluster(home)
        self._db = open_database(self._settings.database_url, home, system=self._settings.system)
        logger.log(
            logging.WARNING if begins else logging.INFO, "%s in the home %s (%s), database %s",
            "a new history begins" if begins else "the history goes on",
            home, self._settings.home_from, describe_database(self._settings.database_url, home),
        )  # fmt: skip
        self._recorder = FastRecorder(self._db, **self._paths())
        self.version = self._settings.system_version
        self._closed = False

    def __reduce__(self) -> tuple[Any, ...]:
        self._check_open()
        return PerformanceTracker, (self._settings.log_dir, self._settings.datasets_dir)

    def record_decision(self, decision_data: dict[str, Any]) -> str:
        """Record a decision (the fields of a decision file; no timestamp: now) and return its trade_id.

        When this returns, the decision is on the disk in the database, and readers see its lines in the two files; in
        an object store they see them a second later, if another decision is recorded, or at `close`.
        An optional field that cannot be read is left out, with a warning in this module's log.
        Raises DecisionError, a ValueError, that names the invalid field.
        """
        self._check_open()
        context = record_many.context_of(self._settings, self.version, datetime.now(UTC))
        decision = record_many.read_decision(decision_data, context)
        fee_bps, trade_id = self._settings.fee_bps, decision.trade_id
        recorded = self._recorder.record(
            decision, source_name=record_many.SOURCE, received_at=context.received_at, fee_bps=fee_bps
        )
        if recorded in (Recorded.WHOLE, Recorded.LATER):
            return trade_id
        if recorded is Recorded.NOTHING:
            trade_id = record_many.id_of(decision, record_many.store(self._db, [decision], context, fee_bps)[0])
        self._publish()
        return trade_id

    def record_decisions(self, decisions: Iterable[dict[str, Any]]) -> list[str]:
        """Record many decisions, as record_decision does each, several times faster. Returns their trade_ids in order.

        When this returns, all are on the disk in the database, and readers see their lines. Up to 5,000 at a time, or
        16 MiB of their texts, are read and stored in one transaction: if the process dies in between, call it again. A
        decision that is stored already keeps its id. Those without a timestamp all get the time of the call: two that
        say the same are stored as one, and in the next call they are new ones.
        Raises RefusedError, a ValueError, if some are refused: it has the place and the field of each, and the ids of
        all others, which are stored.
        """
        self._check_open()
        context = record_many.context_of(self._settings, self.version, datetime.now(UTC))
        try:
            return record_many.record_many(self._db, decisions, context, self._settings.fee_bps)
        finally:
            self._publish()

    def update_performance(self, market_data_provider: QuoteProvider, max_hold_time: float | None = None) -> None:
        """Close the trades that stored candles close, then those that have been open for `max_hold_time` minutes.

        The latter close at the provider's quote, and so do trades whose close a decision (CLOSE, EXIT ...) asks for.
        Without `max_hold_time` nothing closes at a quote. A trade whose symbol has no usable quote stays open, and is
        logged. Raises ValueError if `max_hold_time` is negative or not finite.
        """
        self._check_open()
        if max_hold_time is not None and not 0 <= max_hold_time < math.inf:
            raise ValueError(f"max_hold_time: minutes from 0 on, not {max_hold_time!r}")
        now = datetime.now(UTC)
        as_of = now.replace(second=0, microsecond=0)
        self._settle(as_of)
        if max_hold_time is not None:
            self._db.transact(lambda connection: settle.match_exits(connection, now))
            trades = self._db.transact(
                lambda c: c.execute(statement("operations/select_open_to_quote"), {"at": now}).all()
            )
            due = [
                trade for trade in trades
                if trade.signal_at is not None or (now - trade.opened_at).total_seconds() >= 60 * max_hold_time
            ]  # fmt: skip
            quotes = {symbol: read_quote(market_data_provider, symbol) for symbol in {trade.symbol for trade in due}}
            for trade in due:
                if (price := quotes[trade.symbol]) is not None:
                    self._close(trade.trade_id, price, now, "expired" if trade.signal_at is None else "signal")
        self._score(now)
        self._publish()

    def manually_close_trade(self, trade_id: str, market_data_provider: QuoteProvider) -> dict[str, Any]:
        """Close a trade now, at the provider's quote, unless stored candles closed it before. Returns its record.

        Returns {"error": …} if the trade is not open, or has no price.
        """
        self._check_open()
        now = datetime.now(UTC)
        as_of = now.replace(second=0, microsecond=0)
        found = self._db.transact(
            lambda c: c.execute(statement("trades/select_trade"), {"trade_id": trade_id}).mappings().one_or_none()
        )
        if found is None or not found["is_trade"] or found["exit_time"] is not None:
            logger.warning("trade %s not found or already closed", trade_id)
            return {"error": "Trade not found"}
        self._settle(as_of)
        price = read_quote(market_data_provider, found["symbol"])
        if price is not None:
            self._close(trade_id, price, now, "manual")
        self._score(now)
        self._publish()
        row = self._db.transact(
            lambda c: c.execute(statement("operations/select_trade_record"), {"trade_id": trade_id}).mappings().one()
        )
        if not row["closed"]:
            return {"error": f"no price for {found['symbol']}"}
        record = dataset_record(row)
        assert record is not None
        return record

    def void_decision(self, trade_id: str, why: str) -> str:
        """Take a decision out of every figure, and store why. Returns "voided", "already voided" or "unknown"."""
        self._check_open()
        outcome = self._db.transact(lambda c: voiding.void_decision(c, trade_id, why, datetime.now(UTC)))
        self._publish()
        return outcome

    def get_system_metrics(
        self,
        *,
        version: str | None = None,
        symbol: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        include_suspect: bool = False,
        exclude_late: bool = False,
        by: str | None = None,
    ) -> dict[str, Any]:
        """Every figure of docs/metrics.md, of the system and of each agent, over all versions by default.

        `since` <= time < `until`, where the time is a trade's exit or a decision's expiry; naive times are UTC. `by`
        (symbol, interval, side, exit_reason, version, confidence, weekday or hour) adds `groups`, one per value.
        Raises ValueError for another `by`, or an invalid symbol.
        """
        self._check_open()
        breakdown = None if by is None else Breakdown(by)

        def work(connection: Connection) -> dict[str, Any]:
            # The answer is composed from several statements: a track that commits between them must not show in some.
            connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
            return query.system_metrics(
                connection,
                version=version,
                symbol=symbol and find_symbol(connection, symbol),
                since=since and as_utc(since),
                until=until and as_utc(until),
                include_suspect=include_suspect,
                exclude_late=exclude_late,
                by=breakdown,
                at=datetime.now(UTC),
                account_equity=self._settings.account_equity,
            )

        return self._db.transact(work, repeatable=True)

    def get_agent_weights(self, *, version: str | None = None, as_of: datetime | None = None) -> dict[str, Any] | None:
        """What `agent_weights.json` holds, and `stale`: too old to be used. None: nothing was learned.

        `version`: None for that of the newest decision. `as_of`: what was known then; a naive time is UTC.
        """
        self._check_open()
        return asked.ask_weights(self._db, self._settings, datetime.now(UTC), version, as_of and as_utc(as_of))

    def vote(self, agent_analyses: dict[str, Any], *, version: str | None = None) -> dict[str, Any]:
        """What the learned and the equal vote say of `agent_analyses`, read as a decision's are.

        `direction` is that of the vote in use: equal weights unless the learned ones are adopted and not stale.
        docs/learning.md defines the keys.
        """
        self._check_open()
        return asked.ask_vote(self._db, self._settings, datetime.now(UTC), agent_analyses, version=version)

    def get_feedback(self, agent: str, *, symbol: str | None = None, as_of: datetime | None = None) -> str:
        """How an agent's calls turned out, for its prompt: at most 200 words, of its last version (docs/agents.md).

        `as_of`: what was known then (naive: UTC); default: at the last track. Raises ValueError for an invalid symbol.
        """
        self._check_open()
        return asked.ask_feedback(self._db, agent, symbol, as_of and as_utc(as_of))

    def log_system_metrics(self) -> None:
        """Append a line with this version's metrics to the log."""
        self._check_open()
        now = datetime.now(UTC)
        self._db.transact(lambda connection: rollups.insert_metrics_line(connection, now, self.version))
        self._publish()

    def close(self) -> None:
        """Close the database; the last user of an embedded server stops it. Later calls raise ScorekeeperError."""
        try:
            if self._recorder.is_ahead:
                self._publish()
        finally:
            self._closed = True
            self._recorder.close()
            self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check_open(self) -> None:
        if self._closed:
            raise ScorekeeperError("this PerformanceTracker was closed: make a new one")

    def _settle(self, as_of: datetime) -> None:
        limit = self._settings.suspect_price_pct
        self._db.transact(
            lambda connection: settle.settle(connection, as_of, suspect_price_pct=limit, asked={}), repeatable=True
        )

    def _close(self, trade_id: str, price: float, now: datetime, reason: str) -> None:
        as_of = now.replace(second=0, microsecond=0)
        self._db.transact(
            lambda c: settle.close_by_quote(c, trade_id, price=price, at=now, as_of=as_of, reason=reason),
            repeatable=True,  # a closed trade is not closed again
        )

    def _score(self, now: datetime) -> None:
        # A close at a quote has its time to the second, so rollups are made as of now, not as of the minute.
        def work(connection: Connection) -> None:
            rollups.score_stale_days(connection, now)
            settle.mark_open_trades(connection, now.replace(second=0, microsecond=0))
            store_scorecards(connection, now)

        self._db.transact(work, repeatable=True)

    def _publish(self) -> None:
        try:
            for words in publish.publish(self._db, **self._paths()).explain():
                logger.warning("%s", words)
            self._recorder.follow()
        except (ScorekeeperError, SQLAlchemyError) as exc:
            # The rows are stored; the next publication appends their lines.
            logger.error("not published: %s", str(exc).partition("\n")[0])

    def _paths(self) -> dict[str, Path]:
        return {"log_path": self._settings.log_path, "dataset_path": self._settings.dataset_path}
