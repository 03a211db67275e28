"""One HTML file that shows the score: `write_report`. No network, no clock: the same rows give the same bytes."""

import hashlib
import re
from collections import defaultdict
from pathlib import Path
from typing import cast

import numpy as np
from sqlalchemy import Connection

from scorekeeper.analysis.run import last_analysis
from scorekeeper.decisions import word_warnings
from scorekeeper.inbox.not_understood import read_unread
from scorekeeper.learning.drawn import MOST_MOMENTS, most_calling
from scorekeeper.learning.learned import read_history, read_learned
from scorekeeper.locations import Location, PathOrAddress
from scorekeeper.metrics.query import system_metrics
from scorekeeper.publish.outputs import replace_output
from scorekeeper.publish.target import make_absolute
from scorekeeper.report.figures import Tenth, Trades
from scorekeeper.report.page import render_report
from scorekeeper.store.database import Database
from scorekeeper.store.sql import statement

ROWS_AT_A_TIME = 50_000


def write_report(
    db: Database, folder: Location, *, version: str | None = None, output: Path | None = None, fee_bps: float = 10.0,
    account_equity: float | None = None,
) -> PathOrAddress:  # fmt: skip
    """Write the report of `version` (None: all) to `output`, else into `folder`; the file's path or address.

    `fee_bps`: the fee of one side, of which the part on what was learned speaks. `account_equity`: see system_metrics.
    Written beside its name and renamed: a reader sees the old one or the new one, whole.
    """
    path = make_absolute(output or folder / report_name(version))
    page = build_report(db, version=version, fee_bps=fee_bps, account_equity=account_equity)
    replace_output(path, page.encode("utf-8"))
    return cast(PathOrAddress, path)


def report_name(version: str | None) -> str:
    """The report's file name. It contains a hash where the version's name cannot be a file's name."""
    if version is None:
        return "report.html"
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", version)[:60]
    changed = "" if safe == version else f"-{hashlib.sha256(version.encode()).hexdigest()[:8]}"
    return f"report-{safe}{changed}.html"


def build_report(
    db: Database, *, version: str | None = None, fee_bps: float = 10.0, account_equity: float | None = None
) -> str:
    """The report as one HTML document, of one state of the database."""
    with db.engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection, connection.begin():
        metrics = system_metrics(connection, version=version, account_equity=account_equity)
        trades, tenths = _read_trades(connection, version), _read_tenths(connection, version)
        lines = _read_not_understood(connection)
        learned = read_learned(connection, fee_bps=fee_bps, version=version)
        history = {} if learned is None else read_history(connection, learned, most_calling(learned), MOST_MOMENTS)
        analysis = last_analysis(connection, version)
        return render_report(metrics, trades, tenths, analysis, lines, (learned, history))


def _read_not_understood(connection: Connection) -> list[str]:
    found = read_unread(connection)
    lines = [f"{line} ({word_warnings.ADD_WORDS})" for line in word_warnings.tell_unread(found.words)]
    if small := word_warnings.tell_small(found.small):
        lines.append(f"{small} ({word_warnings.SET_SCALE})")
    if found.noted:
        lines.append(f"{found.noted:,} decisions with a field that was left out, or decided about (view report_notes)")
    return lines


def _read_trades(connection: Connection, version: str | None) -> Trades:
    """Closed trades that count, in order of exit, a part at a time: as objects millions would not fit."""
    parts = [np.empty((0, 6))]
    rows = connection.execution_options(stream_results=True, yield_per=ROWS_AT_A_TIME).execute(
        statement("report/select_report_trades"), {"version": version}
    )
    parts += [np.array([tuple(row) for row in part], dtype=float) for part in rows.partitions()]
    return Trades(*np.concatenate(parts).T)


def _read_tenths(connection: Connection, version: str | None) -> dict[str, list[Tenth]]:
    """Each agent's scored calls by tenths of stated confidence."""
    tenths: defaultdict[str, list[Tenth]] = defaultdict(list)
    for row in connection.execute(statement("report/select_report_confidences"), {"version": version}):
        tenths[row.agent].append(Tenth(row.n, row.correct, row.mean_confidence))
    return dict(tenths)
