"""One step of the meta-model: fits at midnights, what they predict of later trades, and how well they did."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from scorekeeper.learning.constants import DAY, HOUR, META_GROWTH, META_LEAST_TRADES
from scorekeeper.learning.meta_document import Fit, describe_judged, read_fit, write_fit
from scorekeeper.learning.meta_verdict import Predicted, judge
from scorekeeper.learning.meta_walk import Said, fit_walk, predict_walk, released_at
from scorekeeper.learning.meta_window import TARGETS, MetaWindow, read_meta_window
from scorekeeper.learning.window import from_copy, micros, moment, to_copy
from scorekeeper.locks import Lock, lock
from scorekeeper.store.copy_columns import read_columns, write_columns
from scorekeeper.store.sql import json_rows, statement
from scorekeeper.store.temporary import drop_temporary

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

STEP_TRADES = 250_000  # that one step takes in
_ROWS = 500  # of meta_model that one statement writes
_WORDS = ("p", "market", "base", "kept")
_SAID = {f"{word}_{target}": ">i4" if word == "kept" else ">f8" for target in TARGETS for word in _WORDS}
_STORED = {
    "opened": ">i8", "expires": ">i8", "released": ">i8", "uniqueness": ">f8", "net_pnl": ">f8", "horizon": ">f8",
} | _SAID  # fmt: skip
_NEW = {"trade": ">i4", "released": ">i8", "hour_size": ">f8", "day_size": ">f8", "hour_return": ">f8"} | _SAID


@dataclass(frozen=True)
class _Trades:
    """Trades of a version in order of (expires_at, trade_id), as columns; times in microseconds since 1970."""

    opened: Ints
    expires: Ints
    released: Ints
    uniqueness: Floats
    net: dict[str, Floats]
    said: dict[str, Said]


def learn_meta_model(connection: Connection, version: str, until: datetime) -> bool:
    """Make the rows of meta_trade and meta_model up to the last midnight; whether some are left for another step.

    Outcomes up to `until` are stored already. Runs in the caller's transaction. However the days are divided into
    steps, the rows are the same.
    """
    lock(connection, Lock.LEARN)
    progress = connection.execute(statement("learning/select_progress"), {"version": version}).one_or_none()
    if progress is None:
        return False
    midnight = moment(micros(min(until, progress.learned_until)) // DAY * DAY)
    given = {"version": version, "until": midnight}
    after, is_new = connection.execute(statement("learning/select_meta_work"), given).one()
    if not is_new:
        return False
    end: datetime = _choose_end(connection, version, after, midnight)
    # None but those that a change has left without their rows of meta_model.
    connection.execute(statement("learning/delete_meta_trades"), {"version": version, "after": after or "-infinity"})
    old = _read_stored(connection, version)
    new = read_meta_window(connection, version, after, end, whole=False)
    trades = _join(old, new)
    fits = _read_fits(connection, version, moment(int(new.opened.min())) if len(new.opened) else end)
    first = micros(after) // DAY + 1 if after is not None else -(-int(new.expires[0]) // DAY)
    midnights = np.arange(first, micros(end) // DAY + 1) * DAY
    place = _fit(connection, version, after, end, trades, fits, midnights)
    for target in TARGETS:
        models = [(fit.at, fit.model) for fit in fits[target]]
        said = predict_walk(models, new.features, new.names, new.opened)
        for field in fields(Said):
            column = getattr(trades.said[target], field.name)
            column[len(old.opened) :] = getattr(said, field.name)
    _write_trades(connection, trades, new, 0 if place is None else place - len(new.opened))
    block = (progress.block_hours or 24) * HOUR  # below 20 decisions there is nothing to judge
    rows = _judge(trades, fits, midnights, block, None if after is None else micros(after))
    for start in range(0, len(rows), _ROWS):
        part = json_rows(rows[start : start + _ROWS])
        connection.execute(statement("learning/insert_meta_models"), {"version": version, "rows": part})
    return end < midnight


def _choose_end(connection: Connection, version: str, after: datetime | None, until: datetime) -> datetime:
    """The midnight up to which one step works: `until`, or an earlier one if too many trades expire by then."""
    given = {"version": version, "after": after or "-infinity", "until": until}
    count = 0
    for day_ends_at, trades in connection.execute(statement("learning/count_meta_days"), given).tuples():
        count += trades
        if count > STEP_TRADES:
            return day_ends_at if day_ends_at < until else until
    return until


def _read_stored(connection: Connection, version: str) -> _Trades:
    drop_temporary(connection, "meta_stored")
    connection.execute(statement("learning/create_meta_stored"), {"version": version})
    found = read_columns(connection, "learning/copy_meta_stored", _STORED)
    return _Trades(
        from_copy(found["opened"]),
        from_copy(found["expires"]),
        from_copy(found["released"]),
        found["uniqueness"],
        {target: found[target] for target in TARGETS},
        {
            target: Said(
                found[f"p_{target}"], found[f"market_{target}"], found[f"base_{target}"], found[f"kept_{target}"] == 1
            )
            for target in TARGETS
        },
    )


def _read_fits(connection: Connection, version: str, since: datetime) -> dict[str, list[Fit]]:
    """The stored fits by target, in order: from the one that holds at `since` on."""
    found: dict[str, list[Fit]] = {target: [] for target in TARGETS}
    for row in connection.execute(statement("learning/select_meta_fits"), {"version": version, "since": since}):
        found[row.target].append(read_fit(row.coefficients))
    return found


def _join(old: _Trades, new: MetaWindow) -> _Trades:
    """All of them; of the new ones nothing is said yet."""
    n = len(new.opened)
    unknown, no = np.full(n, np.nan), np.zeros(n, dtype=np.bool_)

    def behind(said: Said) -> Said:
        p, market, base = (np.concatenate([one, unknown]) for one in (said.p, said.market, said.base))
        return Said(p, market, base, np.concatenate([said.kept, no]))

    return _Trades(
        np.concatenate([old.opened, new.opened]),
        np.concatenate([old.expires, new.expires]),
        np.concatenate([old.released, released_at(new.opened, new.expires)]),
        np.concatenate([old.uniqueness, new.uniqueness]),
        {target: np.concatenate([old.net[target], new.net[target]]) for target in TARGETS},
        {target: behind(old.said[target]) for target in TARGETS},
    )


def _fit(
    connection: Connection,
    version: str,
    after: datetime | None,
    end: datetime,
    trades: _Trades,
    fits: dict[str, list[Fit]],
    midnights: Ints,
) -> int | None:
    """Add the fits of these midnights. Returns how many trades meta_window holds then; None: only new ones.

    Of trades whose decisions were deleted by their age only their number is known, so what comes later is fitted on the
    others.
    """
    order = np.argsort(trades.released, kind="stable")
    released, uniqueness = trades.released[order], trades.uniqueness[order]
    independent = np.concatenate([[0.0], np.cumsum(uniqueness)])
    at_midnights = independent[np.searchsorted(released, midnights, side="right")]
    last = {target: fits[target][-1].independent if fits[target] else 0.0 for target in TARGETS}
    if not (at_midnights >= max(META_LEAST_TRADES, META_GROWTH * min(last.values()))).any():
        return None
    window = read_meta_window(connection, version, after, end, whole=True)
    deleted = 0.0
    if len(window.opened) < len(trades.opened):
        deleted = float(trades.uniqueness.sum() - window.uniqueness.sum())
        released = released_at(window.opened, window.expires)
        order = np.argsort(released, kind="stable")
        released, uniqueness = released[order], window.uniqueness[order]
    features = window.features[order]
    for target in TARGETS:
        net = window.net[target][order]
        walked = fit_walk(features, window.names, net, uniqueness, released, midnights, last[target], deleted)
        fits[target] += [Fit(at, known, model) for at, known, model in walked]
    return len(window.opened)


def _write_trades(connection: Connection, trades: _Trades, new: MetaWindow, place: int) -> None:
    """Store the new trades. `place`: the number of the first of them in meta_window."""
    first = len(trades.opened) - len(new.opened)
    values: dict[str, Any] = {
        "trade": place + np.arange(len(new.opened)), "released": to_copy(trades.released[first:]), **new.moves
    }  # fmt: skip
    for target, said in trades.said.items():
        values |= {f"{word}_{target}": getattr(said, word)[first:] for word in _WORDS}
    drop_temporary(connection, "new_meta_trade")
    connection.execute(statement("learning/create_new_meta_trades"))
    write_columns(connection, "learning/copy_new_meta_trades", _NEW, values)
    connection.execute(statement("learning/insert_meta_trades"))


def _judge(
    trades: _Trades, fits: Mapping[str, list[Fit]], midnights: Ints, block: int, after: int | None
) -> list[dict[str, Any]]:
    """The rows of meta_model: one per target and midnight since which something is new."""
    released = np.sort(trades.released)
    counts = np.searchsorted(trades.expires, midnights, "right"), np.searchsorted(released, midnights, "right")
    before = -1 if after is None else after
    first = np.searchsorted(trades.expires, before, "right"), np.searchsorted(released, before, "right")
    changed = np.zeros(len(midnights), dtype=np.bool_)
    for count, begin in zip(counts, first, strict=True):
        changed |= np.diff(count, prepend=begin) > 0
    at = np.flatnonzero(changed)
    order = np.argsort(trades.released, kind="stable")
    independent = np.concatenate([[0.0], np.cumsum(trades.uniqueness[order])])
    rows = []
    for target in TARGETS:
        said = trades.said[target]
        told = np.flatnonzero(~np.isnan(said.p))
        judged = judge(
            Predicted(
                trades.opened[told], trades.expires[told], said.p[told], said.market[told], said.base[told],
                said.kept[told], trades.uniqueness[told], trades.net[target][told],
            ),
            midnights[at], block,
        )  # fmt: skip
        begins = np.array([fit.at for fit in fits[target]], dtype=np.int64)
        written = [write_fit(fit) for fit in fits[target]]
        speaks = np.searchsorted(begins, midnights[at], side="right") - 1
        rows += [
            {
                "as_of": int(midnights[where]),
                "target": target,
                "trades": int(counts[1][where]),
                "independent_trades": float(independent[counts[1][where]]),
                "coefficients": None if speaks[number] < 0 else written[speaks[number]],
                "metrics": describe_judged(judged, number),
                "informs": judged.informs(number),
                "worth_it": judged.worth_it(number),
            }
            for number, where in enumerate(at.tolist())
        ]
    return rows
