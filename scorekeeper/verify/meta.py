"""The meta-model: what it saw and predicted, and how it was judged, compared with a recompute."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from operator import attrgetter
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row

from scorekeeper.store.sql import statement
from scorekeeper.verify.candle_window import as_moment
from scorekeeper.verify.progress import Progress, silent
from scorekeeper.verify.read_candles import read_closes
from scorekeeper.verify.remeta import (
    DAY,
    HOUR,
    TARGETS,
    FitSums,
    Floats,
    Released,
    Traded,
    foretell,
    lay_out,
    near,
)
from scorekeeper.verify.remeta_judged import Apart, Foretold, Judge
from scorekeeper.verify.remeta_moves import NO_MOVES, Moves, measure_moves

MOST_NAMED = 20  # differences
MOST_MEASURED = 1_000  # trades of a version whose candles are read again
MOST_FITTED = 1_000_000  # trades in fits of a version that are looked at again, the newest fit first
MOST_JUDGED = 4  # rows of a version and target that are judged again
ROWS_AT_ONCE = 2_000
CANDLES_OF = 7 * DAY  # the trades whose candles are read at once
MOVES = ("hour_size", "day_size", "hour_return")
_SHORT = {"net_pnl": "net", "horizon": "horizon"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def check_meta_model(
    connection: Connection,
    version: str,
    holds_until: datetime,
    block_hours: int | None,
    progress: Progress = silent,
) -> Iterator[str]:
    """One line per difference, of the rows up to the last midnight that holds; further ones are not named."""
    given = {"version": version, "until": holds_until}
    until = connection.execute(statement("verify/select_meta_until"), given).scalar_one()
    if until is not None:
        of = f"meta-model of {version}"
        differences = _Compared(connection, version, until, (block_hours or 24) * HOUR).run(progress)
        yield from islice((f"{of}: {says}" for says in differences), MOST_NAMED)


class _Compared:
    """Goes through the trades of a version once, and sums up what its midnights are compared with."""

    def __init__(self, connection: Connection, version: str, until: int, block: int) -> None:
        self._connection, self._version, self._until = connection, version, until
        self._given = {"version": version, "until": until}
        models = connection.execute(statement("verify/select_meta_models"), self._given).all()
        self._names = sorted(
            {one["name"] for model in models if model.coefficients for one in model.coefficients["features"]}
        )
        self._released = Released()
        self._targets = [
            _Target(target, [model for model in models if model.target == target], self._names, block)
            for target in TARGETS
        ]

    def run(self, progress: Progress) -> Iterator[str]:
        connection, given = self._connection, self._given
        stored = connection.execute(statement("verify/count_meta_trades"), given).scalar_one()
        rows = connection.execute(
            statement("verify/select_meta_trades").execution_options(yield_per=ROWS_AT_ONCE), given
        )
        step, found = max(1, math.ceil(stored / MOST_MEASURED)), 0
        measured: list[Row[Any]] = []
        wrong: list[str] = []  # named first: the rest follows from it
        for some in rows.partitions(ROWS_AT_ONCE):
            trades = [_traded(row) for row in some]
            for number, (row, one) in enumerate(zip(some, trades, strict=True), found):
                wrong += islice(_compare_trade(row, one), MOST_NAMED - len(wrong))
                self._released.add(one)
                if row.is_stored and (stored - 1 - number) % step == 0:
                    measured.append(row)
            found += len(some)
            seen = lay_out(trades, self._names)
            for target in self._targets:
                target.add(some, trades, seen)
            progress("trades of the meta-model", len(some))
        if stored != found:
            yield f"{stored} trades are stored, {found} are found again"
        yield from wrong
        yield from _compare_moves(connection, self._version, measured)
        yield from chain.from_iterable(target.find(self._released, self._until) for target in self._targets)


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


def _compare_moves(connection: Connection, version: str, chosen: Iterable[Row[Any]]) -> Iterator[str]:
    """Of some trades, spread over all of them, the newest among them."""
    found = connection.execute(statement("verify/select_moved_symbols"), {"version": version})
    rules = {rule.symbol: rule for rule in found}
    by_symbol: dict[str, list[Row[Any]]] = {}
    for row in sorted(chosen, key=attrgetter("opened")):
        by_symbol.setdefault(row.symbol, []).append(row)
    for symbol, rows in sorted(by_symbol.items()):
        # Without a decision that counts no candle does.
        moves = _measure(connection, rules[symbol], rows) if symbol in rules else ((row, NO_MOVES) for row in rows)
        for row, again in moves:
            for name in MOVES:
                kept, wanted = getattr(row, name), getattr(again, name)
                if not near(kept, wanted):
                    yield f"{name} of {row.trade_id} is {kept}, recomputed {wanted}"


def _measure(connection: Connection, rule: Row[Any], rows: list[Row[Any]]) -> Iterator[tuple[Row[Any], Moves]]:
    """The moves before trades of one symbol, in order of their opening; but none whose candles may be pruned."""
    if rule.kept_from is not None:
        rows = [row for row in rows if row.opened - DAY - HOUR >= rule.kept_from]
    while rows:
        end = bisect_left(rows, rows[0].opened + CANDLES_OF, key=attrgetter("opened"))
        some, rows = rows[:end], rows[end:]
        since, until = some[0].opened - DAY - 2 * rule.width, some[-1].opened - rule.width
        opens, closes = read_closes(connection, rule.symbol, as_moment(since), as_moment(until))
        logs = np.log(closes)
        for row in some:
            yield row, measure_moves(opens, logs, row.opened, rule.width, rule.first_at)


class _Target:
    """The rows of one target: its fits, what they said of each trade, and how they were judged."""

    def __init__(self, target: str, models: Sequence[Row[Any]], names: Sequence[str], block: int) -> None:
        self._target, self._models, self._names, self._short = target, models, names, _SHORT[target]
        self._fits = {model.fitted: model.coefficients for model in models if model.fitted is not None}
        speaking = {model.as_of: model.coefficients for model in models if model.fitted == model.as_of}
        self._moments, self._speaking = sorted(speaking), speaking
        self._sums: dict[int, FitSums] = {}
        looked_at = 0
        for at in sorted(self._fits, reverse=True):
            trades = self._fits[at]["trades"]
            looked_at += trades if type(trades) is int else 0
            if self._sums and looked_at > MOST_FITTED:
                break
            self._sums[at] = FitSums(self._fits[at], names)
        self._apart, self._kept_apart = Apart(), Apart()
        self._wrong: list[str] = []
        judged = models[:: -max(1, math.ceil(len(models) / MOST_JUDGED))]
        self._judges = [
            (model, Judge(block, model.as_of, model.metrics.get("predicted"), model.metrics.get("kept")))
            for model in judged
        ]

    def add(self, rows: Sequence[Row[Any]], trades: Sequence[Traded], seen: Floats) -> None:
        """The next trades."""
        released = np.array([one.released for one in trades])
        own = np.array([one.uniqueness for one in trades])
        net = np.array([one.net[self._target] for one in trades])
        for at, sums in self._sums.items():
            among = released <= at
            if among.any():
                sums.add(seen[among], own[among], net[among])
        self._judge(rows, own, net)
        self._wrong += islice(self._compare_said(rows, seen), MOST_NAMED - len(self._wrong))

    def _judge(self, rows: Sequence[Row[Any]], own: Floats, net: Floats) -> None:
        said = np.array([getattr(row, f"p_{self._short}") for row in rows], dtype=np.float64)
        told = ~np.isnan(said)
        if not told.any():
            return
        market, base = (
            np.array([getattr(row, f"{name}_{self._short}") for row in rows], dtype=np.float64)[told]
            for name in ("market", "base")
        )
        kept = np.array([bool(getattr(row, f"kept_{self._short}")) for row in rows])[told]
        opened, expires = (np.array([getattr(row, name) for row in rows])[told] for name in ("opened", "expires"))
        foretold = Foretold(opened, expires, said[told], market, base, kept, own[told], net[told])
        apart = self._apart.add(foretold, np.ones(len(kept), dtype=np.bool_))
        kept_apart = self._kept_apart.add(foretold, kept)
        for _, judge in self._judges:
            judge.add(foretold, apart, kept_apart)

    def _compare_said(self, rows: Sequence[Row[Any]], seen: Floats) -> Iterator[str]:
        """What the fit of its time said of each trade."""
        said_names = [f"{name}_{self._short}" for name in ("p", "market", "base", "kept")]
        get_said, by_fit = attrgetter(*said_names), dict[int, list[int]]()
        for number, row in enumerate(rows):
            by_fit.setdefault(bisect_right(self._moments, row.opened // DAY * DAY) - 1, []).append(number)
        for place, numbers in sorted(by_fit.items()):
            wanted: list[tuple[Any, ...]] = [(None, None, None, None)] * len(numbers)
            if place >= 0:
                fit = self._speaking[self._moments[place]]
                p, market = (said.tolist() for said in foretell(fit, seen[numbers], self._names))
                base, least = fit["base_rate"], fit["keep_above"]
                wanted = [(one, other, base, one > least) for one, other in zip(p, market, strict=True)]
            for number, values in zip(numbers, wanted, strict=True):
                for name, kept, value in zip(said_names, get_said(rows[number]), values, strict=True):
                    if kept != value and not near(kept, value):
                        yield f"{name} of {rows[number].trade_id} is {kept}, recomputed {value}"

    def find(self, released: Released, until: int) -> Iterator[str]:
        """What differs of the midnights with rows and fits, of the newest fits, and of how some were judged."""
        yield from self._compare_models(released, until)
        yield from self._wrong
        for model, judge in self._judges:
            free, independent = released.until(model.as_of)
            wanted = judge.find() | {"trades": free, "independent_trades": independent}
            for name, value in wanted.items():
                kept = model.metrics[name] if name in model.metrics else getattr(model, name, None)
                if not near(kept, value):
                    yield f"{name} for {self._target} at {_day(model.as_of)} is {kept}, recomputed {value}"

    def _compare_models(self, released: Released, until: int) -> Iterator[str]:
        wanted = sorted(day for day in released.midnights if day <= until)
        if [model.as_of for model in self._models] != wanted:
            yield f"{len(self._models)} midnights have rows for {self._target}, {len(wanted)} have something new"
            return
        if sorted(self._fits) != (again := released.fit_midnights(self._target, until)):
            yield f"{len(self._fits)} fits for {self._target} are stored, {len(again)} are found again"
            return
        for at, sums in self._sums.items():
            for fault in sums.find():
                yield f"fit for {self._target} at {_day(at)}: {fault}"
        moments = sorted(self._fits)
        for model in self._models:
            place = bisect_right(moments, model.as_of)
            last = moments[place - 1] if place else None
            if model.fitted != last:
                yield (
                    f"at {_day(model.as_of)} speaks the fit of {model.fitted} for {self._target}, recomputed {last}"
                )


def _traded(row: Row[Any]) -> Traded:
    calls = zip(row.agents or (), row.directions or (), row.confidences or (), strict=True)
    return Traded(
        row.trade_id, row.opened, row.expires, row.uniqueness, row.side, row.symbol, row.confidence, row.score,
        {"net_pnl": row.net_pct, "horizon": row.horizon_net_pct}, row.hour_size, row.day_size, row.hour_return,
        {agent: (direction, confidence) for agent, direction, confidence in calls},
    )  # fmt: skip


def _day(micros: int) -> str:
    return f"{_EPOCH + timedelta(microseconds=micros):%Y-%m-%d}"
