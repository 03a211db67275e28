"""Requests to close a trade, made by a person."""

from datetime import datetime

from sqlalchemy import Connection

from scorekeeper.errors import ScorekeeperError
from scorekeeper.locks import Lock, lock
from scorekeeper.store.retention import read_kept_from
from scorekeeper.store.sql import statement


def request_close(connection: Connection, trade_id: str, moment: datetime) -> str:
    """Ask for a trade to be closed at `moment`, rounded down to the minute but not to before its entry.

    Returns what became of the request: requested, already requested, closed, not open yet, no trade or unknown. Works
    inside the caller's transaction and may be repeated. A request may be made after its moment: then the trade's
    exit_known_at is later than its exit_time.
    """
    # A settlement that is under way may close the trade. Only the next one reads the request.
    lock(connection, Lock.SETTLE)
    row = connection.execute(statement("trades/select_trade"), {"trade_id": trade_id}).mappings().one_or_none()
    if row is None:
        return "unknown"
    if not row["is_trade"]:
        return "no trade"
    if row["exit_time"] is not None:
        return "closed"
    if row["close_requested_at"] is not None:
        return "already requested"
    kept_from = read_kept_from(connection)
    if kept_from is not None and moment < kept_from:
        raise ScorekeeperError(f"{trade_id} is not closed: decisions of that time were deleted by their age")
    minute = moment.replace(second=0, microsecond=0)
    asked = {"trade_id": trade_id, "moment": moment, "minute": minute}
    changed = connection.execute(statement("trades/request_close"), asked).rowcount
    return "requested" if changed else "not open yet"
