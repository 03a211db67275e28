"""The score as tables on a terminal."""

from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from scorekeeper.metrics.money import say_net_holds
from scorekeeper.metrics.names import SYSTEM, Metric
from scorekeeper.safe_text import escape_controls

_WIDEST_GROUP = len("take_profit")
_AGENT_COLUMNS = {
    "accuracy": "right %", "accuracy_ci95": "95 %", "avg_call_return_pct": "avg %", "brier": "Brier",
    "ece": "ECE",
}  # fmt: skip
_GROUP_AGENT_COLUMNS = {name: label for name, label in _AGENT_COLUMNS.items() if name != "ece"}
_GROUP_COLUMNS = {
    "completed_trades": "n", "win_rate": "won %", "win_rate_ci95": "95 %", "expectancy_pct": "avg %",
    "total_pnl_pct": "sum %", "profit_factor": "factor", "max_drawdown_pct": "fall",
}  # fmt: skip


def print_metrics(metrics: dict[str, Any]) -> None:
    """The figures of the system, gross and after fees, and of each agent, beside their sample sizes."""
    console = Console(highlight=False)
    table = Table(title=f"System ({_scope(metrics)}), as of {metrics['as_of'] or 'never tracked'}")
    for name in ("figure", "gross", "after fees"):
        table.add_column(name, justify="left" if name == "figure" else "right", overflow="fold")
    for metric in SYSTEM:
        net = metrics["net"]
        after_fees = _shown(net[metric.name]) if metric.name in net else ""
        table.add_row(_label(metric), _shown(metrics[metric.name]), after_fees)
    console.print(table)
    _print_terms(console, metrics)
    agents = _agents_table("Agents, scored on what became of the price, traded or not", _AGENT_COLUMNS)
    for agent, one in sorted(metrics["agent_performance"].items()):
        agents.add_row(*_agent_cells(agent, one, _AGENT_COLUMNS))
    console.print(agents)


def _print_terms(console: Console, metrics: dict[str, Any]) -> None:
    """What the figures after fees hold beside the fee, and the figures in money; nothing where no trade has terms."""
    if holds := metrics.get("net_holds"):
        console.print(say_net_holds(holds))
    if money := metrics.get("money"):
        table = Table(title=f"In money, of the {money['trades']} closed trades with a size")
        for name in ("figure", "amount"):
            table.add_column(name, justify="left" if name == "figure" else "right", overflow="fold")
        for name, value in money.items():
            table.add_row(name.replace("_", " "), _shown(value))
        console.print(table)


def print_breakdown(metrics: dict[str, Any]) -> None:
    """The trades of each group, gross with the mean after fees, and its agents; averages beside their sample sizes."""
    console = Console(highlight=False)
    by = metrics["by"].replace("_", " ")
    table = Table(title=f"By {by}", padding=0, pad_edge=False, box=SIMPLE_HEAD)
    table.add_column(by, overflow="fold", min_width=_WIDEST_GROUP)
    for label in (*_GROUP_COLUMNS.values(), "net avg %"):
        table.add_column(label, justify="right", no_wrap=True)
    agents = _agents_table(f"Agents by {by}", _GROUP_AGENT_COLUMNS, by)
    for group in metrics["groups"]:
        label = "none given" if group[metrics["by"]] is None else escape(escape_controls(group[metrics["by"]]))
        cells = (_shown(group[name]) for name in _GROUP_COLUMNS)
        table.add_row(label, *cells, _shown(group["net"]["expectancy_pct"]))
        for agent, one in sorted((group["agent_performance"] or {}).items()):
            agents.add_row(label, *_agent_cells(agent, one, _GROUP_AGENT_COLUMNS))
    console.print(table)
    if agents.row_count:
        console.print(agents)


def _agents_table(title: str, columns: dict[str, str], *first: str) -> Table:
    table = Table(title=title, padding=0, pad_edge=False, box=SIMPLE_HEAD)
    for label in first:
        table.add_column(label, overflow="fold")
    table.add_column("agent", overflow="fold")
    for label in ("signals", "right", *columns.values()):
        table.add_column(label, justify="right", no_wrap=True)
    return table


def _agent_cells(agent: str, one: dict[str, Any], columns: dict[str, str]) -> list[str]:
    counts = (str(one["signals"]), f"{one['correct']}/{one['correct'] + one['incorrect']}")
    return [escape(escape_controls(agent)), *counts, *(_shown(one[name]) for name in columns)]


def _scope(metrics: dict[str, Any]) -> str:
    """What is counted, in words."""
    words = [metrics["version"] or "all versions"]
    words += [metrics["symbol"]] if metrics["symbol"] else []
    words += [f"{name} {metrics[name]}" for name in ("since", "until") if metrics[name]]
    words += ["suspect prices too"] if metrics["include_suspect"] else []
    words += ["without late ones"] if metrics["exclude_late"] else []
    return escape(escape_controls(", ".join(words)))


def _label(metric: Metric) -> str:
    words = metric.name.replace("_pct", " %").replace("_ci95", " 95 % interval").replace("_minutes", " minutes")
    return words.replace("_", " ") + (f" {metric.unit}" if metric.unit else "")


def _shown(value: object) -> str:
    if value is None:
        return "n/a"
    if isinstance(value, list):
        # A dash beside a minus sign cannot be read.
        return "–".join(f"{bound:.1f}" for bound in value) if value[0] >= 0 else "{:.2f} to {:.2f}".format(*value)
    return f"{value:.2f}" if isinstance(value, float) else escape(str(value))
