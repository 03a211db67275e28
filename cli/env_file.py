"""A `.env` as text: which settings it holds, and the same file with others. Every other line stays as it is. Pure."""

import io
import re
from collections.abc import Mapping

from dotenv.parser import Binding, parse_stream

_PLAIN = re.compile(r"[\w./:@%+,=\-]*")
_HEAD = "# Scorekeeper: every setting is in README.md. Relative paths count from the folder of this file."


def read_env(words: str) -> dict[str, str]:
    """The values by name, as a `.env` holds them; the last one of a name counts.

    >>> read_env("A=1\\nexport B='x y'")
    {'A': '1', 'B': 'x y'}
    """
    return {one.key: one.value for one in _parse(words) if one.key is not None and one.value is not None}


def change_env(words: str, values: Mapping[str, str]) -> str:
    """The file with these values: lines that set one of them are left out, and a block of all is at the end.

    >>> print(change_env("KEY=secret\\nMARKET=old\\n", {"MARKET": "ccxt:kraken"}), end="")
    KEY=secret
    <BLANKLINE>
    # Scorekeeper: every setting is in README.md. Relative paths count from the folder of this file.
    MARKET=ccxt:kraken
    """
    names = {name.upper() for name in values}
    kept = "".join(one.original.string for one in _parse(words) if one.key is None or one.key.upper() not in names)
    kept = kept.replace(f"{_HEAD}\n", "").rstrip("\n")
    block = "".join(f"{name}={_quote(value)}\n" for name, value in values.items())
    return (f"{kept}\n\n" if kept.strip() else "") + f"{_HEAD}\n{block}"


def _parse(words: str) -> list[Binding]:
    return list(parse_stream(io.StringIO(words)))


def _quote(value: str) -> str:
    """A value as dotenv reads it back. Raises ValueError for one of several lines."""
    if not value.isprintable():
        raise ValueError("a value is one printable line")
    if _PLAIN.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
