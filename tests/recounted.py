"""What the reference decided, as rollup rows and figures: counted in plain loops, which share no code with the
pipeline. The oracles compare the pipeline's figures with other people's packages besides.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

from scorekeeper.verify.recount_agents import JudgedSignal, count_agent_day
from tests.plain_counts import ClosedTrade, count_agent, count_day, count_system
from tests.reference import RefDecision, RefScored

Row = dict[str, Any]


def daily_rows(scored: list[RefScored]) -> dict[tuple[Any, ...], Row]:
    """By (day, version, symbol, after fees)."""
    days: defaultdict[tuple[Any, ...], list[ClosedTrade]] = defaultdict(list)
    for one in scored:
        for after_fees in (False, True):
            for trade in closed_trades([one], after_fees=after_fees):
                for version, symbol in scopes(one.decision):
                    days[utc_day(trade.exit_time), version, symbol, after_fees].append(trade)
    return {key: count_day(trades) for key, trades in days.items()}


def agent_rows(scored: list[RefScored]) -> dict[tuple[Any, ...], Row]:
    """By (day, version, symbol, agent)."""
    days: defaultdict[tuple[Any, ...], list[JudgedSignal]] = defaultdict(list)
    for one in scored:
        for agent in agents_of([one]):
            for version, symbol in scopes(one.decision):
                days[utc_day(one.decision.expires_at), version, symbol, agent] += judged_signals([one], agent)
    return {key: count_agent_day(signals) for key, signals in days.items()}


def system_figures(scored: list[RefScored], *, after_fees: bool) -> Row:
    return count_system(closed_trades(scored, after_fees=after_fees))


def agent_figures(scored: list[RefScored], agent: str) -> Row:
    return count_agent(judged_signals(scored, agent))


def agents_of(scored: list[RefScored]) -> set[str]:
    """The agents with a signal on a decision that counts and whose horizon return or exit is known."""
    return {
        agent
        for one in scored
        if not one.suspect and not one.voided and (one.horizon_return_pct is not None or one.exit is not None)
        for agent in one.decision.signals
    }


def closed_trades(scored: list[RefScored], *, after_fees: bool) -> list[ClosedTrade]:
    return [
        ClosedTrade(
            one.decision.trade_id, one.decision.opened_at, end.exit_time,
            end.net_pnl_pct if after_fees else end.pnl_pct, end.mfe_pct, end.mae_pct,
        )
        for one in scored
        if (end := one.exit) is not None and not one.suspect and not one.voided
    ]  # fmt: skip


def judged_signals(scored: list[RefScored], agent: str) -> list[JudgedSignal]:
    signals = []
    for one in scored:
        if agent in one.decision.signals and not one.suspect and not one.voided:
            direction, confidence = one.decision.signals[agent]
            backed = None if one.exit is None else direction * one.decision.direction
            pnl_pct = None if one.exit is None else one.exit.pnl_pct
            signals.append(JudgedSignal(direction, confidence, one.horizon_return_pct, backed, pnl_pct))
    return signals


def utc_day(moment: datetime) -> date:
    return moment.astimezone(UTC).date()


def scopes(decision: RefDecision) -> Iterator[tuple[str | None, str | None]]:
    """(version, symbol), None: all."""
    for version in (None, decision.version):
        for symbol in (None, decision.symbol):
            yield version, symbol
