"""What votes would have earned, as tables on a terminal."""

from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table


def print_votes(votes: dict[str, Any]) -> None:
    """What each policy earns, and the paired differences. `votes`: as operations.backtest_weights.score_votes gives."""
    console = Console(highlight=False)
    scored = f"{votes['decisions']:,} decisions at their horizon, percent a decision"
    policies = _table(f"If the learned vote had been followed: {scored}", "followed", "traded")
    for one in votes["policies"].values():
        policies.add_row(one["says"], f"{one['traded']:,}", *_cells(one))
    paired = _table("Differences, paired by decision", "one less the other", "differ")
    for pair in votes["paired"]:
        names = [votes["policies"][pair[which]]["says"].partition(":")[0] for which in ("one", "other")]
        paired.add_row(f"{names[0]} less {names[1]}", f"{pair['differ']:,}", *_cells(pair))
    for table in (policies, paired):
        console.print(table)
    console.print(f"The learned weights were in use for {votes['adopted_decisions']:,} of these decisions.")


def _table(title: str, first: str, count: str) -> Table:
    table = Table(title=title, padding=(0, 0), pad_edge=False, box=SIMPLE_HEAD)
    table.add_column(first, overflow="fold")
    for name in (count, "gross", "95 %, robust", "net", "95 %, robust"):
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _cells(one: dict[str, Any]) -> list[str]:
    cells = []
    for name in ("gross_pct", "net_pct"):
        mean, interval = one[name]["mean"], one[name]["ci95_robust"]
        cells.append("n/a" if mean is None else f"{mean:.3f}")
        cells.append("not told" if interval is None else f"{interval[0]:.3f} to {interval[1]:.3f}")
    return cells
