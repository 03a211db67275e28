"""Which system a flow works on, if its run is one over several."""

import logging
import time
from collections.abc import Callable, MutableMapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from tasks.engine import get_run_logger

if TYPE_CHECKING:
    from tasks.engine import Task

LOG_SECONDS = 30.0

P = ParamSpec("P")
R = TypeVar("R")
# Empty where a run has one system alone.
AT_WORK: ContextVar[str] = ContextVar("system at work", default="")


class _NamingTheSystem(logging.LoggerAdapter[Any]):
    """A run's logger whose lines begin with the system at work."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        return f"{AT_WORK.get()}: {msg}", kwargs


def is_one_of_several() -> bool:
    """Whether this is the work on one of several systems in the same run."""
    return bool(AT_WORK.get())


def run_logger() -> Any:
    """The logger of this run; in a run over several systems each line names the system."""
    logger: Any = get_run_logger()
    return _NamingTheSystem(logger) if is_one_of_several() else logger


def now_and_then(log: Callable[[str, str], None], first: float = LOG_SECONDS) -> Callable[[str], None]:
    """Log how far long work is, at most once in LOG_SECONDS: work that ends within `first` seconds logs nothing."""
    quiet_until = time.monotonic() + first

    def tell(words: str) -> None:
        nonlocal quiet_until
        if (now := time.monotonic()) >= quiet_until:
            quiet_until = now + LOG_SECONDS
            log("%s", words)

    return tell


def step(task: "Task[P, R]") -> Callable[P, R]:
    """A task; for one of several systems its function alone.

    The states and events of a hundred systems' tasks, each minute, would fill Prefect's database.
    """
    return task.fn if is_one_of_several() else task
