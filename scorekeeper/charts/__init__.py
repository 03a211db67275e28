"""Charts as inline SVG: figures in, a picture with its sentence and its table out. Pure.

The report and the dashboard draw the same charts. A page that shows them includes `charts.css` of this folder.
"""

from scorekeeper.charts.agents import Bar, Tenth, bars_with_intervals, reliability
from scorekeeper.charts.candles import Candle, Happening, Instant, Level, Life, candles
from scorekeeper.charts.days import Day, days
from scorekeeper.charts.drawing import Chart, number, price
from scorekeeper.charts.learned import MOST_LINES, Evidence, Observed, evidence, recalibration, weights
from scorekeeper.charts.lines import Curve, DayPath, daily_curve, equity, win_rate
from scorekeeper.charts.said import Said, right, said
from scorekeeper.charts.shapes import distribution, excursions, heat

__all__ = [
    "MOST_LINES", "Bar", "Candle", "Chart", "Curve", "Day", "DayPath", "Evidence", "Happening", "Instant", "Level",
    "Life", "Observed", "Said", "Tenth", "bars_with_intervals", "candles", "daily_curve", "days", "distribution",
    "equity", "evidence", "excursions", "heat", "number", "price", "recalibration", "reliability", "right", "said",
    "weights", "win_rate",
]  # fmt: skip
