"""The score as tables on a terminal."""

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from scorekeeper.domain.text import escape_controls

_UNITS = {"sharpe": "", "sortino": "", "calmar": "", "sqn": "", "kelly": "", "payoff_ratio": "", "profit_factor": ""}


def print_metrics(metrics: dict[str, Any]) -> None:
    """System figures, gross and after fees, and the agents', each beside its sample size."""
    console = Console(highlight=False)
    scope = escape(escape_controls(metrics["version"] or "all versions"))
    table = Table(title=f"System ({scope}), as of {metrics['as_of'] or 'never tracked'}")
    for name in ("figure", "gross", "after fees"):
        table.add_column(name, justify="left" if name == "figure" else "right", overflow="fold")
    for name, value in metrics.items():
        if name not in ("net", "agent_performance", "version", "symbol", "as_of"):
            table.add_row(_label(name), _shown(value), _shown(metrics["net"][name]) if name in metrics["net"] else "")
    console.print(table)
    agents = Table(title="Agents, scored on what became of the price, traded or not")
    columns = ("signals", "calls", "correct", "incorrect", "accuracy", "accuracy_ci95", "brier", "avg_call_return_pct")
    agents.add_column("agent", overflow="fold")
    for column in columns:
        agents.add_column(_label(column), justify="right", overflow="fold")
    for agent, one in sorted(metrics["agent_performance"].items()):
        agents.add_row(escape(escape_controls(agent)), *(_shown(one[column]) for column in columns))
    console.print(agents)


def _label(name: str) -> str:
    words = name.replace("_pct", " %").replace("_ci95", " 95 % interval").replace("_minutes", " minutes")
    return words.replace("_", " ") + (" %" if name in ("win_rate", "accuracy") else "")


def _shown(value: object) -> str:
    if value is None:
        return "n/a"
    if isinstance(value, list):
        return " to ".join(f"{bound:.1f}" for bound in value)
    return f"{value:.3f}" if isinstance(value, float) else escape(str(value))
