"""Checks of prices: every symbol with something open or undecided needs fresh ones."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from scorekeeper.operations.health.check import MOST_NAMED, STALE, Check, State
from scorekeeper.phrases import name_some
from scorekeeper.store.sql import statement
from scorekeeper.trades import fetch

_PRICE_TROUBLES: dict[str, tuple[State, str, str]] = {
    "file": ("red", "", "correct that file: the next track goes on where it stopped; other symbols are not affected"),
    "failed": ("red", "", "track asks again by itself, every minute below scorekeeper up"),
    "ends": ("warning", "", "append to it: trades that are due close then, at the prices of their own minutes"),
    "unlisted": (
        "red", "the market does not list ",
        "give it a candle file, or the market that lists it; else void those trades; see docs/decision-files.md",
    ),
}  # fmt: skip


def explain_prices(
    sealed_until: dict[str, datetime], troubles: dict[str, tuple[str, str]], now: datetime, patience: timedelta = STALE
) -> Iterator[Check]:
    """One check per kind of trouble that the last track had with a symbol, then `judge_prices` of the other symbols.

    `sealed_until`: see `read_sealed`. `troubles`: kind and message by symbol. `patience`: see `read_patience`.
    """
    stale = stale_symbols(sealed_until, now, patience)
    found: dict[str, list[str]] = {}
    explained = set()
    for symbol in [*stale, *sorted(sealed_until.keys() - set(stale))]:
        kind, says = troubles.get(symbol, (None, ""))
        # A broken file stays broken. An exchange that failed may work in the next minute, so it counts only if stale.
        if kind is not None and (symbol in stale or kind == "file"):
            found.setdefault(kind, []).append(symbol if kind == "unlisted" else f"{symbol}: {says}")
            explained.add(symbol)
    for kind, lines in found.items():
        state, what, what_to_do = _PRICE_TROUBLES[kind]
        yield Check("prices", state, f"{what}{name_symbols(lines)}", what_to_do)
    rest = {symbol: until for symbol, until in sealed_until.items() if symbol not in explained}
    if rest or not found:
        yield judge_prices(rest, now, patience)


def name_symbols(lines: Sequence[str]) -> str:
    """The first few symbols, or lines such as `BTC/USDT: timeout`, which a semicolon separates."""
    return name_some(lines, MOST_NAMED, separator="; " if any(": " in line for line in lines) else ", ")


def judge_prices(sealed_until: dict[str, datetime], now: datetime, patience: timedelta = STALE) -> Check:
    """Whether every symbol with something open or undecided has fresh prices."""
    if not sealed_until:
        return Check("prices", "ok", "none are needed")
    stale = stale_symbols(sealed_until, now, patience)
    oldest = min(sealed_until.values())
    if not stale:
        return Check("prices", "ok", f"{len(sealed_until)} symbols, the oldest up to {oldest:%F %R} UTC")
    says = f"none since {oldest:%F %R} UTC: {name_symbols(stale)}"
    return Check("prices", "red", says, "scorekeeper track says why, and scorekeeper up runs it")


def read_sealed(connection: Connection, as_of: datetime) -> dict[str, datetime]:
    """For each symbol with something open or undecided at `as_of`: the time up to which there are prices."""
    needs = fetch.select_needs(connection, as_of)
    return {need.symbol: need.sealed_until or need.earliest_new or as_of for need in needs}


def read_patience(connection: Connection) -> timedelta:
    """How old prices may be: STALE, and with longer candles one candle more than they are due."""
    return price_patience(connection.execute(statement("operations/select_candle_length")).scalar_one())


def price_patience(candle_length: timedelta) -> timedelta:
    """The same, by the length of a candle."""
    return max(STALE, candle_length)


def stale_symbols(sealed_until: dict[str, datetime], now: datetime, patience: timedelta = STALE) -> list[str]:
    """The symbols whose prices end more than `patience` before `now`, the oldest first."""
    return [name for name, until in sorted(sealed_until.items(), key=lambda one: one[::-1]) if now - until > patience]
