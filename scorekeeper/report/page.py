"""The report's parts, in order. All text from decisions goes through `text`."""

from collections.abc import Mapping, Sequence
from typing import Any

from scorekeeper.analysis.document import Analysis
from scorekeeper.charts.series import window_for
from scorekeeper.learning.document import Learned
from scorekeeper.metrics.money import money_unit, say_net_holds
from scorekeeper.report import conclusions, figures, learning
from scorekeeper.report.figures import Tenth, Trades
from scorekeeper.report.markup import Page, number, table, text

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


def render_report(
    metrics: Mapping[str, Any],
    trades: Trades,
    tenths: Mapping[str, Sequence[Tenth]],
    analysis: Analysis | None,
    not_understood: Sequence[str] = (),
    learned: tuple[Learned | None, learning.History] = (None, {}),
) -> str:
    """The report as one HTML document.

    `metrics`: the answer of docs/metrics.md; `trades` in order of exit; `tenths` by agent; `analysis`: the last one of
    the same scope, or None. `not_understood`: lines about words in no list, and other words that were not understood.
    `learned`: what was learned, if anything, and the weights over time that are drawn.
    """
    page = Page()
    _add_head(page, metrics, conclusions.win_rate_note(analysis))
    _add_not_understood(page, not_understood)
    conclusions.add_sentences(page, analysis)
    _add_trades(page, trades)
    _add_figures_table(page, metrics, analysis)
    _add_money(page, metrics)
    _add_agents(page, metrics, tenths)
    if analysis is not None:
        conclusions.add_attribution(page, analysis)
        conclusions.add_baselines(page, analysis)
        conclusions.add_versions(page, analysis)
    learning.add_learning(page, *learned, tenths)
    page.add(
        '<p class="soft">P&amp;L in percent of entry, one unit a trade, not compounded; after fees: both sides\' fees '
        "taken off. Times are UTC. n/a: undefined, not zero. "
        "Every figure is defined in docs/metrics.md and docs/learning.md of Scorekeeper.</p>"
    )
    return page.render()


def _add_head(page: Page, metrics: Mapping[str, Any], win_rate_note: str | None) -> None:
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
        (
            "win rate",
            number(metrics["win_rate"], 1, "%"),
            win_rate_note or f"{number(interval, 1)} (Wilson 95 %), n = {n:,}",
        ),
        ("expectancy, gross", number(metrics["expectancy_pct"], 3, "%"), f"a trade, n = {n:,}"),
        ("expectancy, after fees", number(metrics["net"]["expectancy_pct"], 3, "%"), f"a trade, n = {n:,}"),
        ("sum after fees", number(metrics["net"]["total_pnl_pct"], 1, "%"), f"n = {n:,}"),
        ("drawdown after fees", number(metrics["net"]["max_drawdown_pct"], 1), f"points at most, n = {n:,}"),
    )
    cells = "".join(
        f'<div class="tile"><span>{name}</span><b>{value}</b><span>{note}</span></div>' for name, value, note in tiles
    )
    page.add(f'<div class="tiles">{cells}</div>')


def _add_not_understood(page: Page, lines: Sequence[str]) -> None:
    """What no figure below counts as it was meant; nothing if all was understood."""
    if lines:
        items = "".join(f"<li>{text(line)}</li>" for line in lines)
        page.add(
            page.section(
                "Not understood",
                "For all versions. No figure below counts what is named here as it was meant.",
                f"<ul>{items}</ul>",
            )
        )


def _add_trades(page: Page, trades: Trades) -> None:
    n = len(trades)
    if not n:
        page.add(
            "<section><h2>No trade has closed yet</h2><p>There is nothing to draw, and nothing to conclude. Trades "
            "close when <code>scorekeeper track</code> has the prices of the minutes that decide them.</p></section>"
        )
        return
    few = "" if n >= 20 else f" With so few trades (n = {n}) every figure here is mostly luck."
    thinned = (
        f" Lines of more than {figures.MOST_POINTS:,} steps are drawn from fewer: of each stretch the "
        "ends, the highest and the lowest."
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
            "dotted: 50 %. The band assumes that trades are independent: if they overlap in time, the win rate is less "
            "certain than it looks. A band that contains 50 % cannot be told from a coin.",
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
        f"How many trades ended at which P&amp;L, n = {n:,}. No bar holds both winners and losers.{outliers}",
        page.place(histogram),
    )
    second = page.section(
        "Best against worst excursion",
        f"How far each trade went for and against its entry before it closed, n = {n:,}.{dots} Losers high up "
        "had been winning before they lost; winners far left were close to their stop.",
        page.place(figures.excursions(trades)),
    )
    page.add(f'<div class="pair">{first}{second}</div>')
    page.add(
        page.section(
            "By weekday and hour",
            f"Above, the mean gross P&amp;L of the trades opened in each hour of the week (UTC). Below, the number of "
            f"trades behind each mean, n = {n:,} in all. A strong colour over a handful of trades is noise: of 168 "
            "cells some are always strong.",
            page.place(figures.heat(trades)),
        )
    )


def _add_figures_table(page: Page, metrics: Mapping[str, Any], analysis: Analysis | None) -> None:
    rows = [
        (
            label, number(metrics[name], digits, unit), number(metrics["net"][name], digits, unit),
            number(metrics[n]), number(metrics["net"].get(n, metrics[n])),
        )
        for label, name, unit, digits, n in ROWS
    ] + conclusions.robust_rows(analysis)  # fmt: skip
    head = ("figure", "gross", "after fees", "n gross", "n after fees")
    holds = f" {say_net_holds(metrics['net_holds'])}" if "net_holds" in metrics else ""
    page.add(page.section("Figures", f"Each beside its number of trades (or days).{holds}", table(head, rows)))


def _add_money(page: Page, metrics: Mapping[str, Any]) -> None:
    """The figures in money; nothing where no trade has a size."""
    if "money" not in metrics:
        return
    money = metrics["money"]
    rows = [
        (name.removesuffix("_pct").replace("pnl", "P&amp;L").replace("_", " "), number(value, 2, money_unit(name)))
        for name, value in money.items()
        if name != "trades" and value is not None
    ]
    how = (
        f"In quote currency, of the {money['trades']:,} closed trades with a size. Trades of different quote "
        "currencies do not add up."
    )
    page.add(page.section("In money", how, table(("figure", "amount"), rows)))


def _add_agents(page: Page, metrics: Mapping[str, Any], tenths: Mapping[str, Sequence[Tenth]]) -> None:
    agents = sorted(metrics["agent_performance"].items())
    if not agents:
        page.add(page.section("Agents", "No agent's call has met its horizon yet.", ""))
        return
    head = ("agent", "signals", "calls", "right", "accuracy", "95 % (Wilson)", "Brier", "call return")
    rows = [
        (
            text(name), number(one["signals"]), number(one["calls"]),
            f"{one['correct']:,} of {one['correct'] + one['incorrect']:,}", number(one["accuracy"], 1, "%"),
            number(one["accuracy_ci95"], 1), number(one["brier"], 3), number(one["avg_call_return_pct"], 3, "%"),
        )
        for name, one in agents
    ]  # fmt: skip
    page.add(
        page.section(
            "Agents",
            "Scored on the price at each decision's expiry, traded or not; call return is the mean over calls. An "
            "interval that contains 50 % cannot be told from a coin. An interval that assumes independent decisions is "
            "too narrow where decisions overlap.",
            table(head, rows),
        )
    )
    if not tenths:
        page.add(page.section("Reliability", "No call with a stated confidence has met its horizon yet.", ""))
        return
    most_first = sorted(tenths, key=lambda name: (-sum(t.n for t in tenths[name]), name))
    left = len(most_first) - MOST_AGENTS
    more = f" The {MOST_AGENTS} agents with most calls are shown; {left:,} are left out." if left > 0 else ""
    drawn = "".join(
        f"<figure><h3>{text(name)}</h3>{page.place(figures.reliability(tenths[name]))}"
        f"<figcaption>n = {sum(t.n for t in tenths[name]):,} calls with a confidence</figcaption></figure>"
        for name in most_first[:MOST_AGENTS]
    )
    page.add(
        page.section(
            "Reliability",
            "How often each agent was right, by tenths of its stated confidence, with 95 % Wilson intervals. A dot's "
            "area grows with its calls. On the dotted line an agent is right as often as it says. Below the line it is "
            f"too sure of itself.{more}",
            f'<div class="small">{drawn}</div>',
        )
    )
