"""Rows of what was learned, as a run of `learn` leaves them, for tests of what is said and shown of it."""

import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from scorekeeper.learning.constants import BETS, THRESHOLD

Floats = NDArray[np.float64]

BEGIN = datetime(2025, 5, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
AGENTS = ("TechnicalAnalystAgent", "SentimentAnalystAgent", "ContrarianAgent")


def insert_learned(
    connection: Connection, *, version: str = "v1", agents: Sequence[str] = AGENTS, days: int = 6,
    excess: float = 0.0, seed: int = 7, prefix: str = "learned", begin: datetime = BEGIN,
    with_decisions: bool = True,
) -> datetime:  # fmt: skip
    """A decision every half hour from `begin` on, held an hour, of `agents`; the moment up to which all is learned.

    `excess`: the mean of a block's evidence, in scales of its own: 0.9 is adopted within days, -0.5 never. The last
    agent weighs less than 0. Every other agent's map helps; the last one has none.
    """
    chance = np.random.default_rng(seed)
    until = begin + timedelta(days=days)
    count = 2 * 24 * days
    moves = chance.normal(0, 0.6, count)
    scores, equals = chance.normal(0, 0.3, count), chance.normal(0, 0.3, count)
    decisions, votes = [], []
    for i in range(count):
        opened = begin + i * HOUR / 2
        known = opened + HOUR <= until
        decisions.append({
            "id": f"{prefix}-{version}-{i:05}", "version": version, "opened": opened, "expires": opened + HOUR,
            "h": float(moves[i]) if known else None, "price": 100 + float(moves[i]) if known else None,
            "known": opened + HOUR if known else None,
        })  # fmt: skip
        past = moves[: max(0, i - 1)]
        scale = float(np.sqrt(np.mean(past**2))) if len(past) else None
        size = float(np.mean(np.abs(past))) if len(past) else None
        votes.append({
            "id": decisions[-1]["id"], "version": version, "opened": opened, "score": float(scores[i]),
            "equal": float(equals[i]), "direction": int(np.sign(scores[i])), "equal_direction": int(np.sign(equals[i])),
            "scale": scale, "size": size, "p": 1 / (1 + math.exp(-1.5 * float(scores[i]))),
        })  # fmt: skip
    if with_decisions:
        _insert(connection, INSERT_DECISION, decisions)
    signals = [
        {"id": one["id"], "agent": agent, "place": place, "direction": int(chance.choice([-1, 0, 1]))}
        for one in decisions for place, agent in enumerate(agents)
    ]  # fmt: skip
    if with_decisions:
        _insert(connection, INSERT_SIGNAL, signals)
    _insert(connection, INSERT_VOTE, votes)
    outcomes = [
        vote | {"expires": one["expires"], "h": one["h"], "until": 0.5 * (i + 1)}
        for i, (one, vote) in enumerate(zip(decisions, votes, strict=True))
        if one["h"] is not None
    ]
    _insert(connection, INSERT_OUTCOME, outcomes)
    adopted_at = _insert_evidence(connection, version, begin, days, excess, chance)
    _insert_weights(connection, version, agents, begin, days, adopted_at, moves)
    _insert_maps(connection, version, agents, begin, days)
    _insert_models(connection, version, begin, days)
    connection.execute(
        text("INSERT INTO scorekeeper.learning_progress VALUES (:version, :until, :until, 4, :first)"),
        {"version": version, "until": until, "first": begin + 10 * HOUR},
    )
    return until


def _insert_evidence(
    connection: Connection, version: str, begin: datetime, days: int, excess: float, chance: np.random.Generator
) -> list[datetime]:
    """Blocks of four hours; the moments at which the learned weights came into use and went out of it, in turn."""
    wealth, running, adopted, changes, rows = np.ones(len(BETS)), "for", False, [], []
    for place in range(6 * days):
        begins = begin + place * 4 * HOUR
        step = float(np.clip(excess + chance.normal(0, 0.3), -1, 1))
        wealth = wealth * (1 + np.array(BETS) * (step if running == "for" else -step))
        e_value, ran = float(wealth.mean()), running
        if decides := e_value >= THRESHOLD:
            adopted = not adopted
            changes.append(begins + 4 * HOUR)
        rows.append({
            "version": version, "begins": begins, "ends": begins + 4 * HOUR, "decisions": 7, "independent": 3.5,
            "excess": step * 3 * 0.06, "scale": 0.06, "wealth": wealth.tolist(), "e": e_value, "running": ran,
            "adopted": adopted, "blocks": place + 1, "squares": 0.01 * (place + 1),
        })  # fmt: skip
        if decides:
            wealth, running = np.ones(len(BETS)), "against" if adopted else "for"
    _insert(connection, INSERT_BLOCK, rows)
    return changes


def _insert_weights(
    connection: Connection, version: str, agents: Sequence[str], begin: datetime, days: int,
    changes: Sequence[datetime], moves: Floats,
) -> None:  # fmt: skip
    states, rows = [], []
    for hour in range(1, 24 * days + 1):
        at = begin + hour * HOUR
        grown = 1 - math.exp(-hour / 48)
        in_use = sum(one <= at for one in changes) % 2 == 1
        known = moves[: 2 * hour - 1]
        sums = [1.0, 1.0, float(np.sum(known**2)), float(np.sum(np.abs(known))), 0.03 * len(known)]
        states.append({"version": version, "at": at, "outcomes": len(known), "independent": float(hour), "sums": sums,
                       "beta": 1.5 * (hour // 24) / days})  # fmt: skip
        raw = [1 - grown * (1.4 * place / max(1, len(agents) - 1)) for place in range(len(agents))]
        for place, agent in enumerate(agents):
            weight = raw[place] * len(agents) / sum(map(abs, raw))
            rows.append({
                "version": version, "at": at, "agent": agent, "weight": weight, "in_use": weight if in_use else 1.0,
                "p": 1 / (1 + math.exp(-0.2 * weight)), "calls": hour + place, "independent": hour * 0.7,
                "long": None if place == 1 and hour < 5 else 0.5 + 0.3 * place / len(agents),
            })  # fmt: skip
    _insert(connection, INSERT_STATE, states)
    _insert(connection, INSERT_WEIGHT, rows)


def _insert_maps(connection: Connection, version: str, agents: Sequence[str], begin: datetime, days: int) -> None:
    rows = []
    for day in range(1, days + 1):
        for place, agent in enumerate(agents):
            there = day > 1 and place < len(agents) - 1
            rows.append({
                "version": version, "at": begin + timedelta(days=day), "agent": agent, "calls": 24 * day,
                "independent": 16.0 * day, "a": 0.05 if there else None, "b": (0.4 - 0.5 * place) if there else None,
                "raw": 0.29 if there else None, "rate": 0.25 if there else None, "map": 0.24 if there else None,
                "low": 0.002 if there else None, "high": 0.02 if there else None,
                "helps": (place % 2 == 0) if there else None,
            })  # fmt: skip
    _insert(connection, INSERT_MAP, rows)


def _insert_models(connection: Connection, version: str, begin: datetime, days: int) -> None:
    metrics = {
        "predicted": 160, "independent": 96.0, "log_loss": 0.681, "log_loss_market": 0.69, "log_loss_base": 0.693,
        "gain_ci95_robust": [0.001, 0.017], "brier_skill": 0.012, "e_value": 3.2, "kept": 31, "kept_net_pct": -0.02,
        "kept_net_pct_ci95_robust": [-0.1, 0.06],
        "reliability": [{"n": 90, "right": 40, "mean": 0.43}, {"n": 70, "right": 39, "mean": 0.55}],
    }  # fmt: skip
    rows = [
        {
            "version": version, "at": begin + timedelta(days=day), "target": target, "trades": 40 * day,
            "independent": 24.0 * day,
            "coefficients": None if 24 * day < 100 else json.dumps({"intercept": -0.1, "score": 0.4}),
            "metrics": json.dumps(metrics if 24 * day >= 100 else {}),
            "informs": None if 24 * day < 100 else target == "net_pnl", "worth": None if 24 * day < 100 else False,
        }
        for day in range(1, days + 1) for target in ("net_pnl", "horizon")
    ]  # fmt: skip
    _insert(connection, INSERT_MODEL, rows)


def _insert(connection: Connection, words: str, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(text(words), rows)


INSERT_DECISION = """
INSERT INTO scorekeeper.decision (
    trade_id, content_sha256, source_name, source_line, received_at, symbol, raw_symbol, version, action, direction,
    understood, price, opened_at, expires_at, tracked, reference_price, price_suspect, horizon_price,
    horizon_return_pct, horizon_known_at
) VALUES (
    :id, sha256(convert_to(cast(:id AS text), 'UTF8')), 'learned', 1, :opened, 'BTC/USDT', 'BTC/USDT',
    :version, 'HOLD', 0, true, 100, :opened, :expires, true, 100, false, :price, :h, :known
)"""
INSERT_SIGNAL = """
INSERT INTO scorekeeper.agent_signal (trade_id, agent, ordinal, signal, direction, confidence, understood)
VALUES (:id, :agent, :place, 'BUY', :direction, 70, true)"""
INSERT_VOTE = """
INSERT INTO scorekeeper.learned_vote (
    version, opened_at, trade_id, direction, equal_direction, score, equal_score, scale_pct, move_pct, p_up
) VALUES (:version, :opened, :id, :direction, :equal_direction, :score, :equal, :scale, :size, :p)"""
INSERT_OUTCOME = """
INSERT INTO scorekeeper.learned_outcome (
    version, expires_at, trade_id, opened_at, return_pct, score, excess, uniqueness, independent_until
) VALUES (:version, :expires, :id, :opened, :h, :score, 0.1, 0.5, :until)"""
INSERT_STATE = """
INSERT INTO scorekeeper.weight_state (version, as_of, outcomes, independent, sums, beta)
VALUES (:version, :at, :outcomes, :independent, :sums, :beta)"""
INSERT_WEIGHT = """
INSERT INTO scorekeeper.agent_weight
    (version, as_of, agent, weight, weight_in_use, p, calls, independent_calls, long_share, sums)
VALUES (:version, :at, :agent, :weight, :in_use, :p, :calls, :independent, :long, '{}')"""
INSERT_BLOCK = """
INSERT INTO scorekeeper.weight_evidence (
    version, begins_at, ends_at, decisions, independent, mean_excess, scale, wealth, e_value, running, adopted,
    blocks, sum_squares
) VALUES (
    :version, :begins, :ends, :decisions, :independent, :excess, :scale, :wealth, :e, :running, :adopted, :blocks,
    :squares
)"""
INSERT_MAP = """
INSERT INTO scorekeeper.calibration_map (
    version, as_of, agent, calls, independent_calls, a, b, brier_raw, brier_rate, brier_map, gain_ci95_low,
    gain_ci95_high, helps
) VALUES (
    :version, :at, :agent, :calls, :independent, :a, :b, :raw, :rate, :map, :low, :high, :helps
)"""
INSERT_MODEL = """
INSERT INTO scorekeeper.meta_model (
    version, as_of, target, trades, independent_trades, coefficients, metrics, informs, worth_it
) VALUES (
    :version, :at, :target, :trades, :independent, cast(:coefficients AS jsonb), cast(:metrics AS jsonb), :informs,
    :worth
)"""
