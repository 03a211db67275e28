"""Scorekeeper keeps the score of a multi-agent trading system."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scorekeeper.tracker import PerformanceTracker

__all__ = ["PerformanceTracker"]

if not TYPE_CHECKING:  # a type checker would take any name as there

    def __getattr__(name: str) -> Any:
        # The tracker imports the database library, which most uses do not need.
        if name == "PerformanceTracker":
            from scorekeeper.tracker import PerformanceTracker

            return PerformanceTracker
        raise AttributeError(name)
