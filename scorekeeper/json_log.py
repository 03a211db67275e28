"""Log records and printed lines as JSON, one object a line, for LOG_FORMAT=json.

Each line is ASCII: what a decision or a file brings, it brings escaped. Secrets of the environment, and passwords in
addresses, are masked.
"""

import json
import logging
import os
import re
import sys
import threading
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from io import TextIOBase
from typing import IO, Any

MASK = "***"
SHORTEST_SECRET = 8
# What Prefect's loggers add to a record, and monitoring searches by.
EXTRA = (
    "flow_name", "flow_run_name", "flow_run_id", "task_name", "task_run_name", "task_run_id", "deployment_name",
    "worker_name",
)  # fmt: skip
_NAMES = re.compile(r"(?i)(_|^|^pg)(token|password|secret|auth_string|secret_access_key|session_token|api_key)$")
_IN_ADDRESS = re.compile(r"(?<=://)([^\s/@:]*):[^\s/@]+(?=@)")
# In the query of an address, or among Postgres' connection parameters.
_AS_PARAMETER = re.compile(r"(?i)\b((?:ssl)?password=)[^\s&'\"]+")
_LONGEST = 100_000  # characters of one message


class JsonFormatter(logging.Formatter):
    """A record as a line of JSON: time, level, logger, message, process, and what Prefect adds."""

    def __init__(self, **_: Any) -> None:
        super().__init__()
        self._secrets = find_secrets(os.environ)

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line = _line(
            datetime.fromtimestamp(record.created, UTC), record.levelname, record.name, record.getMessage(),
            process=record.process,
        )  # fmt: skip
        line |= {name: str(value) for name in EXTRA if (value := getattr(record, name, None)) is not None}
        line |= _trace_of_now()
        if record.exc_info and record.exc_info[1] is not None:
            line["exception"] = _explain(record.exc_info[1])
        return dump(line, self._secrets)


class JsonLines(TextIOBase):
    """A text stream whose lines become JSON on `stream`; `level` and `logger` are those of each line."""

    encoding = "utf-8"

    def __init__(self, stream: IO[str], level: str, logger: str) -> None:
        self._stream, self._level, self._logger = stream, level, logger
        self._secrets = find_secrets(os.environ)
        self._rest = ""
        self._turn = threading.RLock()  # threads print, and so does a signal's handler in the midst of it

    def write(self, words: str) -> int:
        """Take text in; each line goes out once it has its end."""
        with self._turn:
            *lines, self._rest = (self._rest + words).split("\n")
            for line in lines:
                if line.strip():
                    self._stream.write(wrap_line(line, self._level, self._logger, self._secrets) + "\n")
        return len(words)

    def flush(self) -> None:
        """Flush what has gone out."""
        self._stream.flush()

    def finish(self) -> None:
        """Send out a last line that has no end."""
        if self._rest:
            self.write("\n")
        self.flush()

    def fileno(self) -> int:
        """The stream's."""
        return self._stream.fileno()

    def isatty(self) -> bool:
        """No: programs shall not colour what they print."""
        return False

    def writable(self) -> bool:
        """Yes."""
        return True


def wrap_line(line: str, level: str, logger: str, secrets: tuple[str, ...] = ()) -> str:
    """A printed line as JSON. One that is a record of ours already keeps its fields.

    >>> json.loads(wrap_line("ready", "INFO", "worker"))["message"]
    'ready'
    """
    if line.startswith("{"):
        try:
            known = json.loads(line)
        except ValueError:
            known = None
        if isinstance(known, dict) and {"time", "level", "logger", "message"} <= known.keys():
            return dump(known, secrets)
    return dump(_line(datetime.now(UTC), level, logger, line.rstrip("\r"), process=os.getpid()), secrets)


def dump(line: Mapping[str, Any], secrets: tuple[str, ...]) -> str:
    """One line of ASCII, masked.

    >>> dump({"message": "to postgresql://me:pass-word@host/db, with s3cr3t-token"}, ("s3cr3t-token",))
    '{"message": "to postgresql://me:***@host/db, with ***"}'
    """
    return json.dumps({name: _mask(value, secrets) for name, value in line.items()})


def find_secrets(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The values that no line may hold, the longest first: those of variables whose names say so.

    >>> find_secrets({"METRICS_TOKEN": "0123456789", "PATH": "/usr/bin", "PREFECT_API_AUTH_STRING": "user:password"})
    ('user:password', '0123456789', 'password')
    """
    found = set()
    for name, value in environment.items():
        if _NAMES.search(name) and len(value) >= SHORTEST_SECRET:
            found.add(value)
            if ":" in value and len(value.partition(":")[2]) >= SHORTEST_SECRET:
                found.add(value.partition(":")[2])
    return tuple(sorted(found, key=lambda value: (-len(value), value)))


def log_uncaught(kind: type[BaseException], error: BaseException, _trace: Any) -> None:
    """For sys.excepthook: an exception that ends a process is one record, not the lines of a traceback."""
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger("scorekeeper").critical("%s: %s", kind.__name__, error, exc_info=error)


def _line(at: datetime, level: str, logger: str, message: str, *, process: int | None) -> dict[str, Any]:
    return {
        "time": at.isoformat(timespec="microseconds"), "level": level, "logger": logger, "message": message[:_LONGEST],
        "process": process,
    }  # fmt: skip


def _explain(error: BaseException) -> dict[str, str]:
    trace = "".join(traceback.format_exception(error))
    return {"type": type(error).__name__, "message": str(error)[:_LONGEST], "traceback": trace[-_LONGEST:]}


def _mask(value: Any, secrets: tuple[str, ...]) -> Any:
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, MASK)
        return _AS_PARAMETER.sub(rf"\1{MASK}", _IN_ADDRESS.sub(rf"\1:{MASK}", value))
    if isinstance(value, Mapping):
        return {str(name): _mask(one, secrets) for name, one in value.items()}
    if isinstance(value, list):
        return [_mask(one, secrets) for one in value]
    return value


def _trace_of_now() -> dict[str, str]:
    """The ids of the OpenTelemetry span that is being recorded, if any: a log line is found from its trace."""
    if (trace := sys.modules.get("opentelemetry.trace")) is None:
        return {}
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return {}
    return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}
