"""How much memory a process has held; imported by processes that are measured, so it brings nothing."""

import platform
import resource
from pathlib import Path


def peak_memory_mb() -> float:
    """The most memory that this process has held, in MB.

    Linux keeps it for the program that runs; what getrusage has may be that of the parent before the program started.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 2**20 if platform.system() == "Darwin" else most / 1024
