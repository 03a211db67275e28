"""The predecessor's Python interface, on the same Postgres and the same statements as the flows."""

import logging
import math
from datetime import UTC, datetime
from decimal import Decimal
from numbers import Real
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from scorekeeper.decisions.decision import DecisionContext
from scorekeeper.decisions.parse import parse_decision
from scorekeeper.decisions.prices import is_price
from scorekeeper.decisions.strict_json import to_json
from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox import store_decisions
from scorekeeper.market.symbol_list import find_symbol
from scorekeeper.metrics import query, rollups, voiding
from scorekeeper.metrics.breakdown import Breakdown
from scorekeeper.metrics.scorecard import store_scorecards
from scorekeeper.operations.fast_record import FastRecorder, Recorded
from scorekeeper.publish import publish
from scorekeeper.publish.lines import dataset_record
from scorekeeper.safe_text import escape_controls
from scorekeeper.settings import load_settings
from scorekeeper.store import cluster_folder
from scorekeeper.store.database import describe_database, open_database
from scorekeeper.store.sql import statement
from scorekeeper.trades import settle

logger = logging.getLogger("PerformanceTracker")


class QuoteProvider(Protocol):
    """Whatever knows what a symbol costs now."""

    def get_current_price(self, symbol: str) -> float:
        """The price of a symbol such as BTC/USDT."""
        ...


class PerformanceTracker:
    """Records decisions, closes what is due, and says how good the system is; every process sees the same trades.

    Threads may share one. So may the children of a fork, each with connections of its own, and what is handed to a
    process that is spawned opens there anew. It outlives its server: an embedded one that was killed is started again,
    and another is waited for, for ten seconds. Raises DatabaseError, a ScorekeeperError, if it does not come back.
    """

    def __init__(self, log_dir: str | Path | None = None, datasets_dir: str | Path | None = None) -> None:
        """Open the database that the environment or `.env` names (none: an embedded Postgres).

        `log_dir` and `datasets_dir` (default: LOG_DIR and DATASETS_DIR) are where the two files are published.
        """
        self._settings = load_settings(
            log_dir=log_dir and Path(log_dir).absolute(), datasets_dir=datasets_dir and Path(datasets_dir).absolute()
        )
        home = self._settings.scorekeeper_home
        begins = self._settings.database_url is None and not cluster_folder.has_cluster(home)
        self._db = open_database(self._settings.database_url, home)
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

        It is in the database when this returns, on the disk, and its lines are in the two files for whoever reads them.
        What it can do without and cannot be read is left out, with a warning in the log of this module.
        Raises DecisionError, a ValueError, that names the field at fault.
        """
        self._check_open()
        now = datetime.now(UTC)
        document = to_json(decision_data)
        if isinstance(document, dict) and document.get("timestamp") is None:
            document |= {"timestamp": now.isoformat()}
        settings = self._settings
        context = DecisionContext(
            now,
            self.version,
            settings.max_hold_time_minutes,
            settings.timezone,
            None,
            settings.reading,
            settings.positions,
        )
        decision = parse_decision(document, context=context)
        for note in decision.notes:
            logger.warning("%s: %s: %s", decision.trade_id, escape_controls(note.field), note.reason)
        if not decision.understood:
            logger.warning(
                "%s: the word %s is in no list and opens no trade (WORDS adds words)",
                decision.trade_id, escape_controls(decision.action),
            )  # fmt: skip
        source, fee_bps = "record_decision", settings.fee_bps
        recorded = self._recorder.record(decision, source_name=source, received_at=now, fee_bps=fee_bps)
        if recorded is Recorded.WHOLE:
            return decision.trade_id
        if recorded is Recorded.NOTHING:
            verdict = self._db.transact(
                lambda connection: store_decisions.record(
                    connection,
                    [decision],
                    source_name=source,
                    source_sha256=None,
                    received_at=now,
                    fee_bps=fee_bps,
                    by_custom=True,
                ),
                repeatable=True,  # a decision that came in meets itself
            )[0]
            if verdict.outcome == "conflict":
                raise ScorekeeperError(f"{decision.trade_id} has other content in {verdict.standing}")
        self._publish()
        return decision.trade_id

    def update_performance(self, market_data_provider: QuoteProvider, max_hold_time: float | None = None) -> None:
        """Close what the stored candles close; then, at the provider's quote, trades open for `max_hold_time` minutes.

        With `max_hold_time`, a trade whose close a decision (CLOSE, EXIT ...) has asked for is closed at the
        quote too; without it trades are only marked. A symbol without a usable quote is left open and logged.
        Raises ValueError for a `max_hold_time` that is negative or no number.
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
            quotes = {symbol: self._quote(market_data_provider, symbol) for symbol in {trade.symbol for trade in due}}
            for trade in due:
                if (price := quotes[trade.symbol]) is not None:
                    self._close(trade.trade_id, price, now, "expired" if trade.signal_at is None else "signal")
        self._score(now)
        self._publish()

    def manually_close_trade(self, trade_id: str, market_data_provider: QuoteProvider) -> dict[str, Any]:
        """Close a trade now, at the provider's quote (unless stored candles have closed it): its record.

        {"error": …} if it is not open, or has no price.
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
        price = self._quote(market_data_provider, found["symbol"])
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
        """Take a decision out of every figure, for a reason that is kept: voided, already voided or unknown."""
        self._check_open()
        answer = self._db.transact(lambda c: voiding.void_decision(c, trade_id, why, datetime.now(UTC)))
        self._publish()
        return answer

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
        """Every figure of docs/metrics.md, of the system and of each agent, over all versions unless told otherwise.

        `since` and `until` are half-open, on a trade's exit and a decision's expiry (naive: UTC). With `by` (symbol,
        interval, side, exit_reason, version, confidence, weekday or hour) there are `groups`, a part each, too.
        Raises ValueError for another `by`, or what cannot be a symbol.
        """
        self._check_open()
        parts = None if by is None else Breakdown(by)
        return self._db.transact(
            lambda connection: query.system_metrics(
                connection,
                version=version,
                symbol=symbol and find_symbol(connection, symbol),
                since=since and _in_utc(since),
                until=until and _in_utc(until),
                include_suspect=include_suspect,
                exclude_late=exclude_late,
                by=parts,
                at=datetime.now(UTC),
            ),
            repeatable=True,
        )

    def log_system_metrics(self) -> None:
        """Write a line with this version's metrics to the log."""
        self._check_open()
        now = datetime.now(UTC)
        self._db.transact(lambda connection: rollups.insert_metrics_line(connection, now, self.version))
        self._publish()

    def close(self) -> None:
        """Give the database back; the last user of an embedded one stops it. What is called afterwards is refused."""
        try:
            if self._recorder.is_ahead:
                self._publish()
        finally:
            self._closed = True
            self._recorder.close()
            self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _check_open(self) -> None:
        if self._closed:
            raise ScorekeeperError("this PerformanceTracker was closed: make a new one")

    def _settle(self, as_of: datetime) -> None:
        limit = self._settings.suspect_price_pct
        self._db.transact(lambda connection: settle.settle(connection, as_of, suspect_price_pct=limit), repeatable=True)

    def _close(self, trade_id: str, price: float, now: datetime, reason: str) -> None:
        as_of = now.replace(second=0, microsecond=0)
        self._db.transact(
            lambda c: settle.close_by_quote(c, trade_id, price=price, at=now, as_of=as_of, reason=reason),
            repeatable=True,  # what it closed is not open any more
        )

    def _score(self, now: datetime) -> None:
        # Quotes close at the second, not at the minute.
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
        except (ScorekeeperError, SQLAlchemyError) as failed:
            # The rows are safe; the next publication brings the lines.
            logger.error("not published: %s", str(failed).partition("\n")[0])

    def _paths(self) -> dict[str, Path]:
        return {"log_path": self._settings.log_path, "dataset_path": self._settings.dataset_path}

    def _quote(self, provider: QuoteProvider, symbol: str) -> float | None:
        price: object
        try:
            price = provider.get_current_price(symbol)
        except Exception:
            try:
                price = provider.get_current_price(symbol.replace("/", ""))
            except Exception as failed:
                logger.warning("no price for %s: %s", symbol, failed)
                return None
        if isinstance(price, bool) or not isinstance(price, Real | Decimal) or not is_price(float(price)):
            logger.warning("no usable price for %s: %r", symbol, price)
            return None
        return float(price)


def _in_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
