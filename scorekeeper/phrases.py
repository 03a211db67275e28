"""Phrases that several messages share: a count with its noun, and a list that names a few of many."""

from collections.abc import Sequence


def counted(number: int, noun: str) -> str:
    """A number with its noun.

    >>> counted(1, "file"), counted(1200, "file")
    ('1 file', '1,200 files')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def and_more(total: int, shown: int) -> str:
    """The end of a list that shows only some of its items; empty if it shows all of them.

    >>> and_more(12, 10), and_more(3, 10)
    (' and 2 more', '')
    """
    return f" and {total - shown} more" if total > shown else ""


def name_some(names: Sequence[str], most: int, *, separator: str = ", ") -> str:
    """The first `most` names, and how many more there are.

    >>> name_some(["a", "b", "c"], 2)
    'a, b and 1 more'
    """
    return separator.join(names[:most]) + and_more(len(names), most)
