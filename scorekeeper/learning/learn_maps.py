"""One step of learning: a recalibration map for each agent and UTC day in which calls of it became known."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from scorekeeper.learning.recalibration import MAP_ROW, MapRows, StatedCalls, Tally, add_days, tally_of, used_percents
from scorekeeper.learning.uniqueness import call_uniqueness
from scorekeeper.learning.window import Window, choose_end, micros, read_window
from scorekeeper.locks import Lock, lock
from scorekeeper.store.copy_columns import read_columns
from scorekeeper.store.sql import json_rows, statement

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_OUTCOMES = {"decision": ">i4", "returns": ">f8", "independent": ">f8"}
_DAY = timedelta(days=1)
# What an earlier row is asked for: its intervals are not.
_READ = tuple(name for name in MAP_ROW.names or () if not name.endswith(("_low", "_high")))


def learn_maps(connection: Connection, version: str, until: datetime) -> bool:
    """Make the maps of the UTC days that ended up to `until`, or of the first of them; whether some are left.

    Outcomes and votes are stored up to `until`. Runs in the caller's transaction. However the days are divided into
    steps, the rows are the same.
    """
    lock(connection, Lock.LEARN)
    after = connection.execute(statement("learning/select_mapped"), {"version": version}).scalar()
    last = _midnight(until)
    if after is None or after >= last:
        return False
    end = max(_midnight(choose_end(connection, version, after, last)), after + _DAY)
    window = read_window(connection, version, after, end)
    found = read_columns(connection, "learning/copy_window_outcomes", _OUTCOMES)
    places = found["decision"].astype(np.int64)
    is_new = (window.expires[places] > micros(after)) & (window.expires[places] <= micros(end))
    places, independent = places[is_new], found["independent"][is_new]
    calls = dict(_calls(window, places, found["returns"][is_new], independent))
    given = {"version": version, "agents": sorted(calls)}
    maps, tallies = _read_maps(connection, given), _read_tallies(connection, given)
    rows = [
        row
        for agent, of_agent in calls.items()
        for row in _rows(agent, maps.get(agent), tallies.get(agent), of_agent, (window.expires[places], independent))
    ]
    connection.execute(statement("learning/insert_maps"), {"version": version, "rows": json_rows(rows)})
    connection.execute(statement("learning/advance_mapped"), {"version": version, "until": end})
    return bool(end < last)


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _calls(
    window: Window, outcomes: Ints, returns: Floats, independent: Floats
) -> Iterator[tuple[str, StatedCalls]]:
    """The stated calls of each agent on `outcomes`: places in the window, in order."""
    outcome_of = np.full(len(window.opened), -1)
    outcome_of[outcomes] = np.arange(len(outcomes))
    called = np.flatnonzero(window.direction)
    own = call_uniqueness(
        window.opened, window.expires, window.decision[called], window.agent[called], len(window.agents)
    )
    outcome = outcome_of[window.decision[called]]
    stated = window.confidence[called] > 0  # False for none
    for number, agent in enumerate(window.agents):
        chosen = np.flatnonzero((outcome >= 0) & stated & (window.agent[called] == number))
        chosen = chosen[np.argsort(outcome[chosen])]
        if len(chosen):
            signal, place = called[chosen], outcome[chosen]
            yield agent, StatedCalls(
                window.opened[outcomes[place]], window.expires[outcomes[place]], window.confidence[signal],
                window.direction[signal] * returns[place] > 0, own[chosen], independent[place],
            )  # fmt: skip


def _read_maps(connection: Connection, given: dict[str, Any]) -> dict[str, MapRows]:
    """The maps before, of each agent that has any."""
    by_agent: dict[str, list[Any]] = {}
    for row in connection.execute(statement("learning/select_maps"), given):
        by_agent.setdefault(row.agent, []).append(row)
    found = {}
    for agent, rows in by_agent.items():
        maps = np.zeros(len(rows), MAP_ROW)
        for name in _READ:
            maps[name] = np.array([getattr(row, name) for row in rows], dtype=MAP_ROW[name])
        found[agent] = maps
    return found


def _read_tallies(connection: Connection, given: dict[str, Any]) -> dict[str, Tally]:
    """The last tally of each agent that has any."""
    return {
        row.agent: tally_of(row.independent, row.percents, row.weights_right, row.weights_wrong)
        for row in connection.execute(statement("learning/select_tallies"), given)
    }


def _rows(
    agent: str, maps: MapRows | None, tally: Tally | None, calls: StatedCalls, outcomes: tuple[Ints, Floats]
) -> Iterator[dict[str, Any]]:
    """The rows to store."""
    past = np.empty(0, MAP_ROW) if maps is None else maps
    rows, tallies = add_days(past, tally or Tally.empty(), calls, outcomes)
    for row, after in zip(rows, tallies, strict=True):
        told = dict(zip(MAP_ROW.names or (), row.tolist(), strict=True))
        percents, right, wrong = used_percents(after)
        low = told["gain_low"]
        yield told | {
            "agent": agent, "helps": None if np.isnan(low) else low > 0, "independent": after.independent,
            "percents": percents, "weights_right": right, "weights_wrong": wrong,
        }  # fmt: skip
