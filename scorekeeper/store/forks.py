"""What the child of a fork must not share with its parent. Each object that holds such a thing is reset there.

Two processes on one connection would read each other's replies. A lock that another thread held at the fork would
never be released in the child, where that thread does not exist.
"""

import itertools
import os
import weakref
from typing import Any, Protocol


class Sharer(Protocol):
    """An object that holds something a child must not share."""

    def reset_in_child(self) -> None:
        """In the child, before anything else runs: drop what is the parent's, without sending anything to a server."""
        ...


_numbers = itertools.count()
_sharers: weakref.WeakValueDictionary[int, Sharer] = weakref.WeakValueDictionary()
# The parent's objects stay alive here, unused: closing them could send something on the parent's connection.
_left_to_parent: list[Any] = []


def reset_in_children(sharer: Sharer) -> None:
    """Call `sharer.reset_in_child` in every child for as long as `sharer` lives, in the order of these calls."""
    _sharers[next(_numbers)] = sharer


def leave_to_parent(thing: object) -> None:
    """Keep an object of the parent's from being closed in this process."""
    _left_to_parent.append(thing)


def _reset_all() -> None:
    for sharer in list(_sharers.values()):
        sharer.reset_in_child()


os.register_at_fork(after_in_child=_reset_all)
