"""A trade's story in words and charts: pure functions of what `dashboard.data.trade` has read."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dashboard.data.trade import TradeStory
from dashboard.shown import duration, number, price, signed
from scorekeeper import charts
from scorekeeper.charts import Candle, Chart, Happening, Instant, Level, Life, Said

EXITS = {
    "expired": "its time was up", "stop_loss": "its stop was touched", "take_profit": "its target was touched",
    "trailing_stop": "its trailing stop was touched", "manual": "it was closed by hand",
    "signal": "a later decision closed it", "imported": "it came closed, from another system",
}  # fmt: skip
HORIZON = "Its horizon"
DIRECTIONS = {1: "long", -1: "short"}


@dataclass(frozen=True)
class Moment:
    """One line of what was known when: a time, what happened, and a remark."""

    at: datetime
    what: str
    remark: str = ""


def summary(story: TradeStory) -> str:
    """The trade in one sentence."""
    row = story.row
    if row["entry_price"] is None:
        told = "This decision opened no trade."
        if row["horizon_return_pct"] is not None:
            return f"{told} By its horizon the price moved {signed(row['horizon_return_pct'])} %."
        return f"{told} Its horizon is not known yet."
    verb = "Bought" if row["direction"] > 0 else "Sold short"
    start = f"{verb} at {price(row['entry_price'])}"
    if row["exit_time"] is None:
        return f"{start}; the trade is open."
    why = EXITS.get(row["exit_reason"], row["exit_reason"])
    return (
        f"{start} and closed at {price(row['exit_price'])} after {duration(row['hold_time_minutes'] * 60)}, "
        f"because {why}: {signed(row['pnl_pct'])} % before fees, {signed(row['net_pnl_pct'])} % after."
    )


def held_costs(story: TradeStory) -> list[str]:
    """What the P&L after fees holds beside the fee of both sides, in words; of an open trade, what it may come to."""
    terms = story.terms
    if terms is None:
        return []
    told = {
        "entry_fee_bps": "entry as a limit order at {} bps", "target_fee_bps": "an exit at the target at {} bps",
        "share_fee_pct": "{} % for each share a side", "min_fee": "at least {} a side", "spread_bps": "spread {} bps",
        "funding_bps_per_day": "funding {} bps a day",
    }  # fmt: skip
    # The least needs the size, and the target's fee an exit there.
    idle = {"min_fee"} if terms["position_value"] is None else set()
    if story.row["exit_reason"] not in (None, "take_profit"):
        idle.add("target_fee_bps")
    shown = {name: words for name, words in told.items() if terms[name] is not None and name not in idle}
    return [words.format(number(terms[name], 4 if name == "share_fee_pct" else 2)) for name, words in shown.items()]


def candle_chart(story: TradeStory, *, near: bool = False) -> Chart:
    """Candles with the trade on them: entry, exit, stop, target, trailing stop, excursions and horizon.

    `near`: the trade's own life alone. Raises ValueError where there are no such candles.
    """
    row, seconds = story.row, (story.near_minutes if near else story.step_minutes) * 60
    drawn = story.near if near else story.candles
    market = [Candle(c.minute_at.timestamp(), c.open, c.high, c.low, c.close) for c in drawn]
    if not market:
        raise ValueError("no candles, no chart")
    opened, expires = row["opened_at"].timestamp(), row["expires_at"].timestamp()
    last = market[-1].at + seconds
    closed = row["exit_time"].timestamp() if row["exit_time"] else None
    until = closed or min(last, expires)
    entry, side = row["entry_price"], row["direction"]
    happenings, levels, life = [], [], None
    if entry is not None:
        happenings.append(Happening(DIRECTIONS[side], opened, entry, f"entry {price(entry)}"))
        levels = _levels(row, opened, until)
        life = Life(opened, max(until, opened), entry, side)
        if closed:
            told = f"exit {price(row['exit_price'])}, {row['exit_reason'].replace('_', ' ')}"
            happenings.append(Happening("exit", closed, row["exit_price"], told))
    elif row["price"] is not None:
        decided = row["price"] * (row["price_scale"] or 1)  # in the units of the candles
        levels = [Level("entry", "decided", decided, opened, max(until, opened))]
    instants = [] if closed == expires or expires > last else [Instant("horizon", expires)]
    if entry is None:
        instants.append(Instant("decided", opened))
    trail = [(at.timestamp(), level) for at, level in story.trail]
    if trail:
        trail.append((until, trail[-1][1]))
    return charts.candles(
        market, seconds, levels=levels, happenings=happenings, instants=instants, trail=trail, life=life,
        shows="Prices of the trade's life" if near else "Prices around the trade, with entry, exit and levels",
    )  # fmt: skip


def _levels(row: dict[str, Any], opened: float, until: float) -> list[Level]:
    entry, side = row["entry_price"], row["direction"]
    found = [("entry", "entry", entry), ("stop", "stop", row["stop_loss"]), ("target", "target", row["take_profit"])]
    if row["exit_price"] is not None:
        found.append(("exit", "exit", row["exit_price"]))
    for look, name, percent in (("best", "best", row["mfe_pct"]), ("worst", "worst", row["mae_pct"])):
        if percent:
            found.append((look, name, entry * (1 + side * percent / 100)))
    # An excursion that ends at the exit price, a stop or a target needs no line of its own.
    drawn: list[Level] = []
    for look, name, level in found:
        if level is not None and not any(abs(level - one.price) < 1e-9 * abs(level) for one in drawn):
            drawn.append(Level(look, name, level, opened, until))
    return drawn


def said_chart(story: TradeStory, href: Callable[[str], str]) -> Chart:
    """What each agent said against where the price went; `href`: the address of an agent."""
    return charts.said(
        [Said(s.agent, s.signal, s.direction, s.confidence, href(s.agent)) for s in story.signals],
        story.row["horizon_return_pct"],
    )


def moments_of(story: TradeStory, at: datetime | None = None) -> list[Moment]:
    """What happened and what was learnt, in order of time; at the same time, as it is written here.

    Up to `at` (None: all of it); the horizon is named before it is reached.
    """
    row = story.row
    found: list[Moment | None] = [
        _moment(row, "opened_at", "The system decided", f"price {price(row['price'])}"),
        _moment(
            row, "received_at", "Scorekeeper read the decision",
            "after it had expired: it is counted as late" if row["late"] else
            f"{duration(row['received_at'] - row['opened_at'])} after it was made",
        ),
        _moment(row, "close_requested_at", "Its close was asked for by hand"),
        _moment(row, "signal_at", "A later decision asked to close it"),
        _moment(
            row, "exit_time", "The trade ended",
            "" if row["exit_time"] is None else f"{EXITS.get(row['exit_reason'], row['exit_reason'])}, at "
            f"{price(row['exit_price'])}",
        ),
        _moment(row, "exit_known_at", "Its end was known", _lag(row, "exit_time", "exit_known_at")),
        _moment(
            row, "expires_at", HORIZON,
            "" if row["horizon_return_pct"] is None else f"the price had moved {signed(row['horizon_return_pct'])} %",
        ),
        _moment(row, "horizon_known_at", "The horizon was known", _lag(row, "expires_at", "horizon_known_at")),
        _moment(row, "voided_at", "The decision was voided"),
    ]  # fmt: skip
    found += [
        Moment(
            one.seen_at,
            "A changed candle arrived",
            f"for {one.minute_at:%Y-%m-%d %H:%M} UTC, whose minute was sealed: it is used for nothing",
        )
        for one in story.revisions
    ]
    known = [one for one in found if one is not None and (at is None or one.at <= at or one.what == HORIZON)]
    return sorted(known, key=lambda one: one.at)


def _moment(row: dict[str, Any], name: str, what: str, remark: str = "") -> Moment | None:
    return None if row[name] is None else Moment(row[name], what, remark)


def _lag(row: dict[str, Any], since: str, until: str) -> str:
    if row[since] is None or row[until] is None:
        return ""
    lag: timedelta = row[until] - row[since]
    return f"{duration(lag)} later" if lag > timedelta(0) else ""
