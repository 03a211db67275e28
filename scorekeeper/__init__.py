"""Scorekeeper keeps the score of a multi-agent trading system."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scorekeeper.tracker import PerformanceTracker

__all__ = ["PerformanceTracker"]

if not TYPE_CHECKING:  # a type checker would take any name as there

    def __getattr__(name: str) -> Any:
        # Only code that asks for the tracker pays for the import of the database library.
        if name == "PerformanceTracker":
            from scorekeeper.tracker import PerformanceTracker

            return PerformanceTracker
        raise AttributeError(name)
