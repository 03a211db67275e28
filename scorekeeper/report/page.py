"""The page itself: HTML around the figures. Everything that a stranger wrote goes through `text`."""

import base64
import hashlib
import html
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from string import Template
from typing import Any

from scorekeeper.domain.charts import window_for
from scorekeeper.domain.text import escape_controls
from scorekeeper.report import figures
from scorekeeper.report.figures import Figure, Tenth, Trades

MOST_AGENTS = 24  # that get a reliability diagram
# Label, name of the figure, unit, digits, and what its n is: shown gross and after fees.
ROWS = (
    ("win rate", "win_rate", "%", 1, "completed_trades"),
    ("win rate, 95 % (Wilson)", "win_rate_ci95", "%", 1, "completed_trades"),
    ("expectancy a trade", "expectancy_pct", "%", 3, "completed_trades"),
    ("average winner", "avg_profit_pct", "%", 3, "profitable_trades"),
    ("average loser", "avg_loss_pct", "%", 3, "losing_trades"),
    ("sum of P&L", "total_pnl_pct", "%", 2, "completed_trades"),
    ("profit factor", "profit_factor", "", 2, "completed_trades"),
    ("largest drawdown", "max_drawdown_pct", "points", 2, "completed_trades"),
    ("Sharpe, a year of days", "sharpe", "", 2, "days"),
)


def text(words: object) -> str:
    """A stranger's words as inert HTML text, one line."""
    return html.escape(escape_controls(str(words)))


def number(value: object, digits: int = 2, unit: str = "") -> str:
    """A figure as people read it; None is n/a, an interval is low to high."""
    if value is None:
        return "n/a"
    if isinstance(value, list | tuple):
        shown = " to ".join(f"{bound:,.{digits}f}" for bound in value)
    else:
        shown = f"{value:,.{digits}f}" if isinstance(value, float) else f"{value:,}"
    return f"{shown} {unit}".replace("-", "−").rstrip()


@cache
def _shipped(name: str) -> str:
    return files("scorekeeper.report").joinpath(name).read_text(encoding="utf-8")


@cache
def _plotly() -> str:
    """plotly.js, as an inline script may hold it: nothing in it may look like the script's end."""
    script = files("plotly").joinpath("package_data", "plotly.min.js").read_text(encoding="utf-8")
    return script.replace("\r\n", "\n").replace("</script", "<\\/script").replace("<!--", "<\\!--")


class Page:
    """Sections in order, and the figures that they show."""

    def __init__(self) -> None:
        self._body: list[str] = []
        self._figures: dict[str, Figure] = {}

    def add(self, markup: str) -> None:
        """Markup as it is: the caller has escaped what strangers wrote."""
        self._body.append(markup)

    def place(self, figure: Figure) -> str:
        """The markup of the place where `figure` will be drawn."""
        key = f"figure-{len(self._figures) + 1}"
        self._figures[key] = figure
        return f'<div id="{key}" class="plot" style="height:{figure.height}px"></div>'

    def section(self, title: str, how: str, content: str) -> str:
        """A titled part with a line on how to read it; nothing of it is escaped here."""
        return f'<section><h2>{title}</h2><p class="how">{how}</p>{content}</section>'

    def render(self) -> str:
        """The whole document: one file that asks for nothing, and runs these scripts alone."""
        drawn = {
            key: {"data": one.data, "layout": one.layout, "height": one.height} for key, one in self._figures.items()
        }
        # Inside a script element: nothing may look like the element's end.
        data = json.dumps(drawn, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
        scripts = {"plotly": _plotly(), "script": _shipped("page.js")} if drawn else {"plotly": "", "script": ""}
        allowed = " ".join(_source(script) for script in scripts.values() if script) or "'none'"
        policy = (
            f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; "
            "base-uri 'none'; form-action 'none'"
        )
        return Template(_shipped("page.html")).substitute(
            policy=policy, style=_shipped("page.css"), body="\n".join(self._body), figures=data, **scripts
        )


def _source(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def render_report(metrics: Mapping[str, Any], trades: Trades, tenths: Mapping[str, Sequence[Tenth]]) -> str:
    """The report as one HTML document: metrics as of docs/metrics.md, trades in order of exit, tenths by agent."""
    page = Page()
    _add_head(page, metrics)
    _add_trades(page, trades)
    _add_figures_table(page, metrics)
    _add_agents(page, metrics, tenths)
    page.add(
        '<p class="soft">P&amp;L in percent of entry, one unit a trade, not compounded; after fees: both sides\' fees '
        "taken off. Times are UTC. n/a: undefined, not zero. "
        "Every figure is defined in docs/metrics.md of Scorekeeper.</p>"
    )
    return page.render()


def _add_head(page: Page, metrics: Mapping[str, Any]) -> None:
    scope = "all versions" if metrics["version"] is None else f"version {text(metrics['version'])}"
    as_of = text(metrics["as_of"] or "never tracked")
    page.add(
        f'<h1>Scorekeeper: {scope}</h1><p class="soft">as of {as_of} (UTC) · {metrics["completed_trades"]:,} closed '
        f"trades over {metrics['days']:,} days, {metrics['active_trades']:,} open · {metrics['suspect_trades']:,} left "
        f"out for a suspect price · {metrics['late_decisions']:,} decisions came late</p>"
    )
    n = metrics["completed_trades"]
    interval = metrics["win_rate_ci95"]
    tiles = (
        ("win rate", number(metrics["win_rate"], 1, "%"), f"{number(interval, 1)} (Wilson 95 %), n = {n:,}"),
        ("expectancy, gross", number(metrics["expectancy_pct"], 3, "%"), f"a trade, n = {n:,}"),
        ("expectancy, after fees", number(metrics["net"]["expectancy_pct"], 3, "%"), f"a trade, n = {n:,}"),
        ("sum after fees", number(metrics["net"]["total_pnl_pct"], 1, "%"), f"n = {n:,}"),
        ("drawdown after fees", number(metrics["net"]["max_drawdown_pct"], 1), f"points at most, n = {n:,}"),
    )
    cells = "".join(
        f'<div class="tile"><span>{name}</span><b>{value}</b><span>{note}</span></div>' for name, value, note in tiles
    )
    page.add(f'<div class="tiles">{cells}</div>')


def _add_trades(page: Page, trades: Trades) -> None:
    n = len(trades)
    if not n:
        page.add(
            "<section><h2>No trade has closed yet</h2><p>There is nothing to draw, and nothing to conclude. Trades "
            "close when <code>scorekeeper track</code> has the prices of the minutes that decide them.</p></section>"
        )
        return
    few = "" if n >= 20 else f" With {n} closed trades every figure here is mostly luck."
    thinned = (
        f" Lines of more than {figures.MOST_POINTS:,} steps are drawn from fewer, with every peak and trough kept."
        if n > figures.MOST_POINTS
        else ""
    )
    page.add(
        page.section(
            "Equity and drawdown",
            f"Running sum of P&amp;L by exit time, n = {n:,} closed trades; below, how far it is under its "
            f"earlier peak. A line that rises gross and falls after fees is an edge that fees eat.{few}{thinned}",
            page.place(figures.equity(trades)),
        )
    )
    window = window_for(n)
    page.add(
        page.section(
            "Rolling win rate",
            f"Winners among the last {window} trades, with the 95 % Wilson interval of {window} trades, at each close; "
            "dotted: 50 %. The band takes trades for independent: where they overlap in time the truth is less certain "
            "than it looks. A band that holds 50 tells nothing from a coin.",
            page.place(figures.win_rate(trades, window)),
        )
        if window
        else page.section("Rolling win rate", f"Needs 20 closed trades; there are {n}.", "")
    )
    histogram, beyond = figures.distribution(trades)
    outliers = f" {beyond:,} beyond the outer bars are counted in them." if beyond else ""
    dots = f" {figures.MOST_DOTS:,} of them are drawn, evenly spaced in order of exit." if n > figures.MOST_DOTS else ""
    first = page.section(
        "Distribution of P&amp;L",
        f"How many trades ended where, n = {n:,}. No bar holds both winners and losers.{outliers}",
        page.place(histogram),
    )
    second = page.section(
        "Best against worst excursion",
        f"How far each trade went for and against its entry before it closed, n = {n:,}.{dots} Losers high up were "
        "winners that were let go; winners far left were close to being stopped.",
        page.place(figures.excursions(trades)),
    )
    page.add(f'<div class="pair">{first}{second}</div>')
    page.add(
        page.section(
            "By weekday and hour",
            f"Mean gross P&amp;L of the trades opened in each hour of the week (UTC), above; below, how many trades "
            f"each mean is of, n = {n:,} in all. A strong colour over a handful of trades is noise: of 168 cells some "
            "are always strong.",
            page.place(figures.heat(trades)),
        )
    )


def _add_figures_table(page: Page, metrics: Mapping[str, Any]) -> None:
    rows = "".join(
        f"<tr><td>{label}</td><td>{number(metrics[name], digits, unit)}</td>"
        f"<td>{number(metrics['net'][name], digits, unit)}</td>"
        f"<td>{number(metrics[n])}</td><td>{number(metrics['net'].get(n, metrics[n]))}</td></tr>"
        for label, name, unit, digits, n in ROWS
    )
    head = "<tr><th>figure</th><th>gross</th><th>after fees</th><th>n gross</th><th>n after fees</th></tr>"
    page.add(
        page.section(
            "Figures",
            "Each beside the trades (or days) that it is of.",
            f'<div class="scroll"><table>{head}{rows}</table></div>',
        )
    )


def _add_agents(page: Page, metrics: Mapping[str, Any], tenths: Mapping[str, Sequence[Tenth]]) -> None:
    agents = sorted(metrics["agent_performance"].items())
    if not agents:
        page.add(page.section("Agents", "No agent's call has met its horizon yet.", ""))
        return
    head = (
        "<tr><th>agent</th><th>signals</th><th>calls</th><th>right</th><th>accuracy</th><th>95 % (Wilson)</th>"
        "<th>Brier</th><th>call return</th></tr>"
    )
    rows = "".join(
        f'<tr><td class="name">{text(name)}</td><td>{one["signals"]:,}</td><td>{one["calls"]:,}</td>'
        f"<td>{one['correct']:,} of {one['correct'] + one['incorrect']:,}</td>"
        f"<td>{number(one['accuracy'], 1, '%')}</td><td>{number(one['accuracy_ci95'], 1)}</td>"
        f"<td>{number(one['brier'], 3)}</td>"
        f"<td>{number(one['avg_call_return_pct'], 3, '%')}</td></tr>"
        for name, one in agents
    )
    page.add(
        page.section(
            "Agents",
            "Scored on what became of the price by each decision's expiry, traded or not; call return is the mean over "
            "calls. An interval that holds 50 % tells nothing from a coin, and one that takes overlapping decisions "
            "for independent is too narrow.",
            f'<div class="scroll"><table>{head}{rows}</table></div>',
        )
    )
    if not tenths:
        page.add(page.section("Reliability", "No call with a stated confidence has met its horizon yet.", ""))
        return
    most_first = sorted(tenths, key=lambda name: (-sum(t.n for t in tenths[name]), name))
    left = len(most_first) - MOST_AGENTS
    more = f" Shown are the {MOST_AGENTS} agents with most calls; {left:,} are left out." if left > 0 else ""
    drawn = "".join(
        f"<figure><h3>{text(name)}</h3>{page.place(figures.reliability(tenths[name]))}"
        f"<figcaption>n = {sum(t.n for t in tenths[name]):,} calls with a confidence</figcaption></figure>"
        for name in most_first[:MOST_AGENTS]
    )
    page.add(
        page.section(
            "Reliability",
            "How often each agent was right, against how sure it said it was, in tenths of stated confidence, with "
            "95 % Wilson intervals; a dot's area goes with its calls. On the dotted line an agent is as often right as "
            f"it says; below it, it is too sure of itself.{more}",
            f'<div class="small">{drawn}</div>',
        )
    )
