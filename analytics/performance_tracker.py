"""The predecessor's import path, nothing but the name."""

from scorekeeper.tracker import PerformanceTracker

__all__ = ["PerformanceTracker"]
