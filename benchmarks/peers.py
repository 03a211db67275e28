"""What one would do without rollups: read the trades into pandas, and have the figures from what others wrote.

Three packages, each for those of our figures that it has, gross and after fees: empyrical (what it lacks in plain
pandas, so that all of the system's figures are there), quantstats, and freqtrade's metrics. They want another pandas
than the product does, so they run in the project of the oracles; only what lies between its first and its last line is
timed, not the start of the interpreter. benchmarks.score runs it; by hand:

    DATABASE_URL=postgresql://… uv run --project tests/oracles python -m benchmarks.peers REPEATS MOST

with MOST the number of trades, the last ones, that are read. Prints one JSON object, the seconds of each repetition by
what was done.
"""

import json
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import empyrical
import pandas as pd
import quantstats.stats
from freqtrade.data import metrics as freqtrade
from sqlalchemy import Engine, create_engine, make_url, text

READ = Path(__file__).with_name("score_read.sql")
BASES = ("pnl_pct", "net_pnl_pct")

Figures = dict[str, float]


def read(engine: Engine, most: int) -> pd.DataFrame:
    """The last `most` closed trades, in order: exit_time, gains gross and net, excursions (percent), minutes held."""
    with engine.connect() as connection:
        return pd.read_sql(text(READ.read_text(encoding="utf-8")), connection, params={"most": most})


def by_empyrical(trades: pd.DataFrame) -> Figures:
    """All of the system's figures but the intervals: the daily ones are empyrical's, the others plain pandas."""
    answer: Figures = {}
    for basis, pnl in _gains(trades):
        won, lost = pnl > 0, pnl < 0
        path = pnl.groupby(trades["exit_time"]).sum().cumsum()
        days = _days(trades, pnl)
        way = won.astype(int) - lost.astype(int)
        runs = way.groupby((way != way.shift()).cumsum()).agg(["first", "size"])
        answer |= _named(basis, {
            "win_rate": 100 * won.mean(), "avg_profit_pct": pnl[won].mean(), "avg_loss_pct": pnl[lost].mean(),
            "total_pnl_pct": pnl.sum(), "expectancy_pct": pnl.mean(), "sqn": len(pnl) ** 0.5 * pnl.mean() / pnl.std(),
            "profit_factor": pnl[won].sum() / -pnl[lost].sum(),
            "max_win_streak": runs.loc[runs["first"] > 0, "size"].max(),
            "max_loss_streak": runs.loc[runs["first"] < 0, "size"].max(),
            "avg_hold_minutes": trades["hold_time_minutes"].mean(), "avg_mfe_pct": trades["mfe_pct"].mean(),
            "avg_mae_pct": trades["mae_pct"].mean(), "profit_given_back_pct": (trades["mfe_pct"] - pnl)[won].mean(),
            "max_drawdown_pct": (path.cummax().clip(lower=0) - path).max(),
            "sharpe": empyrical.sharpe_ratio(days, annualization=365),
            "sortino": empyrical.sortino_ratio(days, annualization=365),
            "volatility_pct": empyrical.annual_volatility(days, annualization=365),
            "var95_pct": empyrical.value_at_risk(days),
        })  # fmt: skip
    return answer


def by_quantstats(trades: pd.DataFrame) -> Figures:
    """Win rate, average gain and loss, payoff, profit factor, Kelly, streaks, Sharpe, Sortino, volatility, VaR."""
    answer: Figures = {}
    qs = quantstats.stats
    for basis, pnl in _gains(trades):
        # It takes gains above 1 for prices.
        each, days = pnl / 1e6, _days(trades, pnl) / 1e6
        answer |= _named(basis, {
            "win_rate": qs.win_rate(each, prepare_returns=False),
            "avg_profit_pct": qs.avg_win(each, prepare_returns=False),
            "avg_loss_pct": qs.avg_loss(each, prepare_returns=False),
            "payoff_ratio": qs.payoff_ratio(each, prepare_returns=False),
            "profit_factor": qs.profit_factor(each, prepare_returns=False),
            "kelly": qs.kelly_criterion(each, prepare_returns=False),
            "max_win_streak": qs.consecutive_wins(each, prepare_returns=False),
            "max_loss_streak": qs.consecutive_losses(each, prepare_returns=False),
            "sharpe": qs.sharpe(days, periods=365), "sortino": qs.sortino(days, periods=365),
            "volatility_pct": qs.volatility(days, periods=365, prepare_returns=False),
            "var95_pct": qs.value_at_risk(days, prepare_returns=False),
        })  # fmt: skip
    return answer


def by_freqtrade(trades: pd.DataFrame) -> Figures:
    """Expectancy and its ratio, largest and present drawdown, Sharpe and Sortino."""
    answer: Figures = {}
    for basis, pnl in _gains(trades):
        table = pd.DataFrame({"close_date": trades["exit_time"], "profit_abs": pnl})
        first, last = trades["exit_time"].iloc[0], trades["exit_time"].iloc[-1]
        expectancy, ratio = freqtrade.calculate_expectancy(table)
        fall = freqtrade.calculate_max_drawdown(table)
        answer |= _named(basis, {
            "expectancy_pct": expectancy, "expectancy_ratio": ratio, "max_drawdown_pct": fall.drawdown_abs,
            "current_drawdown_pct": fall.current_drawdown_abs,
            "sharpe": freqtrade.calculate_sharpe(table, first, last, 100.0),
            "sortino": freqtrade.calculate_sortino(table, first, last, 100.0),
        })  # fmt: skip
    return answer


PEERS: dict[str, Callable[[pd.DataFrame], Figures]] = {
    "empyrical": by_empyrical, "quantstats": by_quantstats, "freqtrade": by_freqtrade,
}  # fmt: skip


def measure(engine: Engine, repeats: int, most: int) -> dict[str, list[float]]:
    """Seconds of each repetition, the one that warms left out: of reading, and of each peer over what was read."""
    seconds: dict[str, list[float]] = {"read_sql": [], **{name: [] for name in PEERS}}
    for attempt in range(repeats + 1):
        start = time.perf_counter()
        trades = read(engine, most)
        taken = {"read_sql": time.perf_counter() - start}
        for name, compute in PEERS.items():
            start = time.perf_counter()
            compute(trades)
            taken[name] = time.perf_counter() - start
        if attempt:
            for name, value in taken.items():
                seconds[name].append(value)
    return seconds


def _gains(trades: pd.DataFrame) -> Iterator[tuple[str, pd.Series]]:
    return ((basis, trades[basis]) for basis in BASES)


def _days(trades: pd.DataFrame, pnl: pd.Series) -> pd.Series:
    """The sum of each calendar day, idle ones 0."""
    return pnl.groupby(trades["exit_time"].dt.floor("D")).sum().asfreq("D", fill_value=0.0)


def _named(basis: str, figures: dict[str, float]) -> Figures:
    return {f"{basis}: {name}": float(value) for name, value in figures.items()}


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # the peers' own
    address = make_url(os.environ["DATABASE_URL"]).set(drivername="postgresql+psycopg")
    print(json.dumps(measure(create_engine(address), int(sys.argv[1]), int(sys.argv[2]))))
