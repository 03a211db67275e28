"""Starts a pipeline, or a single step, for each line on stdin, by fork, so that a thousand of them do not import
everything again.

python -m tests.faults.zygote: a line of JSON {work, folder, environment, arguments, point, number, seconds} each;
answers {signal, status, passed}: what the process died of (0: it ended by itself), and how often it came by which
point.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from tests.faults import pipeline, steps
from tests.faults.failpoints import Failpoints

WORK: dict[str, Callable[..., None]] = {"pipeline": pipeline.main, "step": steps.main, "following": pipeline.follow}


def run(order: dict[str, Any]) -> dict[str, Any]:
    """One piece of work in a process of its own, killed after `seconds` if it lives as long."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.chdir(order["folder"])
        os.environ.update(order["environment"])
        points = Failpoints(order["point"], order["number"])
        points.arm()
        status = 1
        try:
            WORK[order["work"]](*order["arguments"])
            status = 0
        finally:
            os.write(writing, json.dumps(points.passed).encode())
            sys.stderr.flush()
            os._exit(status)
    os.close(writing)
    found = _wait(child, time.monotonic() + order["seconds"])
    with os.fdopen(reading, "rb") as said:
        passed = said.read()
    dead = os.WTERMSIG(found) if os.WIFSIGNALED(found) else 0
    ended = os.WEXITSTATUS(found) if os.WIFEXITED(found) else None
    return {"signal": dead, "status": ended, "passed": json.loads(passed or b"{}")}


def _wait(child: int, deadline: float) -> int:
    """How it ended; by SIGKILL if it has not by then."""
    while True:
        pid, found = os.waitpid(child, os.WNOHANG)
        if pid:
            return found
        if time.monotonic() >= deadline:
            os.kill(child, signal.SIGKILL)
            return os.waitpid(child, 0)[1]
        time.sleep(0.002)


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), flush=True)
