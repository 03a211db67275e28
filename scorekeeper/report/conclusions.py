"""What the last analysis found: sentences, attribution, baselines, versions. All text is inert here."""

import html

from scorekeeper.analysis import baselines
from scorekeeper.analysis.document import Analysis, Claim
from scorekeeper.analysis.intervals import RobustMean
from scorekeeper.report import figures
from scorekeeper.report.figures import Bar
from scorekeeper.report.markup import Page, number, table, text

MOST_BARS = 30


def add_sentences(page: Page, analysis: Analysis | None) -> None:
    """In words, what can be concluded and what cannot."""
    title = "What can be concluded"
    if analysis is None:
        page.add(
            page.section(
                title,
                "Not analysed yet. The next <code>scorekeeper analyze</code> adds intervals that hold where trades "
                "overlap, what each agent contributed, and how the system compares with simpler ones.",
                "",
            )
        )
        return
    # Sentences come escaped for markdown and HTML. Whatever they hold, here they are text.
    lines = "".join(f"<li>{text(html.unescape(one))}</li>" for one in analysis.sentences)
    page.add(
        page.section(
            title,
            f"From the analysis as of {text(analysis.as_of)} (UTC): {analysis.trades:,} closed trades, "
            f"{analysis.decisions:,} decisions whose horizon is known.",
            f"<ul>{lines}</ul>" if lines else "<p>Nothing yet.</p>",
        )
    )


def win_rate_note(analysis: Analysis | None) -> str | None:
    """What stands beside the win rate: its robust interval, where there is one."""
    if analysis is None or analysis.win_rate.estimate.ci95 is None:
        return None
    found = analysis.win_rate.estimate
    return f"{number(found.ci95, 1)} (robust 95 %), n = {_counted(found)}"


def robust_rows(analysis: Analysis | None) -> list[tuple[str, ...]]:
    """The robust intervals as rows of the table of figures: label, gross, after fees, n and n after fees."""
    if analysis is None:
        return []
    won, gross, net = (
        claim.estimate for claim in (analysis.win_rate, analysis.expectancy_pct, analysis.net_expectancy_pct)
    )
    return [
        ("win rate, 95 % (robust)", number(won.ci95, 1, "%"), "", _counted(won), ""),
        (
            "expectancy, 95 % (robust)", number(gross.ci95, 3, "%"), number(net.ci95, 3, "%"),
            _counted(gross), _counted(net),
        ),
    ]  # fmt: skip


def _counted(estimate: RobustMean) -> str:
    return f"{estimate.n:,} ({estimate.independent:,} independent)"


def add_attribution(page: Page, analysis: Analysis) -> None:
    """What each agent contributed: bars with intervals, and the table behind them."""
    agents = sorted(analysis.agents, key=lambda one: (-one.shapley_pct, one.agent))
    if not agents:
        page.add(page.section("Attribution", "No decision with agents has met its horizon yet.", ""))
        return
    bars = [Bar(one.agent, one.shapley_pct, one.shapley_ci95, one.signals) for one in agents]
    left = analysis.left_out_agents + max(0, len(bars) - MOST_BARS)
    more = f" {left:,} more agents are left out of the chart." if left else ""
    unit = "% (sum over decisions)"
    sampled = any(one.shapley_error_pct is not None for one in agents)
    rows = [
        (
            text(one.agent), number(one.signals), one.accuracy.tell("better than a coin", "worse than a coin"),
            number(one.shapley_pct, 2, "%"),
            number(one.shapley_ci95, 2), *([number(one.shapley_error_pct, 2)] if sampled else []),
            number(one.leave_one_out_pct, 2, "%"), number(one.leave_one_out_ci95, 2), number(one.ic, 3),
            number(one.accuracy.estimate.ci95, 1), number(one.accuracy.estimate.independent),
        )
        for one in agents
    ]  # fmt: skip
    head = (
        "agent", "signals", "verdict", "Shapley", "95 % (robust)", *(["sampling error"] if sampled else []),
        "leave one out", "95 % (robust)", "IC", "accuracy, 95 %", "independent",
    )  # fmt: skip
    page.add(
        page.section(
            "Attribution",
            "Each agent's Shapley value: its fair share of what the confidence-weighted vote of all agents would have "
            "earned at the horizon, summed over decisions, with its robust 95 % interval. A value whose interval "
            "contains 0, or that has no interval (fewer than 20 decisions that do not overlap), cannot be told from "
            "luck. By luck alone, the interval of one in 20 agents without skill excludes 0. There is a verdict only "
            f"if the interval of the accuracy excludes a coin's 50 %, adjusted for the number of agents.{more}",
            page.place(figures.bars_with_intervals(bars[:MOST_BARS], unit, "Shapley values with intervals"))
            + table(head, rows),
        )
    )


def add_baselines(page: Page, analysis: Analysis) -> None:
    """How the system compares with simpler ones on the same decisions."""
    lines = analysis.baselines
    differences = [(one, one.difference.estimate) for one in lines if one.difference is not None]
    bars = [
        Bar(baselines.label(one), found.mean, found.ci95, found.n)
        for one, found in differences
        if found.mean is not None
    ]
    if not bars:
        return
    rows = [
        (
            text(baselines.label(one)),
            number(one.n),
            number(one.mean_return_pct, 3, "%"),
            *_difference(one.difference),
        )
        for one in lines
    ]
    head = (
        "decided by", "decisions", "mean return", "system minus it", "95 % (robust)", "independent", "p, adjusted",
        "verdict",
    )  # fmt: skip
    page.add(
        page.section(
            "Baselines",
            "How much more the system's own action earned at the horizon than each of these, a decision, on the same "
            "decisions. Bars to the right: the system earned more in this sample. A bar whose interval contains 0 "
            "cannot be told from no difference.",
            page.place(figures.bars_with_intervals(bars[:MOST_BARS], "% a decision", "System minus each baseline"))
            + table(head, rows),
        )
    )


def _difference(claim: Claim | None) -> tuple[str, ...]:
    if claim is None:
        return ("",) * 5
    found = claim.estimate
    return (
        number(found.mean, 3, "%"), number(found.ci95, 3), number(found.independent),
        number(claim.p_adjusted, 3), claim.tell("better", "worse"),
    )  # fmt: skip


def add_versions(page: Page, analysis: Analysis) -> None:
    """Versions over their own periods, and compared with each other."""
    if len(analysis.versions) < 2:
        return
    periods = [
        (
            text(one.version), f"{text(one.first_at[:10])} to {text(one.last_at[:10])}",
            number(one.decisions), number(one.trades),
            number(one.win_rate.mean, 1, "%"), number(one.win_rate.ci95, 1),
            number(one.net_expectancy_pct.mean, 3, "%"), number(one.net_expectancy_pct.ci95, 3),
            number(one.sharpe), number(one.psr), number(one.dsr),
        )
        for one in analysis.versions
    ]  # fmt: skip
    pairs = [
        (
            f"{text(one.one)} minus {text(one.other)}", _paired_n(one.paired), *_difference(one.paired),
            *_difference(one.own_periods)[:2],
        )
        for one in analysis.pairs
    ]  # fmt: skip
    period_head = (
        "version", "period", "decisions", "trades", "win rate", "95 % (robust)", "expectancy after fees",
        "95 % (robust)", "Sharpe", "PSR", "DSR",
    )  # fmt: skip
    pair_head = (
        "versions", "paired intervals", "difference", "95 % (robust)", "independent", "p, adjusted", "verdict",
        "own periods", "95 % (robust)",
    )  # fmt: skip
    page.add(
        page.section(
            "Versions",
            "First each version over its own period. Then two versions compared: paired where both decided on the same "
            "symbol in the same interval, and over their own periods, which is weaker. There is a verdict only if the "
            "interval excludes 0, adjusted for the number of comparisons (Benjamini-Hochberg).",
            table(period_head, periods) + (f"<h3>Compared</h3>{table(pair_head, pairs)}" if pairs else ""),
        )
    )


def _paired_n(claim: Claim) -> str:
    return number(claim.estimate.n)
