"""The rules of a trade's life and the metrics, in plain loops: slow, obviously right, and no code of the product's."""

import math
import statistics
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class RefCandle:
    minute_at: datetime
    open: float
    high: float
    low: float
    close: float
    volume: float


@dataclass(frozen=True)
class RefDecision:
    trade_id: str
    symbol: str
    version: str
    direction: int
    price: float | None
    opened_at: datetime
    expires_at: datetime
    stop_loss: float | None
    take_profit: float | None
    trailing_stop_pct: float | None
    fee_bps: float
    close_requested_at: datetime | None
    signals: dict[str, tuple[int, float | None]]
    signal_at: datetime | None = None
    exit_side: int | None = None
    closes: tuple[str, ...] | None = None
    given_id: str | None = None


@dataclass(frozen=True)
class RefExit:
    exit_time: datetime
    exit_price: float
    exit_reason: str
    ambiguous_exit: bool
    price_age_seconds: float | None
    pnl_pct: float
    net_pnl_pct: float
    mfe_pct: float
    mae_pct: float


def floor_minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def sealed_by_file(candles: list[RefCandle], as_of: datetime) -> datetime:
    """Every minute before this is sealed: up to the end of the last candle of the file, and never beyond as_of."""
    return min(as_of, candles[-1].minute_at + MINUTE) if candles else datetime.min.replace(tzinfo=UTC)


def sealed_by_exchange(candles: list[RefCandle], as_of: datetime, grace_minutes: int) -> datetime:
    """Every minute before this is sealed: up to the last complete candle, and whatever ended long enough ago."""
    sealed = as_of - grace_minutes * MINUTE
    for candle in candles:
        if candle.minute_at + MINUTE <= as_of:
            sealed = max(sealed, candle.minute_at + MINUTE)
    return sealed


def known(candles: list[RefCandle], sealed: datetime) -> list[RefCandle]:
    return [candle for candle in candles if candle.minute_at < sealed]


def fill_at_expiry(
    candles: list[RefCandle], opened_at: datetime, due_at: datetime
) -> tuple[datetime, float, float] | None:
    """(exit time, price, age): the last close after the entry and by due_at, else the first open from due_at on."""
    closes = [c for c in candles if opened_at < c.minute_at + MINUTE <= due_at]
    if closes:
        return due_at, closes[-1].close, (due_at - closes[-1].minute_at - MINUTE).total_seconds()
    later = [c for c in candles if c.minute_at >= due_at]
    if later:
        return later[0].minute_at, later[0].open, 0.0
    return None


def close_that_counts(asked_at: list[datetime], opened_at: datetime) -> datetime | None:
    """The first request to close a trade that is open: later ones, and those from before it opened, are refused."""
    return min((at for at in asked_at if at >= opened_at), default=None)


def asked_at(exit: RefDecision, trade: RefDecision, trades: set[str]) -> datetime | None:
    """When an exit decision asks for the close of a trade, if it does; `trades`: the ids of that symbol's."""
    if exit.exit_side is None or exit.symbol != trade.symbol or exit.exit_side == -trade.direction:
        return None
    if exit.closes is not None:
        asks = trade.trade_id in exit.closes and exit.opened_at >= trade.opened_at
    elif exit.given_id in trades:
        asks = trade.trade_id == exit.given_id and exit.opened_at >= trade.opened_at
    else:
        asks = trade.version == exit.version and exit.opened_at > trade.opened_at
    moment = max(floor_minute(exit.opened_at), trade.opened_at)
    return moment if asks and moment < trade.expires_at else None


def first_signal(trade: RefDecision, exits: list[RefDecision], trades: set[str]) -> tuple[datetime | None, str | None]:
    """When the first of the exit decisions asks for a trade's close, and its id."""
    best: RefDecision | None = None
    for exit in exits:
        if asked_at(exit, trade, trades) is None:
            continue
        if best is None or (exit.opened_at, exit.trade_id.encode()) < (best.opened_at, best.trade_id.encode()):
            best = exit
    return (None, None) if best is None else (asked_at(best, trade, trades), best.trade_id)


def gain_pct(direction: int, entry: float, price: float) -> float:
    if direction == 1:
        return (price - entry) / entry * 100
    return (entry - price) / entry * 100


def settle_trade(decision: RefDecision, candles: list[RefCandle], sealed: datetime, as_of: datetime) -> RefExit | None:
    candles = known(candles, sealed)
    entry = decision.price
    assert entry is not None
    long = decision.direction == 1
    target, trailing = decision.take_profit, decision.trailing_stop_pct
    due_at = decision.expires_at
    reason = "expired"
    if decision.close_requested_at is not None and decision.close_requested_at < due_at:
        due_at, reason = decision.close_requested_at, "manual"
    if decision.signal_at is not None and decision.signal_at < due_at:
        due_at, reason = decision.signal_at, "signal"

    lived: list[RefCandle] = []
    for candle in candles:
        if candle.minute_at < decision.opened_at or candle.minute_at + MINUTE > due_at:
            continue
        stop, stop_reason = decision.stop_loss, "stop_loss"
        if trailing is not None:
            if long:
                level = max([entry, *(c.high for c in lived)]) * (1 - trailing / 100)
                tighter = stop is None or level > stop
            else:
                level = min([entry, *(c.low for c in lived)]) * (1 + trailing / 100)
                tighter = stop is None or level < stop
            if tighter:
                stop, stop_reason = level, "trailing_stop"
        stopped = stop is not None and (candle.low <= stop if long else candle.high >= stop)
        reached = target is not None and (candle.high >= target if long else candle.low <= target)
        if not stopped and not reached:
            lived.append(candle)
            continue
        takes = reached
        if stopped and reached:
            assert target is not None
            takes = candle.open >= target if long else candle.open <= target
        if takes:
            assert target is not None
            price, reason = target, "take_profit"
        else:
            assert stop is not None
            beyond = candle.open <= stop if long else candle.open >= stop
            price, reason = (candle.open if beyond else stop), stop_reason
        return finish(decision, candle.minute_at + MINUTE, price, reason, stopped and reached, None, lived)

    if due_at > as_of or sealed < floor_minute(due_at):
        return None
    fill = fill_at_expiry(candles, decision.opened_at, due_at)
    if fill is None:
        return None
    return finish(decision, fill[0], fill[1], reason, False, fill[2], lived)


def finish(
    decision: RefDecision,
    time: datetime,
    price: float,
    reason: str,
    ambiguous: bool,
    age: float | None,
    lived: list[RefCandle],
) -> RefExit:
    entry = decision.price
    assert entry is not None
    pnl = gain_pct(decision.direction, entry, price)
    reached = [pnl]
    for candle in lived:
        reached.append(gain_pct(decision.direction, entry, candle.high))
        reached.append(gain_pct(decision.direction, entry, candle.low))
    net = pnl - decision.fee_bps / 100 * (1 + price / entry)
    return RefExit(time, price, reason, ambiguous, age, pnl, net, max(0.0, max(reached)), min(0.0, min(reached)))


def reference_price(decision: RefDecision, candles: list[RefCandle], sealed: datetime) -> float | None:
    if sealed < floor_minute(decision.opened_at):
        return None
    candles = known(candles, sealed)
    week_ago = decision.opened_at - timedelta(days=7)
    complete = [c for c in candles if week_ago <= c.minute_at <= decision.opened_at - MINUTE]
    if complete:
        return complete[-1].close
    later = [c for c in candles if c.minute_at + MINUTE > decision.opened_at]
    return later[0].open if later else None


def is_suspect(decision: RefDecision, candles: list[RefCandle], sealed: datetime, limit_pct: float) -> bool:
    reference = reference_price(decision, candles, sealed)
    if reference is None or decision.price is None:
        return False
    return abs(decision.price - reference) / reference * 100 > limit_pct


def horizon_return(decision: RefDecision, candles: list[RefCandle], sealed: datetime, as_of: datetime) -> float | None:
    if decision.expires_at > as_of or sealed < floor_minute(decision.expires_at):
        return None
    base = decision.price if decision.price is not None else reference_price(decision, candles, sealed)
    fill = fill_at_expiry(known(candles, sealed), decision.opened_at, decision.expires_at)
    return None if fill is None or base is None else (fill[1] - base) / base * 100


@dataclass(frozen=True)
class RefScored:
    """A decision with what became of it."""

    decision: RefDecision
    exit: RefExit | None
    horizon_return_pct: float | None
    suspect: bool
    voided: bool = False


def wilson_pct(successes: int, n: int) -> list[float] | None:
    if n == 0:
        return None
    z = statistics.NormalDist().inv_cdf(0.975)
    p = successes / n
    centre = p + z * z / (2 * n)
    spread = z * math.sqrt((p * (1 - p) + z * z / (4 * n)) / n)
    return [100 * (centre - spread) / (1 + z * z / n), 100 * (centre + spread) / (1 + z * z / n)]


def mean(values: list[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def spread_of(values: list[float]) -> float:
    """The standard deviation; a double counts as the decimal that it is written as, which shows where it is tiny."""
    return float(statistics.stdev([Fraction(repr(value)) for value in values]))


def system_figures(scored: list[RefScored], after_fees: bool) -> dict[str, object]:
    """Every figure of "The system" that needs no raw rows, naively."""
    closed = [s for s in scored if s.exit is not None and not s.suspect and not s.voided]
    closed.sort(key=lambda s: (s.exit.exit_time, s.decision.trade_id.encode()) if s.exit else ())
    exits = [s.exit for s in closed if s.exit is not None]
    gains = [e.net_pnl_pct if after_fees else e.pnl_pct for e in exits]
    holds = [(e.exit_time - s.decision.opened_at).total_seconds() / 60 for e, s in zip(exits, closed, strict=True)]
    won = [g for g in gains if g > 0]
    lost = [g for g in gains if g < 0]
    n = len(gains)
    avg_profit, avg_loss, expectancy = mean(won), mean(lost), mean(gains)
    payoff = avg_profit / abs(avg_loss) if avg_profit is not None and avg_loss is not None else None
    std = spread_of(gains) if n >= 2 and len(set(gains)) > 1 else 0.0
    streaks = {"win": 0, "loss": 0}
    run, kind = 0, ""
    for gain in gains:
        this = "win" if gain > 0 else "loss" if gain < 0 else ""
        run = run + 1 if this == kind else 1
        kind = this
        if kind:
            streaks[kind] = max(streaks[kind], run)
    running: list[tuple[datetime, float]] = []
    so_far: list[float] = []
    for e, gain in zip(exits, gains, strict=True):
        so_far.append(gain)
        if running and running[-1][0] == e.exit_time:
            running[-1] = (e.exit_time, math.fsum(so_far))
        else:
            running.append((e.exit_time, math.fsum(so_far)))
    peak, deepest = 0.0, 0.0
    for _, level in running:
        peak = max(peak, level)
        deepest = max(deepest, peak - level)
    days: dict[object, list[float]] = {}
    for e, gain in zip(exits, gains, strict=True):
        days.setdefault(e.exit_time.astimezone(UTC).date(), []).append(gain)
    series: list[float] = []
    if exits:
        day, last = exits[0].exit_time.astimezone(UTC).date(), exits[-1].exit_time.astimezone(UTC).date()
        while day <= last:
            series.append(math.fsum(days.get(day, [])))
            day += timedelta(days=1)
    enough = len(series) >= 2
    spread = spread_of(series) if enough else 0.0
    downside = math.sqrt(math.fsum(min(r, 0) ** 2 for r in series) / len(series)) if series else 0.0
    daily_mean = mean(series)
    year = math.sqrt(365)
    winners = [(e, g) for e, g in zip(exits, gains, strict=True) if g > 0]
    return {
        "completed_trades": n,
        "profitable_trades": len(won),
        "losing_trades": len(lost),
        "breakeven_trades": n - len(won) - len(lost),
        "win_rate": 100 * len(won) / n if n else None,
        "win_rate_ci95": wilson_pct(len(won), n),
        "avg_profit_pct": avg_profit,
        "avg_loss_pct": avg_loss,
        "total_pnl_pct": math.fsum(gains),
        "expectancy_pct": expectancy,
        "expectancy_ratio": expectancy / abs(avg_loss) if expectancy is not None and avg_loss is not None else None,
        "payoff_ratio": payoff,
        "profit_factor": math.fsum(won) / abs(math.fsum(lost)) if lost else None,
        "sqn": math.sqrt(n) * expectancy / std if expectancy is not None and std >= 1e-12 else None,
        "kelly": len(won) / n - (1 - len(won) / n) / payoff if payoff else None,
        "max_win_streak": streaks["win"],
        "max_loss_streak": streaks["loss"],
        "avg_hold_minutes": mean(holds),
        "avg_hold_minutes_winners": mean([h for h, g in zip(holds, gains, strict=True) if g > 0]),
        "avg_hold_minutes_losers": mean([h for h, g in zip(holds, gains, strict=True) if g < 0]),
        "avg_mfe_pct": mean([e.mfe_pct for e in exits]),
        "avg_mae_pct": mean([e.mae_pct for e in exits]),
        "profit_given_back_pct": mean([e.mfe_pct - g for e, g in winners]),
        "max_drawdown_pct": deepest if n else None,
        "current_drawdown_pct": peak - running[-1][1] if running else None,
        "sharpe": daily_mean / spread * year if enough and daily_mean is not None and spread >= 1e-12 else None,
        "sortino": daily_mean / downside * year if enough and daily_mean is not None and downside else None,
        "calmar": daily_mean * 365 / deepest if enough and daily_mean is not None and deepest else None,
        "volatility_pct": spread * year if enough else None,
        **tail_figures(series),
    }


def tail_figures(series: list[float]) -> dict[str, object]:
    """What needs 20 days of the daily series."""
    n = len(series)
    if n < 20:
        return {"var95_pct": None, "cvar95_pct": None, "psr": None}
    var = statistics.quantiles(series, n=20, method="inclusive")[0]
    middle, spread = math.fsum(series) / n, statistics.stdev(series)
    psr = None
    if spread >= 1e-12:
        moments = {k: math.fsum((r - middle) ** k for r in series) / n for k in (2, 3, 4)}
        sharpe, skew, kurtosis = middle / spread, moments[3] / moments[2] ** 1.5, moments[4] / moments[2] ** 2
        error = 1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe**2
        psr = statistics.NormalDist().cdf(sharpe * math.sqrt(n - 1) / math.sqrt(error)) if error > 0 else None
    # Where no interpolation is needed the quantile is one of the days, but for rounding.
    tail = [r for r in series if r <= var or math.isclose(r, var, rel_tol=1e-12)]
    return {"var95_pct": var, "cvar95_pct": mean(tail), "psr": psr}


def agents_of(scored: list[RefScored]) -> set[str]:
    """The agents that are answered for: they said something about a decision of which something is known."""
    return {
        agent
        for s in scored
        if not s.suspect and not s.voided and (s.horizon_return_pct is not None or s.exit is not None)
        for agent in s.decision.signals
    }


def agent_figures(scored: list[RefScored], agent: str) -> dict[str, object]:
    """Every figure of "Agents" that needs no raw rows, naively."""
    counted = [s for s in scored if not s.suspect and not s.voided]
    said = [(s, *s.decision.signals[agent]) for s in counted if agent in s.decision.signals]
    judged = [(d, c, s.horizon_return_pct) for s, d, c in said if s.horizon_return_pct is not None]
    calls = [(d, c, h) for d, c, h in judged if d != 0]
    right = sum(d * h > 0 for d, _, h in calls)
    wrong = sum(d * h < 0 for d, _, h in calls)
    sure = [(c, 1 if d * h > 0 else 0) for d, c, h in calls if c is not None and h != 0]
    brier = mean([(c / 100 - y) ** 2 for c, y in sure])
    share = mean([float(y) for _, y in sure])
    gaps = []
    for low in range(0, 100, 10):
        inside = [(c, y) for c, y in sure if low <= c < low + 10 or (low == 90 and c == 100)]
        if inside:
            sure_of, came = mean([c / 100 for c, _ in inside]), mean([float(y) for _, y in inside])
            assert sure_of is not None
            assert came is not None
            gaps.append(len(inside) / len(sure) * abs(sure_of - came))
    figures: dict[str, object] = {
        "signals": len(judged),
        "calls": len(calls),
        "abstentions": len(judged) - len(calls),
        "coverage": 100 * len(calls) / len(judged) if judged else None,
        "correct": right,
        "incorrect": wrong,
        "accuracy": 100 * right / (right + wrong) if right + wrong else None,
        "accuracy_ci95": wilson_pct(right, right + wrong),
        "avg_call_return_pct": mean([d * h for d, _, h in calls]),
        "total_call_return_pct": math.fsum(d * h for d, _, h in calls) if calls else None,
        "brier": brier,
        "brier_skill": None if brier is None or share in (None, 0, 1) else 1 - brier / (share * (1 - share)),
        "ece": math.fsum(gaps) if sure else None,
    }
    for word, way in (("supported", 1), ("opposed", -1), ("abstained", 0)):
        trades = [s for s, d, _ in said if s.exit is not None and d * s.decision.direction == way]
        figures[f"{word}_winners"] = sum(s.exit.pnl_pct > 0 for s in trades if s.exit)
        figures[f"{word}_losers"] = sum(s.exit.pnl_pct < 0 for s in trades if s.exit)
    return figures
