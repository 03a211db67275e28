"""What the flows log, as one line that renews itself on a terminal; nothing elsewhere."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scorekeeper.domain.text import escape_controls

_OURS = [Path(__file__).resolve().parents[1] / room for room in ("tasks", "flows", "scorekeeper")]
_LOGGERS = ("prefect.flow_runs", "prefect.task_runs")


class _Line(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        if any(Path(record.pathname).is_relative_to(room) for room in _OURS):
            sys.stderr.write(f"\r\x1b[2K{escape_controls(record.getMessage())[:100]}")
            sys.stderr.flush()


@contextmanager
def show_progress() -> Iterator[None]:
    """Show what the flows within say of their progress, and wipe it at the end."""
    if not sys.stderr.isatty():
        yield
        return
    line = _Line(logging.INFO)
    for name in _LOGGERS:
        logging.getLogger(name).addHandler(line)
    try:
        yield
    finally:
        for name in _LOGGERS:
            logging.getLogger(name).removeHandler(line)
        sys.stderr.write("\r\x1b[2K")
