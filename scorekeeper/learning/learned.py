"""Reads what was learned, from the views that a reader may read."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, RowMapping

from scorekeeper.analysis.intervals import robust_mean
from scorekeeper.learning.document import AgentWeight, Block, CalibrationMap, Fees, Learned, MetaModel
from scorekeeper.store.sql import statement

LAST_OUTCOMES = 1_000  # of which the share worth trading is told


def read_learned(
    connection: Connection, *, fee_bps: float, version: str | None = None, at: datetime | None = None
) -> Learned | None:
    """What was learned of `version` at `at`; None if nothing was.

    `version`: None for that of the newest decision that counts. `at`: None for all that is learned; a moment counts as
    its whole hour. `fee_bps`: the fee of one side.
    """
    found = connection.execute(statement("learning/select_learned_version"), {"version": version, "at": at}).first()
    if found is None:
        return None
    as_of = found.learned_until if at is None else min(found.learned_until, _whole_hour(at))
    given = {"version": found.version, "at": as_of}
    state = connection.execute(statement("learning/select_state_at"), given).first()
    # Its 20th decision gives its blocks their length. Before that one there is no evidence, also of blocks before it.
    has_evidence = found.blocks_from is not None and found.blocks_from <= as_of
    blocks = connection.execute(statement("learning/select_evidence_until"), given) if has_evidence else ()
    return Learned(
        version=found.version,
        as_of=as_of.astimezone(UTC),
        block_hours=found.block_hours if has_evidence else None,
        outcomes=state.outcomes if state else 0,
        independent=state.independent if state else 0.0,
        beta=state.beta if state else 0.0,
        move_pct=state.move_pct if state else None,
        advantage_bps=state.advantage_bps if state else None,
        agents=tuple(AgentWeight(*row) for row in connection.execute(statement("learning/select_weights_at"), given)),
        blocks=tuple(Block(*row) for row in blocks),
        maps=tuple(
            _read_map(row) for row in connection.execute(statement("learning/select_maps_at"), given).mappings()
        ),
        models=tuple(MetaModel(*row) for row in connection.execute(statement("learning/select_models_at"), given)),
        fees=_read_fees(connection, given, fee_bps),
        stale_from=found.stale_from,
    )


def read_versions(connection: Connection) -> list[str]:
    """The versions of which something was learned, in order."""
    return sorted(connection.execute(statement("learning/select_learned_versions")).scalars())


def read_history(
    connection: Connection, learned: Learned, agents: Sequence[str], most: int
) -> dict[str, list[tuple[datetime, float]]]:
    """The weights of some agents over time, by agent: at most `most` moments, the last one included."""
    given = {"version": learned.version, "at": learned.as_of, "agents": list(agents), "most": most}
    history: dict[str, list[tuple[datetime, float]]] = {agent: [] for agent in agents}
    for row in connection.execute(statement("learning/select_weight_history"), given):
        history[row.agent].append((row.as_of, row.weight))
    return history


def _read_fees(connection: Connection, given: Mapping[str, Any], fee_bps: float) -> Fees:
    cost = {**given, "cost_pct": 2 * fee_bps / 100}
    last = connection.execute(statement("learning/count_worth_trading"), {**cost, "most": LAST_OUTCOMES}).one()
    rows = connection.execute(statement("learning/select_worth_trading"), cost).all()
    net = robust_mean([row.net_pct for row in rows], [row.opened for row in rows], [row.expires for row in rows])
    return Fees(2 * fee_bps / 100, last.outcomes, last.worth, net)


def _read_map(row: RowMapping) -> CalibrationMap:
    values = dict(row)
    low, high = values.pop("gain_ci95_low"), values.pop("gain_ci95_high")
    return CalibrationMap(**values, gain_ci95=None if low is None or high is None else (low, high))


def _whole_hour(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
