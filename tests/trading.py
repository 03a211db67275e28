"""Closed trades with agents and candles, written as the pipeline leaves them, for tests of the meta-model."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import psycopg
from sqlalchemy import Connection, text

from scorekeeper.market.sealed_candles import ensure_partitions

BEGIN = datetime(2025, 5, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Planted:
    """Rows of decisions with their trades, and signals; `prices` by minute from BEGIN on, a row per symbol."""

    symbols: list[str]
    prices: np.ndarray[Any, np.dtype[np.float64]]
    rows: list[dict[str, Any]]
    signals: list[dict[str, Any]]


def plant(
    seed: int, count: int, *, skill: float = 0.0, agents: int = 4, gap: int = 20, hold: int = 60,
    symbols: tuple[str, ...] = ("BTC/USDT",), fee_bps: float = 1.0, version: str = "v1", gone: tuple[int, int] = (0, 0),
) -> Planted:  # fmt: skip
    """Trades on the side of an equal vote. An agent is right with chance 0.5 + skill, less for later agents.

    `gone`: minutes from the first to the second have no candle.
    """
    chance = np.random.default_rng(seed)
    minutes = count * gap + 4 * hold + 10
    size = np.exp(0.5 * np.sin(np.arange(minutes) / 700.0)) * 0.0008
    prices = 100 * np.exp(np.cumsum(chance.standard_t(4, (len(symbols), minutes)) * size / np.sqrt(2), axis=1))
    rows: list[dict[str, Any]] = []
    signals: list[dict[str, Any]] = []
    for number in range(count):
        at, which = number * gap + int(chance.integers(0, gap)), int(chance.integers(0, len(symbols)))
        lasts = hold * int(chance.choice([1, 1, 2]))
        entry, end = float(prices[which, at]), float(prices[which, at + lasts])
        h = (end - entry) / entry * 100
        said = []
        for agent in range(agents):
            if chance.random() < 0.15:
                continue
            right = chance.random() < 0.5 + skill / (1 + agent)
            direction = 0 if chance.random() < 0.15 else int(np.sign(h) or 1) * (1 if right else -1)
            sure = None if chance.random() < 0.1 else float(chance.integers(0, 101))
            said.append((f"agent {agent}", direction, sure))
        side = int(np.sign(sum(d * (50 if c is None else c) for _, d, c in said)))
        trade_id = f"{version}-{chance.integers(10**9):09}-{number}"
        exit_at = at + (lasts if chance.random() < 0.7 else int(chance.integers(1, lasts)))
        gone_price = float(prices[which, exit_at])
        gross = side * (gone_price - entry) / entry * 100
        rows.append(
            {
                "id": trade_id, "version": version, "symbol": symbols[which], "side": side,
                "action": {1: "BUY", -1: "SELL", 0: "HOLD"}[side], "entry": entry, "end": end, "h": h,
                "confidence": None if chance.random() < 0.1 else float(chance.integers(0, 101)),
                "opened": BEGIN + at * MINUTE, "expires": BEGIN + (at + lasts) * MINUTE, "fee": fee_bps,
                "exit": BEGIN + exit_at * MINUTE, "exit_price": gone_price, "pnl": gross,
                "net": gross - fee_bps / 100 * (1 + gone_price / entry),
                "reason": "expired" if exit_at == at + lasts else "manual",
            }
        )  # fmt: skip
        signals += [
            {"id": trade_id, "agent": agent, "place": place, "direction": direction, "confidence": sure}
            for place, (agent, direction, sure) in enumerate(said)
        ]
    prices[:, gone[0] : gone[1]] = np.nan
    return Planted(list(symbols), prices, rows, signals)


def insert_planted(connection: Connection, planted: Planted, *, tracked: datetime | None = None) -> datetime:
    """Write all of it as it stands after the track that knew the last return. Returns that track's as_of."""
    connection.execute(
        text(
            "INSERT INTO scorekeeper.decision (trade_id, content_sha256, source_name, source_line, received_at, symbol,"
            " raw_symbol, action, direction, price, confidence, opened_at, expires_at, version, reference_price,"
            " price_suspect, horizon_price, horizon_return_pct, horizon_known_at, tracked) VALUES (:id, '', 's', 1,"
            " :opened, :symbol, :symbol, :action, :side, :entry, :confidence, :opened, :expires, :version, :entry,"
            " false, :end, :h, :expires, true)"
        ),
        planted.rows,
    )
    connection.execute(
        text(
            "INSERT INTO scorekeeper.agent_signal (trade_id, agent, ordinal, signal, direction, confidence)"
            " VALUES (:id, :agent, :place, 'x', :direction, :confidence)"
        ),
        planted.signals,
    )
    connection.execute(
        text(
            "INSERT INTO scorekeeper.trade (trade_id, symbol, version, direction, entry_price, opened_at, expires_at,"
            " fee_bps, scanned, exit_time, exit_price, exit_reason, exit_known_at, price_source, ambiguous_exit,"
            " pnl_pct, net_pnl_pct, mfe_pct, mae_pct)"
            " VALUES (:id, :symbol, :version, :side, :entry, :opened, :expires, :fee, true,"
            " :exit, :exit_price, :reason, :exit, 'market', false, :pnl, :net, greatest(:pnl, 0), least(:pnl, 0))"
        ),
        [row for row in planted.rows if row["side"]],
    )
    end = max(row["expires"] for row in planted.rows)
    as_of = tracked or end
    connection.execute(
        text(
            "INSERT INTO scorekeeper.market (name, bound_at, begun_as_of, last_as_of) VALUES ('test', :at, :at, :at)"
            " ON CONFLICT (only_row) DO UPDATE SET begun_as_of = :at, last_as_of = :at"
        ),
        {"at": as_of},
    )
    ensure_partitions(connection, BEGIN - timedelta(days=1), end + timedelta(days=1))
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    with driver.cursor().copy(
        "COPY scorekeeper.candle (symbol, minute_at, open, high, low, close, volume) FROM STDIN"
    ) as copy:
        for symbol, prices in zip(planted.symbols, planted.prices, strict=True):
            for minute in np.flatnonzero(~np.isnan(prices)).tolist():
                price = float(prices[minute])
                # The price at a minute is the close of the candle that ends then.
                copy.write_row((symbol, BEGIN + (minute - 1) * MINUTE, price, price, price, price, 0.0))
    return as_of
