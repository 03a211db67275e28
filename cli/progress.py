"""Progress of flows and of long library work: one line that is rewritten in place on a terminal, nothing elsewhere."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from scorekeeper.safe_text import escape_controls

_OURS = [Path(__file__).resolve().parents[1] / package for package in ("tasks", "flows", "scorekeeper")]
_LOGGERS = ("prefect.flow_runs", "prefect.task_runs", "scorekeeper.flow_runs")


class _Line(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        if any(Path(record.pathname).is_relative_to(package) for package in _OURS):
            _rewrite(record.levelno, record.getMessage())


def _rewrite(_level: int, words: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[2K{escape_controls(words)[:100]}")
        sys.stderr.flush()


@contextmanager
def show_progress() -> Iterator[Callable[[int, str], None]]:
    """Show what flows log meanwhile, and what is passed to the function given; clear the line at the end."""
    line = _Line(logging.INFO)
    for name in _LOGGERS:
        logging.getLogger(name).addHandler(line)
    try:
        yield _rewrite
    finally:
        for name in _LOGGERS:
            logging.getLogger(name).removeHandler(line)
        _rewrite(logging.INFO, "")
