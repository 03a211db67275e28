"""The report's charts: closed trades as arrays, and what `scorekeeper.charts` draws of them."""

from dataclasses import dataclass

import numpy as np

from scorekeeper import charts
from scorekeeper.charts import Bar, Chart, Curve, Tenth, bars_with_intervals, reliability
from scorekeeper.charts.lines import MOST_POINTS
from scorekeeper.charts.series import Floats, heat_by_hour, histogram, rolling_rate, running_path, shared_edges
from scorekeeper.charts.shapes import MOST_DOTS

__all__ = [
    "MOST_DOTS", "MOST_POINTS", "Bar", "Tenth", "Trades", "bars_with_intervals", "distribution", "equity", "excursions",
    "heat", "reliability", "win_rate",
]  # fmt: skip


@dataclass(frozen=True)
class Trades:
    """Closed trades in order of exit; times in seconds since 1970, the rest in percent of entry; shape (n,) each."""

    opened: Floats
    closed: Floats
    pnl: Floats
    net_pnl: Floats
    mfe: Floats
    mae: Floats

    def __len__(self) -> int:
        return len(self.pnl)


def equity(trades: Trades) -> Chart:
    """Running sums of P&L gross and after fees, and beneath them how far each is under its peak."""
    curves = [
        Curve(name, running_path(trades.opened, trades.closed, pnl))
        for name, pnl in (("gross", trades.pnl), ("after fees", trades.net_pnl))
    ]
    return charts.equity(curves, of=f"{len(trades):,} closed trades")


def win_rate(trades: Trades, window: int) -> Chart:
    """The share of winners among the last `window` trades, with Wilson's band."""
    return charts.win_rate(trades.closed[window - 1 :], rolling_rate(trades.pnl > 0, window), window)


def distribution(trades: Trades) -> tuple[Chart, int]:
    """The P&L of trades as two histograms over the same bars; and how many trades lie beyond the outer edges."""
    edges = shared_edges(np.concatenate([trades.pnl, trades.net_pnl]))
    gross, net = histogram(trades.pnl, edges), histogram(trades.net_pnl, edges)
    return charts.distribution(gross, net), max(gross.beyond, net.beyond)


def excursions(trades: Trades) -> Chart:
    """Each trade's best against its worst excursion, winners and losers apart."""
    return charts.excursions(trades.mae, trades.mfe, trades.pnl)


def heat(trades: Trades) -> Chart:
    """Mean P&L by weekday and hour of opening, and beneath it how many trades each mean is of."""
    return charts.heat(heat_by_hour(trades.opened, trades.pnl))
