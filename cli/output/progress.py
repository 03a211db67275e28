"""What flows log, and library work tells, as one line that renews itself on a terminal; nothing elsewhere."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from scorekeeper.safe_text import escape_controls

_OURS = [Path(__file__).resolve().parents[2] / room for room in ("tasks", "flows", "scorekeeper")]
_LOGGERS = ("prefect.flow_runs", "prefect.task_runs")


class _Line(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        if any(Path(record.pathname).is_relative_to(room) for room in _OURS):
            _renew(record.levelno, record.getMessage())


def _renew(_level: int, words: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[2K{escape_controls(words)[:100]}")
        sys.stderr.flush()


@contextmanager
def show_progress() -> Iterator[Callable[[int, str], None]]:
    """Show what the flows within say of their progress, and what is told to it; wipe it at the end."""
    line = _Line(logging.INFO)
    for name in _LOGGERS:
        logging.getLogger(name).addHandler(line)
    try:
        yield _renew
    finally:
        for name in _LOGGERS:
            logging.getLogger(name).removeHandler(line)
        _renew(logging.INFO, "")
