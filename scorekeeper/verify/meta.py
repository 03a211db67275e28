"""The meta-model: what it saw and predicted, and how it was judged, compared with a recompute."""

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row

from scorekeeper.store.sql import statement
from scorekeeper.verify.remeta import (
    DAY,
    HOUR,
    Floats,
    Foretold,
    Traded,
    find_faults,
    fit_midnights,
    foretell,
    judge,
    lay_out,
    near,
)

MOST_NAMED = 20  # differences
MOST_MEASURED = 1_000  # trades of a version whose candles are read again
MOST_FITTED = 1_000_000  # trades in fits of a version that are looked at again, the newest fit first
MOST_JUDGED = 4  # rows of a version and target that are judged again
TARGETS = {"net_pnl": "net", "horizon": "horizon"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def check_meta_model(
    connection: Connection, version: str, holds_until: datetime, block_hours: int | None
) -> Iterator[str]:
    """One line per difference, of the rows up to the last midnight that holds; further ones are not named."""
    given = {"version": version, "until": holds_until}
    until = connection.execute(statement("verify/select_meta_until"), given).scalar_one()
    if until is not None:
        of = f"meta-model of {version}"
        differences = _compare(connection, version, until, (block_hours or 24) * HOUR)
        yield from islice((f"{of}: {says}" for says in differences), MOST_NAMED)


def _compare(connection: Connection, version: str, until: int, block: int) -> Iterator[str]:
    given = {"version": version, "until": until}
    rows = connection.execute(statement("verify/select_meta_trades"), given).all()
    trades = [_traded(row) for row in rows]
    stored = connection.execute(statement("verify/count_meta_trades"), given).scalar_one()
    if stored != len(rows):
        yield f"{stored} trades are stored, {len(rows)} are found again"
    for row, one in zip(rows, trades, strict=True):
        yield from _compare_trade(row, one)
    yield from _compare_moves(connection, version, rows)
    models = connection.execute(statement("verify/select_meta_models"), given).all()
    names = sorted({one["name"] for model in models if model.coefficients for one in model.coefficients["features"]})
    seen = lay_out(trades, names)
    for target, short in TARGETS.items():
        mine = [model for model in models if model.target == target]
        yield from _compare_models(mine, trades, seen, names, target, until)
        yield from _compare_said(mine, rows, seen, names, short)
        yield from _compare_judged(mine, rows, trades, target, short, block)


def _compare_trade(row: Row[Any], one: Traded) -> Iterator[str]:
    if not row.is_stored:
        yield f"trade {row.trade_id} is missing"
        return
    for name, kept, wanted in (
        ("released_at", row.released, one.released),
        ("uniqueness", row.stored_uniqueness, row.uniqueness),
        ("net_pct", row.stored_net_pct, row.net_pct),
        ("horizon_net_pct", row.stored_horizon_net_pct, row.horizon_net_pct),
    ):
        if not near(kept, wanted):
            yield f"{name} of {row.trade_id} is {kept}, recomputed {wanted}"


def _compare_moves(connection: Connection, version: str, rows: Sequence[Row[Any]]) -> Iterator[str]:
    """Of some trades, spread over all of them, the newest among them."""
    chosen = {row.trade_id: row for row in rows[:: -max(1, math.ceil(len(rows) / MOST_MEASURED))] if row.is_stored}
    given = {"version": version, "trade_ids": list(chosen)}
    for again in connection.execute(statement("verify/select_meta_moves"), given):
        for name in ("hour_size", "day_size", "hour_return"):
            kept, wanted = getattr(chosen[again.trade_id], name), getattr(again, name)
            if not near(kept, wanted):
                yield f"{name} of {again.trade_id} is {kept}, recomputed {wanted}"


def _compare_models(
    models: Sequence[Row[Any]],
    trades: Sequence[Traded],
    seen: Floats,
    names: Sequence[str],
    target: str,
    until: int,
) -> Iterator[str]:
    """The midnights with rows and fits, and the newest fits."""
    days = {-(-moment // DAY) * DAY for one in trades for moment in (one.expires, one.released)}
    wanted = sorted(day for day in days if day <= until)
    if [model.as_of for model in models] != wanted:
        yield f"{len(models)} midnights have rows for {target}, {len(wanted)} have something new"
        return
    fits = {model.fitted: model.coefficients for model in models if model.fitted is not None}
    if sorted(fits) != (again := fit_midnights(trades, target, until)):
        yield f"{len(fits)} fits for {target} are stored, {len(again)} are found again"
        return
    released = np.array([one.released for one in trades])
    own, net = np.array([one.uniqueness for one in trades]), np.array([one.net[target] for one in trades])
    looked_at = 0
    for at in sorted(fits, reverse=True):
        among = np.flatnonzero(released <= at)
        looked_at += len(among)
        if looked_at > MOST_FITTED and looked_at > len(among):
            break
        for fault in find_faults(fits[at], seen[among], names, own[among], net[among]):
            yield f"fit for {target} at {_day(at)}: {fault}"
    moments = sorted(fits)
    for model in models:
        place = bisect_right(moments, model.as_of)
        last = moments[place - 1] if place else None
        if model.fitted != last:
            yield f"at {_day(model.as_of)} speaks the fit of {model.fitted} for {target}, recomputed {last}"


def _compare_said(
    models: Sequence[Row[Any]], rows: Sequence[Row[Any]], seen: Floats, names: Sequence[str], short: str
) -> Iterator[str]:
    """What the fit of its time said of each trade."""
    fits = {model.as_of: model.coefficients for model in models if model.fitted == model.as_of}
    moments = sorted(fits)
    by_fit: dict[int, list[int]] = {}
    for number, row in enumerate(rows):
        by_fit.setdefault(bisect_right(moments, row.opened // DAY * DAY) - 1, []).append(number)
    for place, numbers in sorted(by_fit.items()):
        wanted: list[tuple[Any, ...]] = [(None, None, None, None)] * len(numbers)
        if place >= 0:
            fit = fits[moments[place]]
            p, market = (said.tolist() for said in foretell(fit, seen[numbers], names))
            base, least = fit["base_rate"], fit["keep_above"]
            wanted = [(one, other, base, one > least) for one, other in zip(p, market, strict=True)]
        for number, values in zip(numbers, wanted, strict=True):
            for name, value in zip(("p", "market", "base", "kept"), values, strict=True):
                kept = getattr(rows[number], f"{name}_{short}")
                if not near(kept, value):
                    yield f"{name}_{short} of {rows[number].trade_id} is {kept}, recomputed {value}"


def _compare_judged(
    models: Sequence[Row[Any]],
    rows: Sequence[Row[Any]],
    trades: Sequence[Traded],
    target: str,
    short: str,
    block: int,
) -> Iterator[str]:
    told = [
        Foretold(
            one.opened, one.expires, p, getattr(row, f"market_{short}"), getattr(row, f"base_{short}"),
            getattr(row, f"kept_{short}"), one.uniqueness, one.net[target],
        )
        for row, one in zip(rows, trades, strict=True)
        if (p := getattr(row, f"p_{short}")) is not None
    ]  # fmt: skip
    for model in models[:: -max(1, math.ceil(len(models) / MOST_JUDGED))]:
        free = [one for one in trades if one.released <= model.as_of]
        wanted = judge([one for one in told if one.expires <= model.as_of], block, model.as_of)
        wanted |= {"trades": len(free), "independent_trades": math.fsum(one.uniqueness for one in free)}
        for name, value in wanted.items():
            kept = model.metrics[name] if name in model.metrics else getattr(model, name, None)
            if not near(kept, value):
                yield f"{name} for {target} at {_day(model.as_of)} is {kept}, recomputed {value}"


def _traded(row: Row[Any]) -> Traded:
    calls = zip(row.agents or (), row.directions or (), row.confidences or (), strict=True)
    return Traded(
        row.trade_id, row.opened, row.expires, row.uniqueness, row.side, row.symbol, row.confidence, row.score,
        {"net_pnl": row.net_pct, "horizon": row.horizon_net_pct}, row.hour_size, row.day_size, row.hour_return,
        {agent: (direction, confidence) for agent, direction, confidence in calls},
    )  # fmt: skip


def _day(micros: int) -> str:
    return f"{_EPOCH + timedelta(microseconds=micros):%Y-%m-%d}"
