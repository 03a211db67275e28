"""LOG_FORMAT=json: the logs of a process that stays, and what it prints, as lines of JSON."""

import atexit
import logging
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Any, Protocol

from scorekeeper.json_log import JsonFormatter, JsonLines, find_secrets, log_uncaught, wrap_line

PREFECT_CONFIG = Path(__file__).resolve().parents[1] / "tasks" / "json_logging.yml"
PREFECT_VARIABLE = "PREFECT_LOGGING_SETTINGS_PATH"


class HasLogFormat(Protocol):
    """The settings, or the one of them that logs need."""

    @property
    def log_format(self) -> str:
        """`text` or `json`."""


def begin_logs(settings: HasLogFormat, name: str) -> None:
    """With LOG_FORMAT=json, make JSON of what this process logs and prints from now on; `name` is its logger's.

    Call it before Prefect is imported, which reads its configuration then.
    """
    if settings.log_format != "json":
        return
    os.environ.setdefault(PREFECT_VARIABLE, str(PREFECT_CONFIG))
    handler = logging.StreamHandler(sys.__stderr__)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    sys.excepthook = log_uncaught
    for stream in ("stdout", "stderr"):
        real = getattr(sys, f"__{stream}__")
        real.reconfigure(line_buffering=True)
        lines = JsonLines(real, "INFO", name)
        setattr(sys, stream, lines)
        atexit.register(lines.finish)


def web_server_logs() -> dict[str, Any] | None:
    """For uvicorn's `log_config`: its own, or None where its records become JSON with all others."""
    from uvicorn.config import LOGGING_CONFIG

    return None if isinstance(sys.stderr, JsonLines) else LOGGING_CONFIG


def begin_lines(settings: HasLogFormat, child: "subprocess.Popen[bytes]", name: str) -> threading.Thread | None:
    """With LOG_FORMAT=json, make JSON of what a child prints to its pipe; None if it has none."""
    if settings.log_format != "json" or child.stdout is None:
        return None
    thread = threading.Thread(target=_pass_on, args=(child.stdout, name), daemon=True)
    thread.start()
    return thread


def _pass_on(printed: IO[bytes], name: str) -> None:
    secrets = find_secrets(os.environ)
    for raw in printed:
        words = raw.decode("utf-8", "replace").rstrip("\n")
        if words.strip():
            print(wrap_line(words, "INFO", name, secrets), file=sys.__stdout__, flush=True)
