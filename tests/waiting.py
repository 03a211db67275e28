"""Waiting for what other processes do, for as long as the machine's load asks for."""

import os
import time
from collections.abc import Callable

MOST_SECONDS = 600.0


def busy() -> float:
    """How many times as long as on an idle machine work takes now: processes that want to run, for each core."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def wait_until(is_so: Callable[[], bool], seconds: float = 30) -> bool:
    """Whether it becomes so. `seconds` are those of an idle machine: a busy one is given several times as many."""
    began = time.monotonic()
    while time.monotonic() - began < min(MOST_SECONDS, 2 * seconds * busy()):
        if is_so():
            return True
        time.sleep(0.1)
    return False
