"""The report's charts as plotly figures: data and layout only; colours are names that the page's script resolves.

Text of strangers (agent names) reaches a figure escaped: plotly reads a little HTML in its texts.
"""

import html
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scorekeeper.charts.series import (
    Band,
    Bars,
    Floats,
    Heat,
    Path,
    heat_by_hour,
    histogram,
    rolling_rate,
    running_path,
    shared_edges,
    spread_out,
    thin,
    wilson_band,
)
from scorekeeper.safe_text import escape_controls

MOST_POINTS = 4_000  # of a line
MOST_DOTS = 5_000  # of a cloud: each is an element of the page
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
LONGEST_LABEL = 32


@dataclass(frozen=True)
class Figure:
    """What plotly draws, and how high, in CSS pixels."""

    data: list[dict[str, Any]]
    layout: dict[str, Any]
    height: int


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


def label(words: str) -> str:
    """A stranger's words as inert text of a figure, cut to what fits beside an axis."""
    line = escape_controls(words)
    return html.escape(line if len(line) <= LONGEST_LABEL else line[: LONGEST_LABEL - 1] + "…")


def equity(trades: Trades) -> Figure:
    """Running sums of P&L gross and after fees, and beneath them how far each is under its peak."""
    data: list[dict[str, Any]] = []
    for name, colour, pnl in (("gross", "gross", trades.pnl), ("after fees", "net", trades.net_pnl)):
        path = running_path(trades.opened, trades.closed, pnl)
        data.append(_steps(path, path.level, name, colour))
        data.append(_steps(path, path.under, name, colour) | {"yaxis": "y2", "showlegend": False, "fill": "tozeroy"})
    layout = {
        "xaxis": _time_axis() | {"anchor": "y2"},
        "yaxis": {"title": {"text": "sum of P&L, %"}, "domain": [0.36, 1], "zeroline": True},
        "yaxis2": {"title": {"text": "drawdown, points"}, "domain": [0, 0.28]},
        "hovermode": "x unified",
    }
    return Figure(data, layout, 460)


def _steps(path: Path, values: Floats, name: str, colour: str) -> dict[str, Any]:
    kept = thin(values, MOST_POINTS)
    return {
        "type": "scatter", "mode": "lines", "name": name, "x": _milliseconds(path.at[kept]),
        "y": _rounded(values[kept]), "line": {"shape": "hv", "width": 1.6, "color": colour},
        "fillcolor": f"{colour}_band", "hovertemplate": "%{y:.2f}",
    }  # fmt: skip


def win_rate(trades: Trades, window: int) -> Figure:
    """The share of winners among the last `window` trades, with Wilson's band."""
    band = rolling_rate(trades.pnl > 0, window)
    at = trades.closed[window - 1 :]
    kept = thin(band.rate, MOST_POINTS)
    x = _milliseconds(at[kept])
    edge = {"type": "scatter", "mode": "lines", "x": x, "line": {"width": 0}, "showlegend": False}
    data = [
        edge | {"y": _rounded(band.low[kept]), "name": "low", "hovertemplate": "%{y:.1f} %"},
        edge
        | {"y": _rounded(band.high[kept]), "name": "high", "hovertemplate": "%{y:.1f} %", "fill": "tonexty"}
        | {"fillcolor": "gross_band"},
        {
            "type": "scatter", "mode": "lines", "x": x, "y": _rounded(band.rate[kept]), "name": "win rate",
            "showlegend": False, "line": {"width": 1.8, "color": "gross"}, "hovertemplate": "%{y:.1f} %",
        },
    ]  # fmt: skip
    layout = {
        "xaxis": _time_axis(),
        "yaxis": {"title": {"text": f"winners of the last {window}, %"}, "range": [0, 100]},
        "shapes": [_line_at(50)],
        "hovermode": "x unified",
    }
    return Figure(data, layout, 320)


@dataclass(frozen=True)
class Tenth:
    """An agent's scored calls whose stated confidence (0..100) lies in one tenth."""

    n: int
    correct: int
    mean_confidence: float


def reliability(tenths: Sequence[Tenth]) -> Figure:
    """How often an agent was right, against how sure it said it was; the area of a dot goes with its calls."""
    n = np.array([float(t.n) for t in tenths])
    band: Band = wilson_band(np.array([float(t.correct) for t in tenths]), n)
    widest = 9 * math.sqrt(n.max())
    dots = {
        "type": "scatter", "mode": "lines+markers", "x": _rounded([t.mean_confidence for t in tenths]),
        "y": _rounded(band.rate), "showlegend": False, "customdata": [[t.n, t.correct] for t in tenths],
        "hovertemplate": "said %{x:.1f} %, right %{y:.1f} % (%{customdata[1]} of %{customdata[0]})<extra></extra>",
        "line": {"width": 1, "color": "gross"},
        "marker": {"color": "gross", "size": _rounded(5 + 9 * np.sqrt(n) * 9 / widest)},
        "error_y": {
            "type": "data", "symmetric": False, "color": "gross", "thickness": 1, "width": 3,
            "array": _rounded(band.high - band.rate), "arrayminus": _rounded(band.rate - band.low),
        },
    }  # fmt: skip
    layout = {
        "xaxis": {"title": {"text": "stated confidence, %"}, "range": [0, 103], "dtick": 25},
        "yaxis": {"title": {"text": "right, %"}, "range": [-3, 103], "dtick": 25},
        "shapes": [_diagonal()],
        "margin": {"l": 48, "r": 8, "t": 8, "b": 40},
    }
    return Figure([dots], layout, 260)


@dataclass(frozen=True)
class Bar:
    """A value with its 95 % interval, if it has one, of something whose name a stranger may have written."""

    name: str
    value: float
    ci95: tuple[float, float] | None
    n: int


def bars_with_intervals(bars: Sequence[Bar], unit: str) -> Figure:
    """Horizontal bars, the first on top, each with its interval."""
    ordered = list(reversed(bars))
    highs = [one.ci95[1] - one.value if one.ci95 else 0.0 for one in ordered]
    lows = [one.value - one.ci95[0] if one.ci95 else 0.0 for one in ordered]
    data = [
        {
            "type": "bar", "orientation": "h", "y": list(range(len(ordered))),
            "x": _rounded([b.value for b in ordered]),
            "marker": {"color": ["good" if b.value > 0 else "bad" for b in ordered], "opacity": 0.6},
            "showlegend": False,
            "customdata": [[b.n] for b in ordered],
            "hovertemplate": f"%{{x:.4f}} {unit}, n = %{{customdata[0]}}<extra></extra>",
            "error_x": {
                "type": "data", "symmetric": False, "color": "text", "thickness": 1.3, "width": 4,
                "array": _rounded(highs), "arrayminus": _rounded(lows),
            },
        }
    ]  # fmt: skip
    layout = {
        "xaxis": {"title": {"text": unit}, "zeroline": True},
        "yaxis": {
            "tickvals": list(range(len(ordered))), "ticktext": [label(b.name) for b in ordered], "automargin": True,
            "showgrid": False, "zeroline": False,
        },
        "margin": {"l": 8, "r": 12, "t": 8, "b": 44},
    }  # fmt: skip
    return Figure(data, layout, 90 + 34 * len(ordered))


def distribution(trades: Trades) -> tuple[Figure, int]:
    """The P&L of trades as two histograms over the same bars; and how many trades lie beyond the outer edges."""
    edges = shared_edges(np.concatenate([trades.pnl, trades.net_pnl]))
    gross, net = histogram(trades.pnl, edges), histogram(trades.net_pnl, edges)
    data = [_bars(gross, "gross", "gross"), _bars(net, "after fees", "net")]
    layout = {
        "xaxis": {"title": {"text": "P&L of a trade, % of entry"}},
        "yaxis": {"title": {"text": "trades"}},
        "barmode": "overlay",
        "bargap": 0.04,
    }
    return Figure(data, layout, 420), max(gross.beyond, net.beyond)


def _bars(bars: Bars, name: str, colour: str) -> dict[str, Any]:
    middles, widths = (bars.edges[1:] + bars.edges[:-1]) / 2, np.diff(bars.edges)
    return {
        "type": "bar", "name": name, "x": _rounded(middles), "width": _rounded(widths), "y": bars.counts.tolist(),
        "marker": {"color": colour}, "opacity": 0.6,
        "customdata": [[a, b] for a, b in zip(_rounded(bars.edges[:-1]), _rounded(bars.edges[1:]), strict=True)],
        "hovertemplate": "%{customdata[0]:.3~f} to %{customdata[1]:.3~f} %: %{y} trades",
    }  # fmt: skip


def excursions(trades: Trades) -> Figure:
    """Each trade's best against its worst excursion, winners and losers apart."""
    kept = spread_out(len(trades), MOST_DOTS)
    worst, best, pnl = trades.mae[kept], trades.mfe[kept], trades.pnl[kept]
    groups = (
        ("winners", "good", "circle", pnl > 0),
        ("losers", "bad", "x", pnl < 0),
        ("break-even", "muted", "diamond", pnl == 0),
    )
    data = [
        {
            "type": "scatter", "mode": "markers", "name": name, "x": _rounded(worst[which]), "y": _rounded(best[which]),
            "marker": {"color": colour, "symbol": symbol, "size": 6, "opacity": 0.65},
            "customdata": [[p] for p in _rounded(pnl[which])],
            "hovertemplate": "worst %{x:.2f} %, best %{y:.2f} %, P&L %{customdata[0]:.2f} %",
        }
        for name, colour, symbol, which in groups
        if which.any()
    ]  # fmt: skip
    layout = {
        "xaxis": {"title": {"text": "worst excursion (MAE), % of entry"}, "zeroline": True},
        "yaxis": {"title": {"text": "best excursion (MFE), % of entry"}, "zeroline": True},
        "hovermode": "closest",
    }
    return Figure(data, layout, 420)


def heat(trades: Trades) -> Figure:
    """Mean P&L by weekday and hour of opening, and beneath it how many trades each mean is of."""
    found: Heat = heat_by_hour(trades.opened, trades.pnl)
    strongest = float(np.nanmax(np.abs(found.mean))) or 1.0
    mean = [[None if math.isnan(v) else round(v, 4) for v in row] for row in found.mean.tolist()]
    shared = {"type": "heatmap", "x": list(range(24)), "y": list(WEEKDAYS), "xgap": 1, "ygap": 1, "showscale": True}
    bar = {"thickness": 10, "outlinewidth": 0, "x": 1.01, "xanchor": "left", "ypad": 0}
    data = [
        shared
        | {
            "z": mean, "customdata": found.n.tolist(), "zmin": -strongest, "zmax": strongest, "colorscale": "diverging",
            "colorbar": bar | {"len": 0.5, "y": 1, "yanchor": "top", "title": {"text": "%"}},
            "hovertemplate": "%{y} %{x}:00 UTC: mean %{z:.3f} %, n = %{customdata}<extra></extra>",
        },
        shared
        | {
            "z": [[value or None for value in row] for row in found.n.tolist()], "yaxis": "y2", "zmin": 0,
            "colorscale": "counting",
            "colorbar": bar | {"len": 0.42, "y": 0, "yanchor": "bottom", "title": {"text": "n"}},
            "hovertemplate": "%{y} %{x}:00 UTC: %{z} trades<extra></extra>",
        },
    ]  # fmt: skip
    days = {"autorange": "reversed", "showgrid": False, "zeroline": False}
    layout = {
        "xaxis": {"title": {"text": "hour of opening, UTC"}, "dtick": 3, "showgrid": False, "anchor": "y2"},
        "yaxis": days | {"domain": [0.53, 1]},
        "yaxis2": days | {"domain": [0, 0.47]},
        "margin": {"l": 40, "r": 64, "t": 8, "b": 44},
    }
    return Figure(data, layout, 440)


def _time_axis() -> dict[str, Any]:
    return {"type": "date", "title": {"text": "exit time, UTC"}, "hoverformat": "%Y-%m-%d %H:%M UTC"}


def _line_at(level: float) -> dict[str, Any]:
    dashes = {"width": 1, "dash": "dot", "color": "muted"}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": level, "y1": level, "line": dashes}


def _diagonal() -> dict[str, Any]:
    return {
        "type": "line",
        "x0": 0,
        "y0": 0,
        "x1": 100,
        "y1": 100,
        "line": {"width": 1, "dash": "dot", "color": "muted"},
    }


def _milliseconds(seconds: Floats) -> list[int]:
    """As plotly takes numbers on a date axis, which it shows in UTC."""
    return [round(1_000 * s) for s in seconds.tolist()]


def _rounded(values: Floats | Iterable[float]) -> list[float]:
    """To what a screen can show: six significant digits."""
    return [float(f"{v:.6g}") for v in np.asarray(values, dtype=float).tolist()]
