"""How far a verification is."""

from collections.abc import Callable

# Called with what is compared, and how many more of it there were.
Progress = Callable[[str, int], None]


def silent(_what: str, _more: int) -> None:
    """Tell nothing."""
