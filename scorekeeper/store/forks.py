"""What a child of a fork must not share with its parent: each holder of such a thing begins anew there, first of all.

A connection has one conversation: two processes on it would hear each other's answers. A lock that another thread held
when the process was forked would never be given back in the child, where that thread does not exist.
"""

import itertools
import os
import weakref
from typing import Any, Protocol


class Sharer(Protocol):
    """Somebody who holds what a child must not share."""

    def begin_anew(self) -> None:
        """In the child, before anything else runs: let go of what is the parent's, without a word to anybody else."""
        ...


_numbers = itertools.count()
_sharers: weakref.WeakValueDictionary[int, Sharer] = weakref.WeakValueDictionary()
# What is the parent's lives on here, unused: its end in the child could say something where the parent is speaking.
_left_to_parent: list[Any] = []


def begin_anew_after_fork(sharer: Sharer) -> None:
    """Let `sharer` begin anew in every child, as long as it lives; in the order of these calls."""
    _sharers[next(_numbers)] = sharer


def leave_to_parent(thing: object) -> None:
    """Keep what is the parent's from being ended here."""
    _left_to_parent.append(thing)


def _begin_anew() -> None:
    for sharer in list(_sharers.values()):
        sharer.begin_anew()


os.register_at_fork(after_in_child=_begin_anew)
