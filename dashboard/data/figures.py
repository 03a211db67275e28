"""The answer of metrics as figures, each with its interval, its n, its verdict and the address of its rows."""

from collections.abc import Mapping
from typing import Any

from dashboard.data.figure import Figure
from dashboard.data.filters import Filters


def system_figures(answer: Mapping[str, Any], filters: Filters) -> dict[str, Figure]:
    """Every figure of the system by its key in metrics; P&L figures on the filters' basis (gross or after fees)."""
    raise NotImplementedError


def agent_figures(agent: str, figures: Mapping[str, Any], filters: Filters) -> dict[str, Figure]:
    """Every figure of an agent (an entry of answer["agent_performance"]) by its key in metrics."""
    raise NotImplementedError
