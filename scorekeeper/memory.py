"""The allocator of this process: glibc's can be asked to hold less."""

import ctypes
from contextlib import suppress


def free_memory() -> None:
    """Give back to the system what the allocator keeps of freed arrays. glibc alone keeps much, and can be asked."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


def use_one_pool() -> None:
    """Let the threads of this process share one pool of memory: few that do little need none of their own.

    Each pool keeps what it once held: some megabytes. glibc alone has it.
    """
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(-8, 1)  # M_ARENA_MAX
