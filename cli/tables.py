"""The score as tables on a terminal."""

from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from scorekeeper.domain.text import escape_controls

_AGENT_COLUMNS = {"accuracy": "right %", "accuracy_ci95": "95 %", "brier": "Brier", "avg_call_return_pct": "avg %"}


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
    agents = Table(
        title="Agents, scored on what became of the price, traded or not", padding=0, pad_edge=False, box=SIMPLE_HEAD
    )
    agents.add_column("agent", overflow="fold")
    for label in ("signals", "calls", "right", *_AGENT_COLUMNS.values()):
        agents.add_column(label, justify="right", no_wrap=True)
    for agent, one in sorted(metrics["agent_performance"].items()):
        counts = (str(one["signals"]), str(one["calls"]), f"{one['correct']}/{one['correct'] + one['incorrect']}")
        agents.add_row(escape(escape_controls(agent)), *counts, *(_shown(one[name]) for name in _AGENT_COLUMNS))
    console.print(agents)


def _label(name: str) -> str:
    words = name.replace("_pct", " %").replace("_ci95", " 95 % interval").replace("_minutes", " minutes")
    return words.replace("_", " ") + (" %" if name in ("win_rate", "accuracy") else "")


def _shown(value: object) -> str:
    if value is None:
        return "n/a"
    if isinstance(value, list):
        return "–".join(f"{bound:.1f}" for bound in value)
    return f"{value:.2f}" if isinstance(value, float) else escape(str(value))
